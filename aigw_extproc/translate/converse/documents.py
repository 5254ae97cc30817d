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
TEXTS = frozenset(
    {"application/json", "application/jsonl", "application/ld+json", "application/x-ndjson", "application/xml"}
    | {"application/yaml", "application/x-yaml", "application/toml", "application/sql", "application/graphql"}
    | {"application/javascript", "application/x-javascript", "application/typescript", "application/x-typescript"}
    | {"application/x-python", "application/x-python-code", "application/x-sh", "application/x-shellscript"}
    | {"application/x-httpd-php", "application/x-ruby", "application/x-perl", "application/x-tex"}
)
"""Media types of text outside of `text/`, for which Converse has no format of their own."""
_CODE = (
    "text log json jsonl ndjson xml yaml yml toml ini cfg conf env sql tsv tex rst graphql proto diff patch"
    " py ipynb js mjs cjs jsx ts tsx css scss vue java kt scala groovy gradle c h cc cpp hpp cs go rs swift rb php pl"
    " lua r jl dart ex hs sh bash zsh ps1 bat tf hcl"
)
EXTENSIONS = {
    **{format_: format_ for format_ in FORMATS.values()},
    "htm": "html",
    "xhtml": "html",
    "markdown": "md",
    **dict.fromkeys(_CODE.split(), "txt"),
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
    """Return Converse's format by the media type, else by the extension of the file's name; None if unknown.

    JSON, code and other text is plain text.
    """
    known = FORMATS.get(media_type) or EXTENSIONS.get(extension(filename))
    return known or ("txt" if media_type.startswith("text/") or media_type in TEXTS else None)
