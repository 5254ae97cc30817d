"""Running the command line as a user does."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SECRET = "canary/SECRET+access=key"

ROUTE = """\
apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIGatewayRoute
metadata: {name: models}
spec:
  rules:
    - matches: [{headers: [{name: x-ai-eg-model, value: nova}]}]
      backendRefs: [{name: bedrock}]
"""
BACKEND = f"""\
apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIServiceBackend
metadata: {{name: bedrock}}
spec:
  schema: {{name: AWSBedrock}}
  backendRef: {{name: bedrock, kind: Backend, group: gateway.envoyproxy.io}}
---
apiVersion: aigateway.envoyproxy.io/v1beta1
kind: BackendSecurityPolicy
metadata: {{name: bedrock}}
spec:
  targetRefs: [{{group: aigateway.envoyproxy.io, kind: AIServiceBackend, name: bedrock}}]
  type: AWSCredentials
  awsCredentials: {{region: us-east-1, credentialsFile: {{secretRef: {{name: key}}}}}}
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: {{name: bedrock}}
spec: {{endpoints: [{{ip: {{address: 127.0.0.1, port: 9}}}}]}}
---
apiVersion: v1
kind: Secret
metadata: {{name: key}}
stringData: {{credentials: "[default]\\naws_access_key_id = AKIDOFTEST\\naws_secret_access_key = {SECRET}\\n"}}
"""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """The result of a command."""

    code: int
    out: str
    err: str


def aigw(*arguments: str | Path, cwd: Path | None = None, **more: str) -> Ended:
    """Run a command to its end, with `more` in its environment. Its output must have no traceback and no secret."""
    done = subprocess.run(
        command(*arguments), cwd=cwd, env=environment(**more), capture_output=True, text=True, timeout=60
    )
    ended = Ended(code=done.returncode, out=done.stdout, err=done.stderr)
    assert "Traceback" not in ended.out + ended.err
    assert SECRET not in ended.out + ended.err
    return ended


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "aigw_extproc", *map(str, arguments)]


def environment(**more: str) -> dict[str, str]:
    """Return our environment without AWS's variables."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return {**kept, **more}


def usage_error(ended: Ended) -> str:
    """Return the error after the usage."""
    assert (ended.code, ended.out) == (2, "")
    match = re.search(r"^Error: (.*)$", ended.err, re.MULTILINE)
    assert match, ended.err
    return match[1]


@contextmanager
def taken_port() -> Iterator[int]:
    """Yield a port that is in use."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]
