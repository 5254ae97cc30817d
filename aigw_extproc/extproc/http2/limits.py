"""What a peer may do. An Envoy stays far below each limit; a peer that exceeds one of the connection loses it.

Attacks on HTTP/2 servers are of few kinds: bytes that we must keep, and frames that cost us more than they cost the
peer. https://www.rfc-editor.org/rfc/rfc9113#section-10.5
"""

from __future__ import annotations

from typing import Final

MAX_STREAMS: Final = 10_000
"""Open streams of a connection; more are refused. Envoy opens another connection then."""
STREAM_WINDOW: Final = 1024 * 1024
"""Bytes of a stream that the peer may send before we have read them."""
CONNECTION_WINDOW: Final = 64 * 1024 * 1024
"""The same for all streams of a connection."""
MAX_HEADER_LIST: Final = 16 * 1024
"""Bytes of a request's headers, as HTTP/2 counts them. Envoy sends 0.5 kB on its own account."""
MAX_HEADER_FRAMES: Final = 8
"""HEADERS and CONTINUATION frames of one request. CVE-2024-24549 and others: CONTINUATION without end."""
MAX_HEADER_BLOCK: Final = 32 * 1024
"""Bytes of a header block: compressed, and so seldom more than the list of headers."""

BURST: Final = 10_000
"""Frames without use that a peer may send at once: see `Patience`."""
RATE: Final = 1_000
"""Frames without use that a peer may send each second for ever. They cost us one or two percent of a core."""
SMALL_INCREMENT: Final = 1_024
"""Bytes. An increment of a window below this is without use, unless the peer sends data too."""
UPDATES_PER_DATA: Final = 4
"""Small increments that a peer may send for each frame of data."""

FAULT_COST: Final = 10
"""What an error on a stream costs, in frames without use."""
STREAMS_PER_COST: Final = 50
"""Open streams whose window a SETTINGS frame changes at the cost of a frame."""
REMEMBERED: Final = 100
"""Ended streams that are remembered, since the peer may not know yet that they have ended."""


class Patience:
    """How many frames without use a peer may still send: a bucket that fills with time.

    Without use are PING, SETTINGS, PRIORITY and unknown frames, empty ones, small increments of windows, and streams
    that are reset before they have data. CVE-2023-44487, CVE-2019-9511 to -9518.

    Envoy resets a stream whenever a client leaves, hundreds a second, but not before the stream has data: it sends that
    at once. So a reset of a stream with data is free, and costs the peer as much as it costs us.
    """

    def __init__(self) -> None:
        self._left = float(BURST)
        self._seen = 0.0

    def spend(self, cost: float, now: float) -> bool:
        """Take the cost of a frame at `now`, in seconds of any clock. Return False if there is not enough left."""
        self._left = min(BURST, self._left + (now - self._seen) * RATE) - cost
        self._seen = now
        return self._left >= 0
