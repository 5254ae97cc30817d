"""`python -m aigw_extproc.config.crds FOLDER` writes the definitions, and removes those of kinds that are gone."""

from __future__ import annotations

import sys
from pathlib import Path

from aigw_extproc.config.crds.definitions import definitions


def main(folder: Path) -> None:
    """Write one file for each definition."""
    folder.mkdir(exist_ok=True)
    files = dict(definitions())
    for stale in {file.name for file in folder.glob("*.yaml")} - files.keys():
        (folder / stale).unlink()
    for name, text in files.items():
        (folder / name).write_text(text)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
