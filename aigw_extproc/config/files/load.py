"""Loading of resource files and folders into a configuration."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, TypeAlias

from aigw_extproc.config.compile.configuration import Configuration, compile_documents
from aigw_extproc.config.compile.key_file import protect
from aigw_extproc.config.files.mounts import mounted_files, read_mounts
from aigw_extproc.config.resources.findings import Findings, Place

Fingerprint: TypeAlias = tuple[tuple[str | int, ...], ...]

_SUFFIXES: Final = (".yaml", ".yml", ".json")


def load(paths: Iterable[str | Path], secrets: Path | None = None, findings: Findings | None = None) -> Configuration:
    """Load files, and the visible `*.yaml`, `*.yml` and `*.json` of folders, sorted by name.

    `secrets` is a folder of mounted Secrets that the files may refer to. `findings` gets the remarks on the files.

    Raises:
        ConfigError: with every problem in all of them, unreadable files included.
    """
    findings = findings or Findings()
    mounts = read_mounts(secrets, findings) if secrets is not None else {}
    texts: dict[str, str] = {}
    seen: set[Path] = set()
    for file in _files(paths, findings):
        resolved = file.resolve()
        text = None if resolved in seen else _text(file, findings)
        seen.add(resolved)
        if text is not None:
            texts[str(file)] = text
    return compile_documents(texts, findings, mounts)


def load_keys(configuration: Configuration, file: Path) -> Configuration:
    """Return the configuration with the API keys of a file, as `protect`.

    Raises:
        ConfigError: with every problem of the file.
    """
    findings = Findings()
    text = _text(file, findings)
    if text is None:
        raise findings.in_file_order([str(file)])
    return protect(configuration, str(file), text)


def fingerprint(paths: Iterable[str | Path], secrets: Path | None = None) -> Fingerprint:
    """Return a value that changes whenever the files change, without reading them."""
    files = [*_files(paths, Findings()), *(_mounted(secrets) if secrets is not None else ())]
    return tuple((str(file), *_identity(file)) for file in files)


def _mounted(folder: Path) -> list[Path]:
    try:
        return list(mounted_files(folder))
    except OSError:
        return []


def _identity(file: Path) -> tuple[int, ...]:
    try:
        status = file.stat()
    except OSError:
        return ()
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size


def _files(paths: Iterable[str | Path], findings: Findings) -> Iterator[Path]:
    for path in map(Path, paths):
        if not path.is_dir():
            yield path
            continue
        inside = [file for file in _listing(path, findings) if file.suffix in _SUFFIXES and file.is_file()]
        visible = sorted(file for file in inside if not file.name.startswith("."))
        if not visible:
            _unreadable(path, findings, f"no {', '.join(_SUFFIXES)} file in this folder")
        yield from visible


def _listing(folder: Path, findings: Findings) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError as error:
        _unreadable(folder, findings, f"cannot be read: {error.strerror}")
        return []


def _text(file: Path, findings: Findings) -> str | None:
    try:
        return file.read_text(encoding="utf-8-sig")
    except OSError as error:
        _unreadable(file, findings, f"cannot be read: {error.strerror}")
    except UnicodeDecodeError as error:
        _unreadable(file, findings, f"not UTF-8 text: byte {error.start} is 0x{error.object[error.start]:02x}")
    return None


def _unreadable(path: Path, findings: Findings, message: str) -> None:
    findings.complete = False
    resource = "folder" if path.is_dir() else "file"
    Place(findings=findings, file=str(path), resource=resource).problem(message)
