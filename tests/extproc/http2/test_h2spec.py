"""h2spec, the conformance test for HTTP/2 servers, against a server that answers any request.

`make .h2spec/h2spec` builds it with Go, as does the first test run. https://github.com/summerwind/h2spec
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.extproc.http2.answering import answering

ROOT = Path(__file__).parents[3]
H2SPEC = ROOT / ".h2spec" / "h2spec"
BUILD_SECONDS = 500

pytestmark = pytest.mark.timeout(BUILD_SECONDS + 60)


@pytest.fixture(scope="module")
def h2spec() -> Path:
    if not H2SPEC.exists():
        if shutil.which("go") is None:
            pytest.skip("h2spec was not run: Go, with which it is built, is not installed")
        subprocess.run(("make", "--silent", H2SPEC.relative_to(ROOT)), cwd=ROOT, check=True, timeout=BUILD_SECONDS)  # noqa: S607 - any make
    return H2SPEC


@pytest.mark.parametrize(("suite", "cases"), [("generic", 44), ("http2", 95), ("hpack", 7)])
async def test_every_case_passes(h2spec: Path, suite: str, cases: int) -> None:
    async with answering() as port:
        arguments = (suite, "--strict", "--port", str(port), "--timeout", "10")
        process = await asyncio.create_subprocess_exec(h2spec, *arguments, stdout=asyncio.subprocess.PIPE)
        output, _ = await process.communicate()
    summary = output.decode().strip().splitlines()[-1]
    assert summary == f"{cases} tests, {cases} passed, 0 skipped, 0 failed", output.decode()
