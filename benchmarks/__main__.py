"""What the processor adds to Envoy: CPU, latency, memory and start time, compared with a no-op processor and peers.

Run `make bench`, or `python -m benchmarks`; `--quick` checks that it works. Every scenario runs on every stack, in
rounds that go from stack to stack; figures are medians of the rounds. Machines differ and are noisy: compare only
within a run. Everything is on loopback, on ports that the system picks. Linux only (/proc).
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
"""Share of the requests of a full run."""
PEERS = {"litellm": litellm}


async def benchmark(parts: Sequence[Part], effort: Effort) -> Report:
    """Run the parts one after the other, each in its own folder."""
    findings = Findings()
    for part in parts:
        with tempfile.TemporaryDirectory(prefix="aigw-bench-") as folder:
            await part(Path(folder), effort, findings)
    return report(findings, rounds=effort.rounds)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only", type=_parts, default=[*PARTS], metavar="PART,...", help=f"parts to run, of {', '.join(PARTS)}"
    )
    parser.add_argument("--peer", choices=PEERS, action="append", default=[], help="install and measure this peer too")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results to this file")
    parser.add_argument(
        "--docs", action="store_true", help="write docs/performance.svg and the tables of docs/performance.md"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one round with few requests")
    return parser.parse_args()


def _parts(text: str) -> list[str]:
    names = [name for name in text.split(",") if name]
    if unknown := set(names) - set(PARTS):
        raise argparse.ArgumentTypeError(f"unknown part: {', '.join(sorted(unknown))}; choose from {', '.join(PARTS)}")
    return names


def main() -> None:
    """Print the tables; exit with 1 when a request failed. Bounds are shown, not enforced: machines differ."""
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
    """Raise the limit of open files: 2,000 streams are 4,000 sockets of Envoy's. Child processes inherit it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


if __name__ == "__main__":
    main()
