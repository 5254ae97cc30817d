"""The parameters beside messages and tools.

https://docs.anthropic.com/en/api/messages
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InferenceConfiguration.html
"""

from __future__ import annotations

import msgspec

from aigw_extproc.anthropic import messages
from aigw_extproc.bedrock.converse import InferenceConfiguration, OutputConfiguration
from aigw_extproc.bedrock.families import Family
from aigw_extproc.errors import InvalidRequest
from aigw_extproc.translate.converse import inference, structured_output
from aigw_extproc.translate.converse.metadata import fits
from aigw_extproc.translate.converse.reasoning import (
    Reasoning,
    Thinking,
    by_effort,
    by_thinking,
    merged,
    nearest,
)

EFFORT = "output_config.effort"


def reasoning(request: messages.CountTokensParams, family: Family, dropped: list[str]) -> Reasoning:
    """Translates `thinking` and `output_config.effort`.

    On Claude the effort is about all of an answer, with or without thinking; on others it asks to reason.

    Raises:
        InvalidRequest: no room for thinking within max_tokens.
    """
    asked = request.output_config.effort if request.output_config else None
    effort = nearest(asked, family.efforts) if asked and family.reasoning != "budget" else None
    if asked != effort:
        dropped.append(EFFORT)
    adaptive = family.reasoning == "adaptive"
    if request.thinking is not None:
        thinking = Thinking(
            type=request.thinking.type,
            budget_tokens=request.thinking.budget_tokens,
            display=request.thinking.display,
        )
        thoughts = by_thinking(thinking, family, request.max_tokens, dropped)
    elif effort is not None and not adaptive:
        return by_effort(effort, family, request.max_tokens, dropped)
    else:
        thoughts = Reasoning(max_tokens=request.max_tokens)
    if effort is None or not adaptive:
        return thoughts
    fields = merged(thoughts.fields, {"output_config": {"effort": effort}})
    return msgspec.structs.replace(thoughts, fields=fields)


def inference_configuration(
    request: messages.CreateParams, family: Family, thoughts: Reasoning, dropped: list[str]
) -> InferenceConfiguration:
    """maxTokens, sampling and stop sequences.

    Raises:
        InvalidRequest: a number is out of its range.
    """
    return inference.inference_configuration(
        family,
        max_tokens=thoughts.max_tokens,
        temperature=_unit_interval("temperature", request.temperature),
        top_p=_unit_interval("top_p", request.top_p),
        stop=request.stop_sequences or [],
        stop_name="stop_sequences",
        samples=inference.samples(family, reasons=thoughts.on),
        dropped=dropped,
    )


def top_k(request: messages.CreateParams, family: Family, thoughts: Reasoning, dropped: list[str]) -> dict[str, object]:
    """`top_k` among the model's own fields, for a model that knows it."""
    if request.top_k is None:
        return {}
    if not family.top_k_field or not inference.samples(family, reasons=thoughts.on):
        dropped.append("top_k")
        return {}
    *outer, name = family.top_k_field
    fields: dict[str, object] = {name: request.top_k}
    for key in reversed(outer):
        fields = {key: fields}
    return fields


def require_limit(request: messages.CreateParams) -> None:
    """Raises InvalidRequest unless there may be an answer."""
    if request.max_tokens < 1:
        raise InvalidRequest.at("max_tokens", f"has to be at least 1, got {request.max_tokens}")


def request_metadata(request: messages.CreateParams, dropped: list[str]) -> dict[str, str] | None:
    """Who asks, for Bedrock's invocation log; what does not fit its alphabet is dropped, and reported."""
    user_id = request.metadata.user_id if request.metadata else None
    if not user_id:
        return None
    pairs = {"user_id": user_id}
    if fits(pairs):
        return pairs
    dropped.append("metadata")
    return None


def output_configuration(
    request: messages.CreateParams, family: Family, dropped: list[str]
) -> tuple[OutputConfiguration | None, str | None]:
    """The JSON schema of the answer, for models that can be bound to one; for the others an instruction to keep it."""
    wanted = request.output_config.format if request.output_config else None
    if wanted is None:
        return None, None
    if not family.structured_output:
        dropped.append("output_config.format")
        return None, structured_output.schema_instruction(wanted.schema)
    return structured_output.output_configuration(wanted.schema), None


def _unit_interval(name: str, value: float | None) -> float | None:
    if value is not None and not 0 <= value <= 1:
        raise InvalidRequest.at(name, f"has to be between 0 and 1, got {value:g}")
    return value
