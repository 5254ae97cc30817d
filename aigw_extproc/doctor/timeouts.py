"""The time limit of a step on the network, and the text of its error."""

from __future__ import annotations

import os
import socket

STEP_SECONDS = 5.0
"""For each of name resolution, connection and handshake."""


def reason(error: OSError, seconds: float) -> str:
    """Return the operating system's text of an error, without the addresses that asyncio adds."""
    if isinstance(error, TimeoutError) and error.errno is None:
        return f"no answer within {seconds:.3g} s"
    if isinstance(error, socket.gaierror):
        return error.strerror or str(error)
    return os.strerror(error.errno) if error.errno else str(error)
