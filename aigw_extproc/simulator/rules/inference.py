"""Parameters of inference, many of which only some families support, and resources of the account that they name.

The simulated account has no reserved capacity.
https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-management-test.html
https://docs.aws.amazon.com/bedrock/latest/userguide/service-tiers-inference.html
https://docs.aws.amazon.com/bedrock/latest/userguide/conversation-inference-supported-models-features.html
https://platform.claude.com/docs/en/about-claude/models/whats-new-claude-4-7
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from aigw_extproc.simulator.converse_request import Conversation, inference_config, model_field, turns
from aigw_extproc.simulator.rules.problems import MODEL_ERRORS, ModelRequest, Problems, extraneous, unsupported

# https://www.rfc-editor.org/rfc/rfc6901#section-3
JSON_POINTER = re.compile(r"(?:/(?:[^~/]|~[01])*)+")

ANTHROPIC_NAMES: Mapping[str, str] = MappingProxyType({"temperature": "temperature", "topP": "top_p"})
"""Sampling parameters of Converse, with their names in Anthropic's API."""

PROMPT = re.compile(r"arn:[^/]+:prompt/.+")
IN_THE_PROMPT = frozenset({"additionalModelRequestFields", "inferenceConfig", "system", "toolConfig"})
"""Members that are part of a prompt in the library."""


def is_prompt_arn(model_id: str) -> bool:
    """Return whether a model id is the ARN of a prompt."""
    return PROMPT.fullmatch(model_id) is not None


def prompt_variables_need_a_prompt(request: ModelRequest) -> Problems:
    """promptVariables need the ARN of a prompt, and the request must not repeat the prompt's members."""
    if is_prompt_arn(request.model_id):
        for name in request.conversation.keys() & IN_THE_PROMPT:
            yield f"The {name} field can't be used with a prompt from Prompt management. Remove {name} and try again."
    elif request.model_id and "promptVariables" in request.conversation:
        yield "The promptVariables field can only be used with the ARN of a prompt as the model identifier."


def reserved_tier_needs_a_reservation(request: ModelRequest) -> Problems:
    """The tier `reserved` needs a reservation."""
    if request.conversation.get("serviceTier", {}).get("type") == "reserved":
        yield "Reservation not found."


def response_fields_are_json_pointers(conversation: Conversation) -> Problems:
    """`additionalModelResponseFieldPaths` has JSON pointers, none of them empty."""
    for index, path in enumerate(conversation.get("additionalModelResponseFieldPaths", ())):
        if JSON_POINTER.fullmatch(path) is None:
            yield f"The value at additionalModelResponseFieldPaths.{index} is not a valid JSON Pointer: {path}"


def temperature_or_top_p(request: ModelRequest) -> Problems:
    """Claude 4.1 and later support only one of temperature and topP."""
    if set(_sampling(request)) >= ANTHROPIC_NAMES.keys() and not request.family.temperature_and_top_p:
        yield (
            f"{MODEL_ERRORS} `temperature` and `top_p` cannot both be specified for this model. Please use only one."
        )


def sampling_is_supported(request: ModelRequest) -> Problems:
    """The newest families support no sampling parameters."""
    for name in () if request.family.sampling else _sampling(request):
        claude = f"{MODEL_ERRORS} `{ANTHROPIC_NAMES.get(name, name)}` is deprecated for this model."
        yield claude if request.is_claude else unsupported(name)


def stop_sequences_are_supported(request: ModelRequest) -> Problems:
    """Not every family supports stop sequences."""
    if "stopSequences" in inference_config(request.conversation) and not request.family.stop_sequences:
        yield unsupported("stopSequences")


def max_tokens_are_enough(request: ModelRequest) -> Problems:
    """Models behind OpenAI's Responses API have a lower bound of maxTokens."""
    limit = inference_config(request.conversation).get("maxTokens")
    if limit is not None and limit < request.family.least_max_tokens:
        yield (
            f"{MODEL_ERRORS} Invalid 'max_output_tokens': integer below minimum value. Expected a value >="
            f" {request.family.least_max_tokens}, but got {limit} instead."
        )


def system_is_supported(request: ModelRequest) -> Problems:
    """The oldest families do not support system messages."""
    if request.conversation.get("system") and not request.family.system:
        yield (
            "This model doesn't support system messages. Try again without a system message or use a model that"
            " supports system messages."
        )


def prefill_is_supported(request: ModelRequest) -> Problems:
    """Newer families do not continue a message of the assistant."""
    last = turns(request.conversation)[-1:]
    if last and last[0][1]["role"] == "assistant" and not request.family.prefill:
        yield (
            f"{MODEL_ERRORS} This model does not support assistant message prefill. The conversation must end with a"
            " user message."
        )


def model_fields_are_supported(request: ModelRequest) -> Problems:
    """The model's own fields are fields of its API."""
    fields = request.conversation.get("additionalModelRequestFields")
    if request.family.fields is None or not isinstance(fields, Mapping):
        return
    for name in sorted(fields.keys() - request.family.fields):
        yield UNKNOWN_FIELD[request.family.provider].format(name=name)


UNKNOWN_FIELD: Mapping[str, str] = MappingProxyType(
    {
        "anthropic": f"{MODEL_ERRORS} {{name}}: Extra inputs are not permitted",
        "amazon": extraneous("", "{name}"),
        "openai": "Unknown parameter: '{name}'.",
    }
)
"""Errors for unknown fields, of the providers whose fields are known."""


def _sampling(request: ModelRequest) -> Iterator[str]:
    inference = inference_config(request.conversation)
    yield from (name for name in ANTHROPIC_NAMES if name in inference)
    if request.is_claude and model_field(request.conversation, "top_k") is not None:
        yield "top_k"
