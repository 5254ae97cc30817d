"""The configurations in the repository's `envoy/`, rendered for people to read and to paste from.

`python -m aigw_extproc.envoy.examples [FOLDER]` writes them anew (`make envoy-examples`); a test compares.
"""

from __future__ import annotations

import sys
from pathlib import Path

from aigw_extproc.aws.identity import Credentials
from aigw_extproc.config.builtin import demo_configuration, region_configuration
from aigw_extproc.config.snapshot import Snapshot
from aigw_extproc.envoy.authorities import CA_FILES
from aigw_extproc.envoy.options import Options
from aigw_extproc.envoy.render import render, to_yaml
from aigw_extproc.envoy.snippet import snippet
from aigw_extproc.simulator.settings import DEFAULT_PORT

OPTIONS = Options(ca_file=CA_FILES[0])
"""The defaults, with the certificate file of the official Envoy image wherever this runs."""

HEADER = "# {title}\n# Rendered by `make envoy-examples`, like every file here; do not edit.\n\n"


def examples() -> dict[str, str]:
    """Every example by its file name."""
    demo = demo_configuration("127.0.0.1", DEFAULT_PORT, Credentials(access_key_id="", secret_access_key=""))
    return {
        "simulator.yaml": _whole("The built-in demonstration: the simulator in Bedrock's place.", demo.snapshot),
        "aws.yaml": _whole("Bedrock in us-east-1.", region_configuration("us-east-1").snapshot),
        "snippet.yaml": HEADER.format(title="What an Envoy that already runs needs.") + snippet(None, OPTIONS),
    }


def write(folder: Path) -> None:
    """Writes the examples into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in examples().items():
        (folder / name).write_text(text)


def _whole(title: str, snapshot: Snapshot) -> str:
    return HEADER.format(title=title) + to_yaml(render(snapshot, OPTIONS))


if __name__ == "__main__":
    write(Path(sys.argv[1] if len(sys.argv) > 1 else "envoy"))
