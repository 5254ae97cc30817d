"""Checks, before anything is started, that ports and sockets can be listened on."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path
from typing import assert_never

from aigw_extproc.config.snapshot import Address
from aigw_extproc.envoy.options import ListenAddress

_REASONS = {
    errno.EADDRINUSE: "is in use",
    errno.EACCES: "needs privileges",
    errno.EADDRNOTAVAIL: "is not an address of this machine",
}
_LONGEST_PATH = 107
"""Bytes of sun_path without the final 0. https://man7.org/linux/man-pages/man7/unix.7.html"""


class PortUnavailable(Exception):
    """An address cannot be listened on; the text names the option that chooses another."""


def require_free(endpoint: ListenAddress, *, option: str) -> None:
    """Check that `endpoint` can be listened on. Port 0 can be, and so can a socket that no process listens on any more.

    Raises:
        PortUnavailable: it cannot be listened on.
    """
    match endpoint:
        case Path():
            _require_socket(endpoint, option)
        case Address():
            _require_port(endpoint, option)
        case _:
            assert_never(endpoint)


def _require_port(address: Address, option: str) -> None:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        # Without SO_REUSEPORT, which Envoy sets: two Envoys would share the port, each with half of the requests.
        socket.create_server((address.host, address.port), family=family).close()
    except OSError as error:
        # The resolver has error numbers of its own, but clear texts. Python adds "(while attempting ...)".
        text = (error.strerror or str(error)).partition(" (while")[0]
        reason = _REASONS.get(error.errno or 0, f"cannot be listened on: {text}")
        raise _unavailable(f"port {address.port} on {address.host}", reason, option) from None


def _require_socket(path: Path, option: str) -> None:
    name = f"the socket {path}"
    if len(os.fsencode(path)) > _LONGEST_PATH:
        raise _unavailable(name, f"has a path of more than {_LONGEST_PATH} bytes", option)
    if not path.parent.is_dir():
        raise _unavailable(name, f"cannot be created: there is no folder {path.parent}", option)
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise _unavailable(name, f"cannot be created in {path.parent}", option)
    # gRPC replaces an existing socket, which would take it away from the process that serves on it.
    if _is_served(path):
        raise _unavailable(name, "is in use", option)


def _is_served(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


def _unavailable(name: str, reason: str, option: str) -> PortUnavailable:
    return PortUnavailable(f"{name} {reason}; choose another with {option}")
