"""Whether a port can be had, told before anything is started."""

from __future__ import annotations

import errno
import socket

from aigw_extproc.config.snapshot import Address

_REASONS = {
    errno.EADDRINUSE: "is in use",
    errno.EACCES: "needs privileges",
    errno.EADDRNOTAVAIL: "is not an address of this machine",
}


class PortUnavailable(Exception):
    """A port cannot be listened on; the text names the option that chooses another."""


def require_free(address: Address, *, option: str) -> None:
    """Does nothing if `address` can be listened on. Port 0 always can.

    Raises:
        PortUnavailable: it cannot.
    """
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        # Without SO_REUSEPORT, which Envoy sets: two Envoys would share the port, and each get half of the requests.
        socket.create_server((address.host, address.port), family=family).close()
    except OSError as error:
        reason = _REASONS.get(error.errno or 0, error.strerror)
        where = f"port {address.port} on {address.host}"
        raise PortUnavailable(f"{where} {reason}; choose another with {option}") from None
