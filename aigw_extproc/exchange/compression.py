"""Bodies of upstreams that compress although they were not asked to: proxies and firewalls do, most often errors."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

from aigw_extproc.errors import InvalidUpstreamResponse

MAX_BYTES = 50 * 1024 * 1024
"""Of a body after decompression: as much as Envoy buffers of one that is not compressed."""

_EITHER = zlib.MAX_WBITS | 32  # detects gzip's header, and that of deflate
_WINDOWS = {"gzip": _EITHER, "x-gzip": _EITHER, "deflate": _EITHER}


def encoding(headers: Mapping[str, str]) -> str:
    """Return the content-encoding; empty for none."""
    name = headers.get("content-encoding", "").strip().lower()
    return "" if name == "identity" else name


def decompressed(headers: Mapping[str, str], body: bytes) -> bytes:
    """Return a body without its content-encoding.

    Raises:
        InvalidUpstreamResponse: the encoding is not known, or the body is damaged or too large.
    """
    name = encoding(headers)
    if not name or not body:
        return body
    window = _WINDOWS.get(name)
    if window is None:
        raise InvalidUpstreamResponse(f"the upstream's response is compressed with {name!r}, which was not asked for")
    try:
        decompressor = zlib.decompressobj(window)
        data = decompressor.decompress(body, MAX_BYTES)
    except zlib.error:
        raise InvalidUpstreamResponse(f"the upstream's response is not valid {name}") from None
    if not decompressor.eof:
        raise InvalidUpstreamResponse(f"the upstream's response is incomplete or too large {name}")
    return data
