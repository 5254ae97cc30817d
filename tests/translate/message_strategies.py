"""Messages requests: most are valid, some are not."""

from __future__ import annotations

import base64
from typing import Any

from hypothesis import strategies as st

from aigw_extproc.simulator.reasoning import redact, sign
from tests.translate.strategies import PNG, ids, mostly, names, schemas, texts, visible_texts

marks = st.sampled_from(
    [
        {},
        {},
        {"cache_control": None},
        {"cache_control": {"type": "ephemeral", "ttl": None}},
        {"cache_control": {"type": "ephemeral", "ttl": "1h", "scope": "global"}},
    ]
)
PDF = base64.b64encode(b"%PDF-1.4\n").decode()


def block(kind: str, **members: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(lambda fields, mark: {"type": kind, **fields, **mark}, st.fixed_dictionaries(members), marks)


text_blocks = block("text", text=texts)
image_blocks = block(
    "image",
    source=mostly(
        st.just({"type": "base64", "media_type": "image/png", "data": PNG}),
        st.sampled_from(
            [
                {"type": "base64", "media_type": "text/plain", "data": "AAAA"},
                {"type": "url", "url": "http://127.0.0.1/x.png"},
                {"type": "file", "file_id": "f"},
            ]
        ),
    ),
)
document_blocks = block(
    "document",
    source=st.sampled_from(
        [
            {"type": "base64", "media_type": "application/pdf", "data": PDF},
            {"type": "text", "media_type": "text/plain", "data": "Words."},
            {"type": "content", "content": [{"type": "text", "text": "More words."}]},
        ]
    ),
    title=st.none() | texts,
)
reasoning = st.one_of(
    texts.map(lambda text: {"type": "thinking", "thinking": text, "signature": sign(text)}),
    texts.map(lambda text: {"type": "redacted_thinking", "data": redact(text)}),
    st.just({"type": "thinking", "thinking": "unsigned", "signature": ""}),
)
inputs = mostly(st.sampled_from([{}, {"x": [1, {"y": "z"}]}]), st.sampled_from([[1], None]))
uses = block("tool_use", id=ids, name=names, input=inputs, caller=st.sampled_from([None, {"type": "direct"}]))
text_content = st.lists(text_blocks, max_size=2)
user_content = mostly(
    visible_texts | st.lists(text_blocks | image_blocks | document_blocks, max_size=2).map(lambda more: [HELLO, *more]),
    texts | text_content,
)
HELLO = {"type": "text", "text": "See:"}
answers = st.one_of(texts, st.lists(text_blocks | image_blocks | document_blocks, max_size=2))

users = st.builds(lambda content: {"role": "user", "content": content}, user_content)
assistants = st.builds(
    lambda blocks, content: {"role": "assistant", "content": [*blocks, *content]},
    st.lists(reasoning, max_size=2),
    text_content,
)


@st.composite
def tool_rounds(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Draw tool calls and their results in any order, sometimes with a user's block after them."""
    calls = draw(st.lists(uses, min_size=1, max_size=3, unique_by=lambda use: use["id"]))
    results = [
        {"type": "tool_result", "tool_use_id": use["id"], "content": draw(answers), "is_error": draw(st.booleans())}
        | draw(marks)
        for use in calls
    ]
    content = [*draw(st.lists(reasoning, max_size=1)), *draw(text_content), *calls]
    after = draw(st.lists(text_blocks | image_blocks | document_blocks, max_size=1))
    return [
        {"role": "assistant", "content": content},
        {"role": "user", "content": [*draw(st.permutations(results)), *after]},
    ]


instructions = st.builds(lambda content: {"role": "system", "content": content}, texts | text_content)
rounds = mostly(
    st.one_of(st.lists(users, min_size=1, max_size=2), st.lists(assistants | instructions, max_size=1), tool_rounds()),
    st.lists(uses.map(lambda use: {"role": "assistant", "content": [use]}), max_size=1),
)
histories = st.builds(
    lambda first, parts: [message for part in ([first], *parts) for message in part],
    users,
    st.lists(rounds, max_size=5),
)
tools = st.builds(
    lambda name, schema, mark, more: {"name": name, "input_schema": schema, **mark, **more},
    names,
    schemas.map(lambda schema: schema or {}),
    marks,
    st.sampled_from(
        [
            {},
            {"description": "Does it.", "eager_input_streaming": True},
            {"strict": True, "input_examples": [{"x": None}]},
            {"type": "custom", "defer_loading": True, "allowed_callers": ["direct"]},
        ]
    ),
)
choices = mostly(
    st.sampled_from([{"type": "auto"}, {"type": "none"}, {"type": "auto", "disable_parallel_tool_use": True}]),
    st.sampled_from(
        [{"type": "any"}, {"type": "tool", "name": "f"}, {"type": "any", "disable_parallel_tool_use": True}]
    ),
)
MODELS = (
    "us.amazon.nova-lite-v1:0",
    "us.amazon.nova-2-lite-v1:0",
    "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "anthropic.claude-sonnet-4-6",
    "anthropic.claude-opus-4-7",
    "us.anthropic.claude-sonnet-5-5",
    "mistral.pixtral-large-2502-v1:0",
    "us.meta.llama3-2-90b-instruct-v1:0",
    "openai.gpt-oss-120b-1:0",
    "nobody.knows-this-one",
)
thinking = st.sampled_from(
    [
        {"type": "enabled", "budget_tokens": 1024},
        {"type": "adaptive"},
        {"type": "adaptive", "display": "omitted"},
        {"type": "disabled"},
        {"type": "between_tools"},
    ]
)
requests = st.fixed_dictionaries(
    {"model": st.sampled_from(MODELS), "messages": histories, "max_tokens": mostly(st.integers(1, 4000), st.just(0))},
    optional={
        "system": texts | text_content,
        "tools": st.lists(tools, max_size=3, unique_by=lambda tool: tool["name"]),
        "tool_choice": choices,
        "thinking": thinking,
        "output_config": st.fixed_dictionaries(
            {},
            optional={
                "effort": st.sampled_from(["low", "medium", "high", "xhigh", "max"]),
                "format": st.just({"type": "json_schema", "schema": {"type": "object", "properties": {}}}),
            },
        ),
        "temperature": mostly(st.floats(0, 1), st.just(2)),
        "top_p": st.floats(0, 1),
        "top_k": st.integers(1, 50),
        "stop_sequences": st.lists(texts, max_size=3),
        "metadata": st.fixed_dictionaries({"user_id": texts}),
        "stream": st.booleans(),
        "cache_control": st.just({"type": "ephemeral"}),
        "anthropic_beta": st.lists(st.sampled_from(["effort-2025-11-24", "context-1m-2025-08-07", "x"]), max_size=2),
    },
)
