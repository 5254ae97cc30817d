"""The example configurations in the repository's `envoy/`.

`python -m aigw_extproc.envoy.examples [FOLDER]` renders them (`make envoy-examples`); a test checks they are current.
"""

from __future__ import annotations

import sys
from pathlib import Path

from aigw_extproc.aws.identity import Credentials
from aigw_extproc.config.builtin import demo_configuration, region_configuration
from aigw_extproc.config.snapshot import Snapshot
from aigw_extproc.envoy.authorities import CA_FILES
from aigw_extproc.envoy.options import SIMULATOR, Options
from aigw_extproc.envoy.render import render, to_yaml
from aigw_extproc.envoy.snippet import snippet

OPTIONS = Options(ca_file=CA_FILES[0])
"""The defaults, with the certificate file of the official Envoy image."""

HEADER = "# {title}\n# Rendered by `make envoy-examples`, like every file here; do not edit.\n\n"


def examples() -> dict[str, str]:
    """Return the examples by file name."""
    demo = demo_configuration(SIMULATOR.host, SIMULATOR.port, Credentials(access_key_id="", secret_access_key=""))
    return {
        "simulator.yaml": _full("The built-in demonstration, with the simulator instead of Bedrock.", demo.snapshot),
        "aws.yaml": _full("Bedrock in us-east-1.", region_configuration("us-east-1").snapshot),
        "snippet.yaml": HEADER.format(title="The parts for an existing Envoy.") + snippet(None, OPTIONS),
    }


def write(folder: Path) -> None:
    """Write the examples to `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in examples().items():
        (folder / name).write_text(text)


def _full(title: str, snapshot: Snapshot) -> str:
    return HEADER.format(title=title) + to_yaml(render(snapshot, OPTIONS))


if __name__ == "__main__":
    write(Path(sys.argv[1] if len(sys.argv) > 1 else "envoy"))
