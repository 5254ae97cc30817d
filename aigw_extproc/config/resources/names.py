"""Validation of hosts, headers and paths in resources, and parsing of quantities."""

from __future__ import annotations

import ipaddress
import re
from fractions import Fraction
from typing import Final

_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOSTNAME: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.IGNORECASE)

# https://www.rfc-editor.org/rfc/rfc9110#name-tokens
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")

# https://www.rfc-editor.org/rfc/rfc3986#section-3.3
_PATH: Final = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@/-]*")

# https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
_QUANTITY: Final = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)([kMGTPE]|[KMGTPE]i)?")
_UNITS: Final[dict[str | None, int]] = {
    None: 1,
    "k": 1000,
    **{unit: 1000**power for power, unit in enumerate("MGTPE", start=2)},
    **{f"{unit}i": 1024**power for power, unit in enumerate("KMGTPE", start=1)},
}

# https://gateway-api.sigs.k8s.io/geps/gep-2257/
_DURATION: Final = re.compile(r"(?:[0-9]{1,5}(?:h|m|s|ms)){1,4}")
_SECONDS: Final[dict[str, float]] = {"h": 3600, "m": 60, "s": 1, "ms": 0.001}


def is_hostname(text: str) -> bool:
    """Return whether the text is a DNS name, without a wildcard."""
    return len(text) <= 253 and bool(_HOSTNAME.fullmatch(text)) and not is_ip(text)


def is_host_pattern(text: str) -> bool:
    """Return whether the text is a DNS name, possibly after a leading `*.`."""
    return is_hostname(text.removeprefix("*."))


def is_resource_name(text: str) -> bool:
    """Return whether the text can be a name in Kubernetes: of lower-case letters, digits, `-` and `.`."""
    return len(text) <= 253 and text.islower() and bool(_HOSTNAME.fullmatch(text))


def is_ip(text: str) -> bool:
    """Return whether the text is an IPv4 or IPv6 address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def is_header_name(text: str) -> bool:
    """Return whether the text can be the name of an HTTP header; a pseudo-header such as `:path` cannot."""
    return bool(_TOKEN.fullmatch(text))


def is_header_value(text: str) -> bool:
    """Return whether the text can be the value of an HTTP header: no control characters but tabs."""
    return text.isprintable() or all(char.isprintable() or char == "\t" for char in text)


def is_path_prefix(text: str) -> bool:
    """Return whether the text can be the prefix of a URL's path: segments without escapes, none `.` or `..`."""
    return bool(_PATH.fullmatch(text)) and not {".", ".."} & set(text.split("/"))


def quantity(value: int | str) -> int | None:
    """Return the bytes of a Kubernetes quantity (`50Mi`, `1.5Gi`, `32768`); None if invalid or not an integer."""
    match = _QUANTITY.fullmatch(str(value))
    if match is None:
        return None
    size = Fraction(match[1]) * _UNITS[match[2]]
    return int(size) if size.denominator == 1 else None


def duration(text: str) -> float | None:
    """Return the seconds of a duration of the Gateway API (`90s`, `1h30m`); None if it is none."""
    if _DURATION.fullmatch(text) is None:
        return None
    return sum(int(number) * _SECONDS[unit] for number, unit in re.findall(r"([0-9]+)(h|ms|m|s)", text))
