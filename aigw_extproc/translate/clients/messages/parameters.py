"""The parameters of a request other than messages and tools.

https://docs.anthropic.com/en/api/messages
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InferenceConfiguration.html
"""

from __future__ import annotations

import msgspec

from aigw_extproc.anthropic import messages
from aigw_extproc.bedrock.converse import InferenceConfiguration
from aigw_extproc.bedrock.families import Family
from aigw_extproc.errors import InvalidRequest
from aigw_extproc.translate.converse import inference
from aigw_extproc.translate.converse.metadata import of_user
from aigw_extproc.translate.converse.reasoning import (
    ReasoningSpec,
    ThinkingSpec,
    by_effort,
    by_thinking,
    merged,
    nearest,
    nested,
)
from aigw_extproc.translate.converse.structured_output import StructuredOutput, without_tool

EFFORT = "output_config.effort"
INTERLEAVED = "interleaved-thinking-2025-05-14"
"""https://docs.anthropic.com/en/docs/build-with-claude/extended-thinking#interleaved-thinking"""


def translate_reasoning(request: messages.CountTokensParams, family: Family, dropped: list[str]) -> ReasoningSpec:
    """Translate `thinking` and `output_config.effort`.

    On Claude the effort applies to the whole answer, with or without thinking; on others it asks to reason.

    Raises:
        InvalidRequest: max_tokens leaves no room for thinking.
    """
    wanted = request.output_config.effort if request.output_config else None
    effort = nearest(wanted, family.efforts) if wanted and family.reasoning != "budget" else None
    if wanted != effort:
        dropped.append(EFFORT)
    adaptive = family.reasoning == "adaptive"
    if request.thinking is not None:
        thinking = msgspec.convert(request.thinking, ThinkingSpec, from_attributes=True)
        interleaved = INTERLEAVED in (request.anthropic_beta or ()) and INTERLEAVED in family.converse_betas
        reasoning = by_thinking(thinking, family, request.max_tokens, dropped, interleaved=interleaved)
    elif effort is not None and not adaptive:
        return by_effort(effort, family, request.max_tokens, dropped)
    else:
        reasoning = ReasoningSpec(max_tokens=request.max_tokens)
    if effort is None or not adaptive:
        return reasoning
    fields = merged(reasoning.fields, {"output_config": {"effort": effort}})
    return msgspec.structs.replace(reasoning, fields=fields)


def inference_configuration(
    request: messages.CreateParams, family: Family, reasoning: ReasoningSpec, dropped: list[str]
) -> InferenceConfiguration:
    """Translate max_tokens, the sampling parameters and the stop sequences.

    Raises:
        InvalidRequest: a number is out of its range.
    """
    return inference.inference_configuration(
        family,
        max_tokens=reasoning.max_tokens,
        temperature=_unit_interval("temperature", request.temperature),
        top_p=_unit_interval("top_p", request.top_p),
        stop=request.stop_sequences or [],
        stop_name="stop_sequences",
        samples=inference.samples(family, reasons=reasoning.on),
        dropped=dropped,
    )


def top_k(
    request: messages.CreateParams, family: Family, reasoning: ReasoningSpec, dropped: list[str]
) -> dict[str, object]:
    """Return `top_k` as one of the model's own fields; none where the model does not support it."""
    if request.top_k is None:
        return {}
    if not family.top_k_field or not inference.samples(family, reasons=reasoning.on):
        dropped.append("top_k")
        return {}
    return nested(family.top_k_field, request.top_k)


def request_metadata(request: messages.CreateParams, dropped: list[str]) -> dict[str, str] | None:
    """Return what names the user in Bedrock's invocation log; None, and reported, if nothing of it fits there."""
    user_id = request.metadata.user_id if request.metadata else None
    if not user_id:
        return None
    pairs = of_user(user_id)
    if not pairs:
        dropped.append("metadata")
    return pairs or None


def structured_output(request: messages.CreateParams, family: Family, dropped: list[str]) -> StructuredOutput:
    """Translate `output_config.format`; where the schema becomes an instruction it is reported as dropped."""
    wanted, name = request.output_config.format if request.output_config else None, "output_config.format"
    if wanted is None:
        wanted, name = request.output_format, "output_format"
    if wanted is None:
        return StructuredOutput()
    output = without_tool(wanted.schema, family)
    if output.output_config is None:
        dropped.append(name)
    return output


def _unit_interval(name: str, value: float | None) -> float | None:
    if value is not None and not 0 <= value <= 1:
        raise InvalidRequest.at(name, f"has to be between 0 and 1, got {value:g}")
    return value
