"""One run of a program: its home and its work in temporary folders, its output, and what the gateway saw."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from pathlib import Path

from tests.agents.gateway import AgentsGateway
from tests.agents.program import Command, Program, Task
from tests.agents.scenarios import BEFORE, Outcome, Scenario


def run(program: Program, scenario: Scenario, gateway: AgentsGateway, folder: Path) -> Outcome:
    """Run a scenario in temporary folders."""
    with tempfile.TemporaryDirectory(prefix="agent-", ignore_cleanup_errors=True) as name:
        home, work = Path(name) / "home", Path(name) / "work"
        home.mkdir()
        work.mkdir()
        (work / "main.py").write_text(BEFORE)
        task = Task(
            scenario=scenario.name,
            gateway=gateway.url,
            model=scenario.model or program.model,
            prompt=scenario.prompt(program, work),
            folder=folder,
            home=home,
            work=work,
        )
        command = program.start(task)
        for path, text in command.files.items():
            target = home / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        code, output = _execute(command, task, program.seconds)
        return Outcome(code=code, output=output, seen=gateway.observe(), file=(work / "main.py").read_text())


def _execute(command: Command, task: Task, seconds: float) -> tuple[int | None, str]:
    """Return the exit code, None if it was ended after `seconds`, and both outputs."""
    path = f"{task.folder / 'bin'}:{task.folder / 'node_modules/.bin'}:{os.environ['PATH']}"
    env = {"PATH": path, "HOME": str(task.home), "LANG": "C.UTF-8", "TERM": "dumb", **command.env}
    process = subprocess.Popen(
        command.argv,
        cwd=task.work,
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(command.stdin, timeout=seconds)
        return process.returncode, output
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        return None, output
