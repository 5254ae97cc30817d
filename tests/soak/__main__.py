"""Mixed load with one hostile request in a hundred, weights, and random inputs: `make soak ARGS="--minutes 10"`.

It fails if there was a defect, an answer that nobody should get, memory that grows, weights that are not kept, or an
exception.
"""

from __future__ import annotations

import argparse
import os
import sys

from tests.soak.inputs import try_inputs
from tests.soak.mixed import run_mixed_load
from tests.soak.weights import try_weights


def _untested(reason: str) -> list[str]:
    print(f"NOT TESTED: {reason}")
    return []


def main() -> int:
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="of mixed load")
    parser.add_argument("--inputs", type=int, default=1_000_000, help="random inputs, after that")
    parser.add_argument("--seed", default="0", help="of the random inputs")
    options = parser.parse_args()
    problems = run_mixed_load(options.minutes * 60) if options.minutes else []
    problems += try_weights() if os.geteuid() == 0 else _untested("weights of a name with two addresses need root")
    problems += try_inputs(options.inputs, options.seed)
    for problem in problems:
        print(f"FAILED: {problem}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
