"""The spelling of the names and quantities that configuration is made of."""

from __future__ import annotations

import ipaddress
import re
from fractions import Fraction
from typing import Final

_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOSTNAME: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.IGNORECASE)

# us-east-1, us-gov-west-1, ap-southeast-4, mx-central-1. A region that is younger than this program must pass.
_REGION: Final = re.compile(r"[a-z]{2,4}(?:-[a-z]+){1,3}-[0-9]{1,2}")

AWS_SUFFIXES: Final = (
    *("amazonaws.com", "amazonaws.com.cn", "amazonaws.eu", "c2s.ic.gov", "sc2s.sgov.gov", "cloud.adc-e.uk"),
    *("csp.hci.ic.gov", "api.aws", "api.amazonwebservices.com.cn", "api.amazonwebservices.eu", "api.aws.ic.gov"),
    *("api.aws.scloud", "api.cloud-aws.adc-e.uk", "api.aws.hci.ic.gov"),
)
"""Domains of AWS's partitions, and of their dual-stack endpoints."""

# https://docs.aws.amazon.com/general/latest/gr/bedrock.html, and PrivateLink's names below vpce.amazonaws.com
_REGIONAL: Final = re.compile(
    rf"(?:[^:]+\.)?bedrock-runtime(?:-fips)?\.([a-z0-9-]+)\.(?:vpce\.)?(?:{'|'.join(map(re.escape, AWS_SUFFIXES))})"
    r"(?::[0-9]+)?"
)

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
_MODEL_ARN: Final = re.compile(r"arn:aws[a-z-]*:(?:bedrock|sagemaker):([a-z0-9-]+):.*")
_ROLE_ARN: Final = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[\w+=,.@/-]+", re.ASCII)
# https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
_EXTERNAL_ID: Final = re.compile(r"[\w+=,.@:/-]{2,1224}", re.ASCII)
_SESSION_NAME: Final = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)

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


def is_hostname(text: str) -> bool:
    """Whether this is a DNS name without a wildcard, and not an IP address."""
    return len(text) <= 253 and bool(_HOSTNAME.fullmatch(text)) and not is_ip(text)


def is_host_pattern(text: str) -> bool:
    """Whether this is a DNS name, or one below a leading `*.`."""
    return is_hostname(text.removeprefix("*."))


def is_ip(text: str) -> bool:
    """Whether this is an IPv4 or IPv6 address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def is_region(text: str) -> bool:
    """Whether this is spelt like an AWS region."""
    return bool(_REGION.fullmatch(text))


def host_region(host: str) -> str | None:
    """The region in the name of one of Bedrock's own hosts, a port behind it or not; None for any other host."""
    match = _REGIONAL.fullmatch(host)
    return match[1] if match else None


def model_region(model: str) -> str | None:
    """The region in the ARN of a model, an inference profile or a deployment; None for any other model id."""
    match = _MODEL_ARN.fullmatch(model)
    return match[1] if match else None


def is_role_arn(text: str) -> bool:
    """Whether this is spelt like the ARN of an IAM role."""
    return bool(_ROLE_ARN.fullmatch(text))


def is_external_id(text: str) -> bool:
    """Whether this may be the external id with which a role is assumed."""
    return bool(_EXTERNAL_ID.fullmatch(text))


def is_session_name(text: str) -> bool:
    """Whether this may be the name of a role's session."""
    return bool(_SESSION_NAME.fullmatch(text))


def is_header_name(text: str) -> bool:
    """Whether this may be the name of an HTTP header; pseudo-headers (`:path`) are not."""
    return bool(_TOKEN.fullmatch(text))


def is_header_value(text: str) -> bool:
    """Whether this may be the value of an HTTP header: nothing that could end the line."""
    return text.isprintable() or all(char.isprintable() or char == "\t" for char in text)


def is_path_prefix(text: str) -> bool:
    """Whether this may begin the path of a URL: segments that need no escape, none of them `.` or `..`."""
    return bool(_PATH.fullmatch(text)) and not {".", ".."} & set(text.split("/"))


def quantity(value: int | str) -> int | None:
    """Bytes of a Kubernetes quantity (`50Mi`, `1.5Gi`, `32768`); None when it is none, or no whole number."""
    match = _QUANTITY.fullmatch(str(value))
    if match is None:
        return None
    size = Fraction(match[1]) * _UNITS[match[2]]
    return int(size) if size.denominator == 1 else None
