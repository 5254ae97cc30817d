"""Parameters that not every family has.

https://docs.aws.amazon.com/bedrock/latest/userguide/conversation-inference-supported-models-features.html
https://platform.claude.com/docs/en/about-claude/models/whats-new-claude-4-7
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from aigw_extproc.simulator.capabilities import model_field
from aigw_extproc.simulator.rules.conversation import MODEL_ERRORS, Asked, Problems, turns, unsupported

ANTHROPIC_NAMES: Mapping[str, str] = MappingProxyType({"temperature": "temperature", "topP": "top_p"})
"""The parameters of sampling, and what they are called behind Converse."""


def temperature_or_top_p(asked: Asked) -> Problems:
    """Not both, for Claude from 4.1 on."""
    if set(_sampling(asked)) >= ANTHROPIC_NAMES.keys() and not asked.family.temperature_and_top_p:
        yield (
            f"{MODEL_ERRORS} `temperature` and `top_p` cannot both be specified for this model. Please use only one."
        )


def sampling_is_adjustable(asked: Asked) -> Problems:
    """Neither, for the newest families."""
    for name in () if asked.family.sampling else _sampling(asked):
        claude = f"{MODEL_ERRORS} `{ANTHROPIC_NAMES.get(name, name)}` is deprecated for this model."
        yield claude if asked.is_claude else unsupported(name)


def stop_sequences_are_known(asked: Asked) -> Problems:
    """Some families end where they want to."""
    if "stopSequences" in asked.conversation.get("inferenceConfig", {}) and not asked.family.stop_sequences:
        yield unsupported("stopSequences")


def system_is_known(asked: Asked) -> Problems:
    """The oldest families have no instructions apart from messages."""
    if asked.conversation.get("system") and not asked.family.system:
        yield (
            "This model doesn't support system messages. Try again without a system message or use a model that"
            " supports system messages."
        )


def last_words_are_the_users(asked: Asked) -> Problems:
    """Newer families do not continue what the assistant is said to have begun."""
    last = turns(asked.conversation)[-1:]
    if last and last[0][1]["role"] == "assistant" and not asked.family.prefill:
        yield (
            f"{MODEL_ERRORS} This model does not support assistant message prefill. The conversation must end with a"
            " user message."
        )


def own_fields_are_known(asked: Asked) -> Problems:
    """The model's own fields are those that its API has."""
    fields = asked.conversation.get("additionalModelRequestFields")
    if asked.family.fields is None or not isinstance(fields, Mapping):
        return
    for name in sorted(fields.keys() - asked.family.fields):
        yield UNKNOWN_FIELD[asked.family.provider].format(name=name)


UNKNOWN_FIELD: Mapping[str, str] = MappingProxyType(
    {
        "anthropic": f"{MODEL_ERRORS} {{name}}: Extra inputs are not permitted",
        "amazon": (
            f"{MODEL_ERRORS} Malformed input request: #: extraneous key [{{name}}] is not permitted, please reformat"
            " your input and try again."
        ),
        "openai": "Unknown parameter: '{name}'.",
    }
)
"""How the providers whose fields are known refuse others."""


def _sampling(asked: Asked) -> Iterator[str]:
    inference = asked.conversation.get("inferenceConfig", {})
    yield from (name for name in ANTHROPIC_NAMES if name in inference)
    if asked.is_claude and model_field(asked.conversation, "top_k") is not None:
        yield "top_k"
