"""The syntax of AWS's names: regions, Bedrock's hosts, ARNs, external ids and session names."""

from __future__ import annotations

import re
from typing import Final

# us-east-1, us-gov-west-1, ap-southeast-4, mx-central-1, and regions that AWS adds later.
_DIRECTION: Final = r"(?:north|south|central|(?:north|south)?(?:east|west))"
_REGION: Final = re.compile(rf"[a-z]{{2,4}}(?:-[a-z]+)?-{_DIRECTION}-[0-9]{{1,2}}")

AWS_SUFFIXES: Final = (
    *("amazonaws.com", "amazonaws.com.cn", "amazonaws.eu", "c2s.ic.gov", "sc2s.sgov.gov", "cloud.adc-e.uk"),
    *("csp.hci.ic.gov", "api.aws", "api.amazonwebservices.com.cn", "api.amazonwebservices.eu", "api.aws.ic.gov"),
    *("api.aws.scloud", "api.cloud-aws.adc-e.uk", "api.aws.hci.ic.gov"),
)
"""Domains of AWS's partitions, and of their dual-stack endpoints."""

# https://docs.aws.amazon.com/general/latest/gr/bedrock.html, and PrivateLink's names below vpce.amazonaws.com
_REGIONAL: Final = re.compile(
    rf"(?:[^:]+\.)?bedrock-runtime(?P<fips>-fips)?\.(?P<region>[a-z0-9-]+)\.(?:vpce\.)?"
    rf"(?P<suffix>{'|'.join(map(re.escape, AWS_SUFFIXES))})(?::[0-9]+)?"
)

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
_MODEL_ARN: Final = re.compile(r"arn:aws[a-z-]*:(?:bedrock|sagemaker):([a-z0-9-]+):.*")
_ROLE_ARN: Final = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[\w+=,.@/-]+", re.ASCII)
# https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
_EXTERNAL_ID: Final = re.compile(r"[\w+=,.@:/-]{2,1224}", re.ASCII)
_SESSION_NAME: Final = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
# What documentation writes where a person puts their own value.
_PLACEHOLDER: Final = re.compile(
    r"(?:your|my|the|insert|replace|change)[ _-].*|change_?me|example|dummy|placeholder|todo|<.*>|\{.*\}|\$\{?\w+\}?"
    r"|x{3,}|\.{3}|aws_access_key_id|aws_secret_access_key|aws_session_token|aws_bearer_token_bedrock",
    re.IGNORECASE,
)


def is_placeholder(text: str) -> bool:
    """Return whether `text` stands for a value that the user has not filled in yet, such as `YOUR_ACCESS_KEY_ID`."""
    return bool(_PLACEHOLDER.fullmatch(text))


def is_region(text: str) -> bool:
    """Return whether `text` has the syntax of an AWS region."""
    return bool(_REGION.fullmatch(text))


def host_region(host: str) -> str | None:
    """Return the region in one of Bedrock's hosts, with or without a port; None for another host."""
    match = _REGIONAL.fullmatch(host)
    return match["region"] if match else None


def control_plane_host(host: str) -> str | None:
    """Return the host of Bedrock's control plane that belongs to one of its runtime's; None for another host.

    That of a PrivateLink endpoint is the public one, since the control plane has endpoints of its own.
    """
    match = _REGIONAL.fullmatch(host)
    return f"bedrock{match['fips'] or ''}.{match['region']}.{match['suffix']}" if match else None


def model_region(model: str) -> str | None:
    """Return the region in the ARN of a model, an inference profile or a deployment; None for another model id."""
    match = _MODEL_ARN.fullmatch(model)
    return match[1] if match else None


def is_role_arn(text: str) -> bool:
    """Return whether `text` has the syntax of an IAM role's ARN."""
    return bool(_ROLE_ARN.fullmatch(text))


def is_external_id(text: str) -> bool:
    """Return whether `text` has the syntax of an external id of AssumeRole."""
    return bool(_EXTERNAL_ID.fullmatch(text))


def is_session_name(text: str) -> bool:
    """Return whether `text` has the syntax of a role session name."""
    return bool(_SESSION_NAME.fullmatch(text))
