"""What Bedrock's response to a probe says about the credentials, their permissions and the model.

The probe is an InvokeModel with the body `{}`. It costs nothing, since each model family has its own body and none
accepts an empty one. AWS validates a request in this order: the caller (signature or key), the caller's permission
(`bedrock:InvokeModel`, which Converse needs as well), the model and the account's access to it, and only then the
body, by the model's own schema. So a ValidationException about the body means that everything before it is right.
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html
https://docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html
https://repost.aws/knowledge-center/bedrock-invokemodel-api-error
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from aigw_extproc.bedrock.errors import exception_name
from aigw_extproc.bedrock.families import base_model
from aigw_extproc.doctor.advice import ADVICE, CHECK_HOST, UNKNOWN, Stage

MAX_TEXT = 300
"""Characters of a message that are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeResponse:
    """The HTTP response to a probe. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    received_at: float
    """By our clock, in seconds since 1970."""
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The meaning of a response."""

    stage: Stage
    detail: str
    next_step: str = ""
    """Empty when nothing is wrong."""


class _Body(msgspec.Struct, frozen=True):
    message: str = ""
    Message: str = ""
    type_name: str = msgspec.field(name="__type", default="")


def verdict(response: ProbeResponse, *, model: str, region: str) -> Verdict:
    """Interpret the response to a probe for `model`, signed for `region`."""
    name, message = error(response)
    if response.status < 400:
        return Verdict(stage=Stage.REACHED, detail=f"status {response.status}")
    if not name:
        return Verdict(
            stage=Stage.NOT_BEDROCK,
            detail=f"status {response.status} with a body that is not Bedrock's",
            next_step=_filled(CHECK_HOST, model=model, region=region),
        )
    for advice in ADVICE.get(name, UNKNOWN):
        match = advice.text.search(message)
        if match is not None:
            next_step = _filled(advice.next_step, model=model, region=region, **match.groupdict())
            return Verdict(stage=advice.stage, detail=_summary(name, message), next_step=next_step)
    raise AssertionError(f"the last advice about {name} must match every message")


def error(response: ProbeResponse) -> tuple[str, str]:
    """Return the name and message of Bedrock's exception, both empty where the response is no such exception."""
    try:
        body = msgspec.json.decode(response.body, type=_Body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        body = _Body()
    name = response.headers.get("x-amzn-errortype") or body.type_name
    return (exception_name(name), body.message or body.Message) if name else ("", "")


def _summary(name: str, message: str) -> str:
    # For a wrong signature AWS appends the canonical request, with the session token, after the first line.
    first = message.partition("\n")[0].strip()
    return f"{name}: {first if len(first) <= MAX_TEXT else first[:MAX_TEXT] + '…'}"


def _filled(next_step: str, *, model: str, region: str, **groups: str) -> str:
    return next_step.format(model=model, region=region, profile=_profile(model, region), **groups)


# https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-support.html
_GEOGRAPHIES = {"us-gov": "us-gov", "us": "us", "ca": "us", "eu": "eu", "ap": "apac"}


def _profile(model: str, region: str) -> str:
    """Return the most likely name of the model's cross-region inference profile."""
    geography = next((name for prefix, name in _GEOGRAPHIES.items() if region.startswith(f"{prefix}-")), "global")
    return f"{geography}.{base_model(model)}"
