"""Which headers of requests are labels of the metrics, in the words of the reference system's variable."""

from __future__ import annotations

import re
from typing import Final

VARIABLE: Final = "OTEL_AIGW_METRICS_REQUEST_HEADER_ATTRIBUTES"
"""Environment variable: `header:label`, separated by commas."""
MAX_HEADERS: Final = 5
_HEADER: Final = re.compile(r"[a-z0-9][a-z0-9_-]*")
_LABEL: Final = re.compile(r"[a-z][a-z0-9_]*")
_RESERVED: Final = frozenset({"le", "error_type"})


def label_headers(text: str) -> dict[str, str]:
    """Return the headers, in lower case, by their labels.

    A dot of a label becomes an underscore, as in the names of the other labels.

    Raises:
        ValueError: the text names the part that cannot be used.
    """
    headers: dict[str, str] = {}
    for part in filter(None, map(str.strip, text.split(","))):
        header, _, label = (piece.strip().lower() for piece in part.partition(":"))
        label = label.replace(".", "_")
        if not _HEADER.fullmatch(header) or not _LABEL.fullmatch(label):
            raise ValueError(f"{VARIABLE}: {part!r} is not HEADER:LABEL, such as x-team:team")
        if label in headers or label in _RESERVED or label.startswith("gen_ai_"):
            raise ValueError(f"{VARIABLE}: there is a label {label!r} already; choose another for {header!r}")
        headers[label] = header
    if len(headers) > MAX_HEADERS:
        raise ValueError(f"{VARIABLE}: {len(headers)} headers; at most {MAX_HEADERS} can be labels")
    return headers
