"""Formats and names of documents.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_DocumentBlock.html
A name may hold letters, digits, single spaces, hyphens, parentheses and square brackets, and must be unique.
"""

from __future__ import annotations

import re

from aigw_extproc.translate.converse.data import extension

FORMATS = {
    "application/pdf": "pdf",
    "text/csv": "csv",
    "application/csv": "csv",
    "application/msword": "doc",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "text/html": "html",
    "application/xhtml+xml": "html",
    "text/plain": "txt",
    "text/markdown": "md",
    "text/x-markdown": "md",
}
"""Converse's format by media type."""
EXTENSIONS = {format_: format_ for format_ in FORMATS.values()} | {
    "htm": "html",
    "markdown": "md",
    "text": "txt",
    "log": "txt",
}
"""Converse's format by the extension of the file's name."""
MAX_NAME_LENGTH = 200
FALLBACK_NAME = "document"

_FOREIGN = re.compile(r"[^0-9A-Za-z\s()\[\]-]")
_SPACES = re.compile(r"\s+")


class DocumentNames:
    """The names of one request's documents."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def take(self, filename: str | None) -> str:
        """Return a unique name that resembles the file's, without its extension."""
        name = self._free(document_name(filename))
        self._taken.add(name)
        return name

    def _free(self, name: str) -> str:
        candidate, number = name, 1
        while candidate in self._taken:
            number += 1
            suffix = f" ({number})"
            candidate = name[: MAX_NAME_LENGTH - len(suffix)].rstrip() + suffix
        return candidate


def document_name(filename: str | None) -> str:
    """Return the allowed characters of a file's name, without folder and extension."""
    base = (filename or "").replace("\\", "/").rpartition("/")[2]
    stem = base.rpartition(".")[0] or base
    name = _SPACES.sub(" ", _FOREIGN.sub(" ", stem)).strip()
    return name[:MAX_NAME_LENGTH].rstrip() or FALLBACK_NAME


def document_format(media_type: str, filename: str) -> str | None:
    """Return Converse's format by the media type, else by the extension of the file's name; None if unknown."""
    return FORMATS.get(media_type) or EXTENSIONS.get(extension(filename))
