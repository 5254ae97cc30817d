"""What an answer of Bedrock's to a probe says about who asks, what they may do, and whether the model is there.

The probe is an InvokeModel whose body is `{}`: it costs nothing, since a body belongs to the family of a model and none
takes an empty one. This rests on the order in which AWS looks at a request: who asks (signature or key), whether they
may (`bedrock:InvokeModel`, which Converse needs as well), whether the model is there and open to the account, and only
then the body, by a schema of the model's own. So a ValidationException about the body means that the rest is well.
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
from aigw_extproc.doctor.advice import ADVICE, NOT_BEDROCK, UNKNOWN, Stage

MAX_TEXT = 300
"""Characters of a message that are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    received_at: float
    """What our clock said, in seconds since 1970."""
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What an answer means."""

    stage: Stage
    detail: str
    next_step: str = ""
    """Empty when all is well."""


class _Body(msgspec.Struct, frozen=True):
    message: str = ""
    Message: str = ""
    type_name: str = msgspec.field(name="__type", default="")


def verdict(answer: Answer, *, model: str, region: str) -> Verdict:
    """What the answer to a probe for `model`, signed for `region`, means."""
    name, message = error(answer)
    if answer.status < 400:
        return Verdict(stage=Stage.REACHED, detail=f"answered {answer.status}")
    if not name:
        return Verdict(
            stage=Stage.FOREIGN,
            detail=f"answered {answer.status} with a body that is not Bedrock's",
            next_step=_filled(NOT_BEDROCK, model=model, region=region),
        )
    for advice in ADVICE.get(name, UNKNOWN):
        match = advice.text.search(message)
        if match is not None:
            next_step = _filled(advice.next_step, model=model, region=region, **match.groupdict())
            return Verdict(stage=advice.stage, detail=_told(name, message), next_step=next_step)
    raise AssertionError(f"the last advice about {name} has to hold always")


def error(answer: Answer) -> tuple[str, str]:
    """The name of Bedrock's exception and its message; two empty texts for what is none."""
    try:
        body = msgspec.json.decode(answer.body, type=_Body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        body = _Body()
    name = answer.headers.get("x-amzn-errortype") or body.type_name
    return (exception_name(name), body.message or body.Message) if name else ("", "")


def _told(name: str, message: str) -> str:
    # AWS explains a wrong signature by the whole canonical request, token and all: only the first line is for people.
    first = message.partition("\n")[0].strip()
    return f"{name}: {first if len(first) <= MAX_TEXT else first[:MAX_TEXT] + '…'}"


def _filled(next_step: str, *, model: str, region: str, **found: str) -> str:
    return next_step.format(model=model, region=region, profile=_profile(model, region), **found)


# https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-support.html
_GEOGRAPHIES = {"us-gov": "us-gov", "us": "us", "ca": "us", "eu": "eu", "ap": "apac"}


def _profile(model: str, region: str) -> str:
    """The name that a cross-region profile of the model most likely has."""
    geography = next((name for prefix, name in _GEOGRAPHIES.items() if region.startswith(f"{prefix}-")), "global")
    return f"{geography}.{base_model(model)}"
