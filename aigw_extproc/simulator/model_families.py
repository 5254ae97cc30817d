"""The model families: a table from the prefix of a model id to what the family supports.

Sources are the documentation of AWS and Anthropic and, where it says nothing, users' reports of refused requests. Where
sources disagree or are missing, a family supports everything.
https://docs.aws.amazon.com/bedrock/latest/userguide/conversation-inference-supported-models-features.html
https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html
https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html
https://platform.claude.com/docs/en/build-with-claude/adaptive-thinking
https://platform.claude.com/docs/en/build-with-claude/effort
https://platform.claude.com/docs/en/build-with-claude/mid-conversation-system-messages
https://platform.claude.com/docs/en/build-with-claude/preserved-thinking
https://docs.aws.amazon.com/nova/latest/nova2-userguide/extended-thinking.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from aigw_extproc.simulator.capabilities import ALL, CHOICES, MEDIA, NOTHING, Capabilities, ReasoningSupport

REGIONS = r"(?:us|us-gov|eu|apac|jp|au|ca|in|global)\."
"""Prefixes of cross-region inference profiles.

https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-support.html
"""

MODEL = re.compile(rf"(?:arn:.*:(?:foundation-model|inference-profile)/)?(?:{REGIONS})?(?P<model>[a-z0-9-]+\..+)")
"""An id that names a model. Those of application profiles, provisioned and imported models do not."""

ANY = Capabilities(
    reasoning=ReasoningSupport(types=("enabled", "adaptive", "disabled", "between_tools"), form="signed")
)
"""An unknown model."""


def capabilities_of(model_id: str) -> Capabilities:
    """Return what a model supports: the row with the longest key that the id begins with."""
    match = MODEL.fullmatch(model_id)
    name = match["model"] if match else ""
    key = max((prefix for prefix in FAMILIES if name.startswith(prefix)), key=len, default=None)
    return ANY if key is None else FAMILIES[key]


LOW_TO_HIGH = ("low", "medium", "high")
ALL_EFFORTS = ("low", "medium", "high", "xhigh", "max")
DOCUMENTS = frozenset({"document"})
DOCUMENTS_AND_IMAGES = frozenset({"image", "document"})
NEVER_FORCED = frozenset({"auto"})
OUTPUT_EFFORT = ("output_config", "effort")
NO_HISTORY = ReasoningSupport(history=NOTHING)
REASONING_TEXT = frozenset({"reasoningText"})

# https://docs.anthropic.com/en/api/messages, without those that Converse has fields for.
OLD_CLAUDE_FIELDS = frozenset({"anthropic_beta", "anthropic_version", "metadata", "tool_choice", "tools", "top_k"})
CLAUDE_FIELDS = OLD_CLAUDE_FIELDS | {"context_management", "output_config", "thinking"}

CLAUDE = Capabilities(
    provider="anthropic",
    system_role=False,
    strict_tools=False,
    text_format=False,
    plain_schemas=True,
    media=DOCUMENTS_AND_IMAGES,
    s3=False,
    beside_results=frozenset({"text", "image"}),
    in_results=frozenset({"text", "image", "document"}),
    fields=OLD_CLAUDE_FIELDS,
)
CLAUDE_2 = replace(CLAUDE, tools=False, media=NOTHING, caches=NOTHING)
BUDGET = ReasoningSupport(types=("enabled", "disabled"), form="signed")
BUDGETED = replace(CLAUDE, fields=CLAUDE_FIELDS, reasoning=BUDGET)
CLAUDE_4_1 = replace(BUDGETED, temperature_and_top_p=False)
CLAUDE_4_5 = replace(CLAUDE_4_1, strict_tools=True, text_format=True)
EFFORT = replace(BUDGET, effort_path=OUTPUT_EFFORT, efforts=LOW_TO_HIGH)
OPUS_4_5 = replace(CLAUDE_4_5, reasoning=EFFORT)
BOTH = replace(EFFORT, types=("enabled", "adaptive", "disabled"), efforts=(*LOW_TO_HIGH, "max"))
CLAUDE_4_6 = replace(CLAUDE_4_5, prefill=False, reasoning=BOTH)
ADAPTIVE = replace(EFFORT, types=("adaptive", "disabled"), efforts=ALL_EFFORTS, omitted=True)
CLAUDE_4_7 = replace(CLAUDE_4_6, sampling=False, reasoning=ADAPTIVE)
CLAUDE_4_8 = replace(CLAUDE_4_7, system_role=True)
SONNET_5 = replace(CLAUDE_4_7, reasoning=replace(ADAPTIVE, default=True))
CLAUDE_5 = replace(CLAUDE_4_8, reasoning=replace(ADAPTIVE, default=True))
HAIKU_5_5 = replace(CLAUDE_5, reasoning=replace(ADAPTIVE, default=True, bound=True))
ALWAYS = replace(ADAPTIVE, default=True, types=("adaptive",))
BOUND = replace(ALWAYS, bound=True)
CLAUDE_FABLE = replace(CLAUDE_5, text_format=False, reasoning=ALWAYS)
CLAUDE_FABLE_5_1 = replace(CLAUDE_FABLE, choices=NEVER_FORCED, strict_tools=False, reasoning=BOUND)
CLAUDE_MYTHOS = replace(CLAUDE_5, reasoning=ALWAYS)
SONNET_5_5 = replace(CLAUDE_5, choices=NEVER_FORCED, reasoning=replace(BOUND, types=("adaptive", "between_tools")))
OPUS_5_5 = replace(CLAUDE_5, choices=NEVER_FORCED, strict_tools=False, reasoning=BOUND)

NOVA = Capabilities(
    provider="amazon",
    hyphens=False,
    schema_references=False,
    system_role=False,
    strict_tools=False,
    text_format=False,
    media=frozenset({"image", "document", "video"}),
    in_results=frozenset({"text", "image", "video", "csv", "txt", "md", "html"}),
    caches=frozenset({"system", "messages"}),
    caches_after_results=False,
    fields=frozenset({"inferenceConfig", "messages", "schemaVersion", "system", "toolConfig"}),
    reasoning=NO_HISTORY,
)
NOVA_2 = replace(
    NOVA,
    hyphens=True,
    schema_references=True,
    in_results=NOVA.in_results - {"video"},
    fields=frozenset({*(NOVA.fields or ()), "reasoningConfig"}),
    reasoning=ReasoningSupport(
        effort_path=("reasoningConfig", "maxReasoningEffort"),
        efforts=LOW_TO_HIGH,
        reasons_at=LOW_TO_HIGH,
        form="hidden",
    ),
)

WITHOUT_VIDEO = MEDIA - {"video"}
PLAIN = Capabilities(system_role=False, strict_tools=False, text_format=False, caches=NOTHING, media=WITHOUT_VIDEO)
"""Most others: no cache and no structured output."""
TEXT_ONLY = replace(PLAIN, tools=False, media=DOCUMENTS)
LLAMA = replace(
    PLAIN,
    streamed_tools=False,
    choices=NEVER_FORCED,
    media=DOCUMENTS_AND_IMAGES,
    beside_results=NOTHING,
    text_beside_uses=False,
    in_results=frozenset({"text", "image", "document"}),
    reasoning=NO_HISTORY,
)
MISTRAL = replace(
    LLAMA,
    choices=frozenset({"auto", "any"}),
    media=frozenset({"image", "document", "audio"}),
    in_results=frozenset({"text", "document"}),
)
MISTRAL_3 = replace(MISTRAL, text_beside_uses=True, streamed_tools=True, choices=CHOICES, text_format=True)
OPEN = Capabilities(system_role=False, caches=NOTHING, media=WITHOUT_VIDEO)
"""Newer open models: structured output, but no cache points."""
NO_SAMPLING = replace(OPEN, sampling=False, stop_sequences=False, least_max_tokens=16, in_results=ALL - {"image"})
"""GPT and Grok: no sampling parameters, at least 16 tokens, and no images in tool results."""
FLAT_EFFORT = ReasoningSupport(
    effort_path=("reasoning_effort",), efforts=("none", *LOW_TO_HIGH), reasons_at=("high",), history=REASONING_TEXT
)
# https://platform.openai.com/docs/api-reference/responses/create, whose fields these models have.
GPT_FIELDS = frozenset(
    {"include", "metadata", "parallel_tool_calls", "prompt_cache_key", "reasoning", "safety_identifier"}
    | {"service_tier", "store", "text", "truncation", "user"}
)
GPT = replace(
    NO_SAMPLING,
    provider="openai",
    fields=GPT_FIELDS,
    reasoning=ReasoningSupport(
        effort_path=("reasoning", "effort"),
        efforts=("none", *ALL_EFFORTS),
        reasons_at=ALL_EFFORTS,
        default=True,
        form="encrypted",
        history=frozenset({"redactedContent"}),
    ),
)
GROK = replace(
    NO_SAMPLING,
    reasoning=ReasoningSupport(
        effort_path=("reasoning", "effort"),
        efforts=(*LOW_TO_HIGH, "xhigh"),
        reasons_at=ALL_EFFORTS,
        default=True,
        history=NOTHING,
    ),
)
KIMI = replace(
    OPEN,
    media=DOCUMENTS_AND_IMAGES,
    in_results=frozenset({"text"}),
    reasoning=ReasoningSupport(
        effort_path=("reasoning_effort",), reasons_at=ALL_EFFORTS, default=True, history=REASONING_TEXT
    ),
)
QWEN = replace(
    OPEN,
    media=frozenset({"image"}),
    in_results=frozenset({"text"}),
    reasoning=replace(FLAT_EFFORT, effort_path=("reasoning_config",)),
)

FAMILIES: Mapping[str, Capabilities] = MappingProxyType(
    {
        "anthropic.claude": replace(ANY, provider="anthropic"),
        "anthropic.claude-instant": CLAUDE_2,
        "anthropic.claude-v2": CLAUDE_2,
        "anthropic.claude-3-": replace(CLAUDE, caches=NOTHING),
        "anthropic.claude-3-5-haiku": CLAUDE,
        "anthropic.claude-3-5-sonnet-20241022": CLAUDE,
        "anthropic.claude-3-7-sonnet": BUDGETED,
        "anthropic.claude-sonnet-4-": BUDGETED,
        "anthropic.claude-opus-4-": BUDGETED,
        "anthropic.claude-opus-4-1": CLAUDE_4_1,
        "anthropic.claude-sonnet-4-5": CLAUDE_4_5,
        "anthropic.claude-haiku-4-5": CLAUDE_4_5,
        "anthropic.claude-opus-4-5": OPUS_4_5,
        "anthropic.claude-opus-4-6": CLAUDE_4_6,
        "anthropic.claude-sonnet-4-6": CLAUDE_4_6,
        "anthropic.claude-opus-4-7": CLAUDE_4_7,
        "anthropic.claude-opus-4-8": CLAUDE_4_8,
        "anthropic.claude-opus-5": CLAUDE_5,
        "anthropic.claude-sonnet-5": SONNET_5,
        "anthropic.claude-haiku-5-5": HAIKU_5_5,
        "anthropic.claude-sonnet-5-5": SONNET_5_5,
        "anthropic.claude-opus-5-5": OPUS_5_5,
        "anthropic.claude-fable-5": CLAUDE_FABLE,
        "anthropic.claude-fable-5-1": CLAUDE_FABLE_5_1,
        "anthropic.claude-fable-5-2": CLAUDE_FABLE_5_1,
        "anthropic.claude-mythos": CLAUDE_MYTHOS,
        "anthropic.claude-mythos-5-1": replace(CLAUDE_MYTHOS, choices=NEVER_FORCED),
        "anthropic.claude-mythos-5-2": replace(CLAUDE_MYTHOS, choices=NEVER_FORCED, reasoning=BOUND),
        "amazon.nova-": NOVA,
        "amazon.nova-micro": replace(NOVA, media=NOTHING),
        "amazon.nova-2": NOVA_2,
        "amazon.titan-t": replace(TEXT_ONLY, system=False),
        "meta.llama2": TEXT_ONLY,
        "meta.llama3-": LLAMA,
        "meta.llama3-8b": TEXT_ONLY,
        "meta.llama3-70b": TEXT_ONLY,
        "meta.llama3-2-1b": replace(LLAMA, tools=False),
        "meta.llama3-2-3b": replace(LLAMA, tools=False),
        "meta.llama4": LLAMA,
        "mistral.": MISTRAL_3,
        "mistral.mistral-7b": replace(TEXT_ONLY, system=False),
        "mistral.mixtral": replace(TEXT_ONLY, system=False),
        "mistral.mistral-large-24": MISTRAL,
        "mistral.mistral-small-24": replace(MISTRAL, choices=CHOICES),
        "mistral.pixtral": replace(MISTRAL, choices=NEVER_FORCED),
        "cohere.command-r": replace(PLAIN, choices=NEVER_FORCED, media=DOCUMENTS),
        "ai21.jamba-1-5": replace(PLAIN, choices=NEVER_FORCED, media=DOCUMENTS),
        "ai21.jamba-instruct": replace(PLAIN, tools=False, media=NOTHING),
        "deepseek.r1": replace(TEXT_ONLY, reasoning=ReasoningSupport(default=True, history=NOTHING)),
        "deepseek.v3": replace(OPEN, media=DOCUMENTS, reasoning=FLAT_EFFORT),
        "openai.gpt-oss": replace(
            OPEN,
            media=DOCUMENTS,
            reasoning=replace(FLAT_EFFORT, efforts=LOW_TO_HIGH, reasons_at=LOW_TO_HIGH, default=True),
        ),
        "openai.gpt-5.6": GPT,
        "openai.gpt-6": GPT,
        "xai.grok-4.3": replace(GROK, reasoning=replace(GROK.reasoning, efforts=("none", *LOW_TO_HIGH))),
        "xai.grok-4.6": GROK,
        "xai.grok-4.7": GROK,
        "qwen.qwen3-": QWEN,
        "qwen.qwen3-coder": replace(QWEN, reasoning=NO_HISTORY),
        "moonshot.": KIMI,
        "moonshotai.": KIMI,
        "minimax.": replace(OPEN, reasoning=replace(FLAT_EFFORT, effort_path=(), efforts=(), default=True)),
        "zai.glm-": replace(OPEN, reasoning=FLAT_EFFORT),
        "zai.glm-5.3": replace(
            OPEN, reasoning=replace(FLAT_EFFORT, efforts=ALL_EFFORTS, reasons_at=ALL_EFFORTS, default=True)
        ),
        "nvidia.": OPEN,
        "google.gemma-": replace(OPEN, in_results=ALL - {"image"}, reasoning=NO_HISTORY),
        "writer.palmyra": replace(
            PLAIN, choices=NEVER_FORCED, beside_results=NOTHING, result_status=False, reasoning=NO_HISTORY
        ),
    }
)
"""By prefix of the model id, without region and ARN."""
