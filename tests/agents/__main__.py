"""`python -m tests.agents [NAME…]`: install programs, run their scenarios, and keep the results."""

from __future__ import annotations

import argparse
import re
import sys
import time

from tests.agents import matrix, results
from tests.agents.folders import CannotInstall
from tests.agents.gateway import AgentsGateway, agents_gateway
from tests.agents.program import Program
from tests.agents.programs import PROGRAMS
from tests.agents.run import run
from tests.agents.scenarios import SCENARIOS, Outcome, Scenario, problems


def main() -> int:
    """Run the chosen programs; return the number of facts that do not hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.agents", description=__doc__)
    parser.add_argument("names", nargs="*", help="programs, or beginnings of their names; all without")
    parser.add_argument("--scenario", action="append", help="only these; the results are not kept")
    parser.add_argument("--list", action="store_true", help="list the programs")
    parser.add_argument("--output", action="store_true", help="show what the programs print")
    options = parser.parse_args()
    chosen = [one for one in PROGRAMS if not options.names or one.name.startswith(tuple(options.names))]
    if options.list:
        print(*(program.name for program in chosen), sep="\n")
        return 0
    faults = 0
    with agents_gateway() as gateway:
        for program in chosen:
            faults += _run(program, gateway, options)
    return faults


def _run(program: Program, gateway: AgentsGateway, options: argparse.Namespace) -> int:
    try:
        folder = program.folder.install()
    except CannotInstall as error:
        print(f"{program.name}: cannot be installed: {error}")
        return 1
    found: dict[str, str] = {}
    outcomes: dict[str, Outcome] = {}
    for scenario in SCENARIOS:
        if not program.has(scenario.name) or (options.scenario and scenario.name not in options.scenario):
            continue
        started = time.monotonic()
        source = "answer" if scenario.name == "stream" and program.always_streams else scenario.source or scenario.name
        if source not in outcomes:
            outcomes[source] = run(program, scenario, gateway, folder)
        outcome = outcomes[source]
        found[scenario.name] = "; ".join(problems(program, scenario, outcome))
        _show(program, scenario, found[scenario.name], time.monotonic() - started)
        if options.output:
            print(outcome.output)
            for line in outcome.seen.exchanges:
                print(
                    {name: line[name] for name in ("time", "method", "path", "model", "status", "details", "dropped")}
                )
            for request in outcome.seen.requests:
                print(
                    request["path"],
                    request["status"],
                    sorted(set(re.findall(r'"toolSpec":{"name":"([^"]+)', request["body"]))),
                )
    if not options.scenario:
        results.keep(program, found)
        matrix.PAGE.write_text(matrix.page())
    return sum(bool(problem) and name not in program.fails for name, problem in found.items())


def _show(program: Program, scenario: Scenario, problem: str, seconds: float) -> None:
    verdict = "ok" if not problem else "known to fail" if scenario.name in program.fails else "FAILS"
    print(f"{program.name:24} {scenario.name:8} {seconds:5.1f} s  {verdict}  {problem}", flush=True)


if __name__ == "__main__":
    sys.exit(min(main(), 100))
