"""What the processor adds to Envoy: CPU, latency, memory and time to start; beside a no-op processor, and beside peers.

Run `make bench`, or `python -m benchmarks`; `--quick` to see whether it works at all. Scenarios times stacks, in rounds
that go from stack to stack; every figure is the median of the rounds. Machines differ and are noisy: compare within a
run. Everything is on loopback, on ports that the system picks. Linux only (/proc).
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import sys
import tempfile
from collections import deque
from collections.abc import Sequence
from pathlib import Path

import msgspec

from aigw_extproc.envoy.binary import EnvoyNotFound
from aigw_extproc.serve.child import ChildFailed
from benchmarks.findings import Findings
from benchmarks.measure import BenchmarkFailed
from benchmarks.parts import PARTS, Effort, Part
from benchmarks.peer import NotInstalled, litellm
from benchmarks.picture import write_docs
from benchmarks.report import Report, report, show

QUICK = 0.02
"""Of the requests that a full run sends."""
PEERS = {"litellm": litellm}


async def benchmark(parts: Sequence[Part], effort: Effort) -> Report:
    """One part after the other, each with a folder of its own."""
    found = Findings()
    for part in parts:
        with tempfile.TemporaryDirectory(prefix="aigw-bench-") as folder:
            await part(Path(folder), effort, found)
    return report(found, rounds=effort.rounds)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", type=_parts, default=[*PARTS], metavar="PART,...", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--peer", choices=PEERS, action="append", default=[], help="installed, and measured as well")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything to this file")
    parser.add_argument("--docs", action="store_true", help="draw docs/performance.svg and fill in docs/performance.md")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one round with few requests")
    return parser.parse_args()


def _parts(text: str) -> list[str]:
    names = [name for name in text.split(",") if name]
    if unknown := set(names) - set(PARTS):
        raise argparse.ArgumentTypeError(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    return names


def main() -> None:
    """Prints the tables; exits with 1 when a request failed. Bounds are shown, not enforced: machines differ."""
    options = _options()
    _allow_many_files()
    log: deque[str] = deque(maxlen=30)
    effort = Effort(
        rounds=1 if options.quick else options.rounds,
        share=QUICK if options.quick else 1.0,
        on_log=lambda name, line: log.append(f"{name}: {line}"),
    )
    parts = [*(PARTS[name] for name in options.only), *(PEERS[name] for name in options.peer)]
    try:
        results = asyncio.run(benchmark(parts, effort))
    except (BenchmarkFailed, ChildFailed, EnvoyNotFound, NotInstalled, TimeoutError) as error:
        sys.exit("\n".join((*log, f"the benchmark failed: {error or type(error).__name__}")))
    show(results)
    if options.json:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(results)) + b"\n")
    if options.docs:
        write_docs(results)


def _allow_many_files() -> None:
    """2,000 streams are 4,000 sockets of Envoy's; children inherit the limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


if __name__ == "__main__":
    main()
