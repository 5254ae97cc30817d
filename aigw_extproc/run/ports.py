"""Whether a port or a socket can be had, told before anything is started."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

from aigw_extproc.config.snapshot import Address
from aigw_extproc.envoy.options import ListenAddress

_REASONS = {
    errno.EADDRINUSE: "is in use",
    errno.EACCES: "needs privileges",
    errno.EADDRNOTAVAIL: "is not an address of this machine",
}


_LONGEST_PATH = 107
"""Bytes: sun_path, of which the last one is 0. https://man7.org/linux/man-pages/man7/unix.7.html"""


class PortUnavailable(Exception):
    """An address cannot be listened on; the text names the option that chooses another."""


def require_free(endpoint: ListenAddress, *, option: str) -> None:
    """Does nothing if `endpoint` can be listened on: port 0 always, and a socket that was left behind.

    Raises:
        PortUnavailable: it cannot.
    """
    if isinstance(endpoint, Path):
        _require_socket(endpoint, option)
    else:
        _require_port(endpoint, option)


def _require_port(address: Address, option: str) -> None:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        # Without SO_REUSEPORT, which Envoy sets: two Envoys would share the port, and each get half of the requests.
        socket.create_server((address.host, address.port), family=family).close()
    except OSError as error:
        # A host without an address has an errno of its resolver's, and a text that tells all.
        reason = _REASONS.get(
            error.errno or 0, "cannot be had: " + (error.strerror or str(error)).partition(" (while")[0]
        )
        raise _unavailable(f"port {address.port} on {address.host}", reason, option) from None


def _require_socket(path: Path, option: str) -> None:
    where = f"the socket {path}"
    if len(os.fsencode(path)) > _LONGEST_PATH:
        raise _unavailable(where, f"has a path of more than {_LONGEST_PATH} bytes", option)
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise _unavailable(where, f"cannot be made in {path.parent}", option)
    # gRPC replaces whatever has the name: it would take the socket away from who serves there.
    if _is_served(path):
        raise _unavailable(where, "is in use", option)


def _is_served(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


def _unavailable(where: str, reason: str, option: str) -> PortUnavailable:
    return PortUnavailable(f"{where} {reason}; choose another with {option}")
