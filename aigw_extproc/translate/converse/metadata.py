"""Metadata for Bedrock's invocation log.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html, requestMetadata
"""

from __future__ import annotations

import re
from collections.abc import Mapping

MAX_REQUEST_METADATA = 16

_KEY = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,.-]{1,256}\Z", re.ASCII)
_VALUE = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,.-]{0,256}\Z", re.ASCII)


def fits(pairs: Mapping[str, str]) -> bool:
    """Return whether Bedrock takes these pairs."""
    return len(pairs) <= MAX_REQUEST_METADATA and all(
        _KEY.match(key) and _VALUE.match(value) for key, value in pairs.items()
    )
