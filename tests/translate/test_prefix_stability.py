"""A message that is added to a conversation changes nothing of what is sent for the earlier ones.

Bedrock caches the beginning of a prompt, byte for byte: tools, system, messages. Cache points are no part of it.
Exempt are tools that are known only from the history, and what a prefill loses while it is the last message: white
space at its end, and its reasoning.
`make prefixes` tries a hundred thousand conversations.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw_extproc.errors import InvalidRequest
from aigw_extproc.translate.contract import MediaNeeded
from tests.translate import goldens, message_strategies, response_strategies, strategies
from tests.translate.strategies import mostly
from tests.translate.test_messages_properties import UNFETCHED

CLAUDE = (
    "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "anthropic.claude-sonnet-4-6",
    "us.anthropic.claude-opus-5-5",
    "anthropic.claude-3-haiku-20240307-v1:0",
)
MODELS = (
    *CLAUDE,
    "us.amazon.nova-lite-v1:0",
    "us.amazon.nova-2-lite-v1:0",
    "mistral.pixtral-large-2502-v1:0",
    "mistral.mistral-7b-instruct-v0:2",
    "us.meta.llama3-2-90b-instruct-v1:0",
    "openai.gpt-oss-120b-1:0",
    "nobody.knows-this-one",
)
ENDPOINTS = {"chat": "/v1/chat/completions", "messages": "/v1/messages", "responses": "/v1/responses"}
FIELDS = {"chat": "messages", "messages": "messages", "responses": "input"}
"""The member of a request that has the conversation."""

Part = tuple[str, Any]
"""A part of the prompt, in its order: its kind, and its JSON value."""

marks = st.sampled_from([{}, {}, {"cache_control": {"type": "ephemeral"}}])
files = st.sampled_from(
    [
        {"type": "file", "file": {"filename": name, "file_data": "data:application/pdf;base64,JVBERi0xLjQK"}}
        for name in ("a.pdf", "b.pdf")
    ]
)
attachments = st.builds(
    lambda parts: {"role": "user", "content": parts}, st.lists(files | strategies.text_parts, min_size=1, max_size=3)
)


def marked(messages: st.SearchStrategy[list[dict[str, Any]]]) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Draw conversations with cache marks on some of their messages."""
    return messages.flatmap(
        lambda history: st.lists(marks, min_size=len(history), max_size=len(history)).map(
            lambda drawn: [{**message, **mark} for message, mark in zip(history, drawn, strict=True)]
        )
    )


def joined(*rounds: st.SearchStrategy[list[dict[str, Any]]]) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Draw conversations of several rounds."""
    return st.lists(st.one_of(rounds), min_size=1, max_size=5).map(
        lambda drawn: [message for part in drawn for message in part]
    )


chats = st.fixed_dictionaries(
    {"messages": marked(joined(strategies.histories, st.lists(attachments, min_size=1, max_size=2)))},
    optional={
        "tools": st.lists(strategies.tools, max_size=3, unique_by=lambda tool: tool["function"]["name"]),
        "tool_choice": mostly(st.just("auto"), st.just("none")),
        "reasoning_effort": st.sampled_from(["low", "none"]),
        "response_format": st.just({"type": "json_object"}),
    },
)
talks = st.fixed_dictionaries(
    {"messages": marked(joined(message_strategies.histories)), "max_tokens": st.just(4000)},
    optional={
        "system": message_strategies.texts | message_strategies.text_content,
        "tools": st.lists(message_strategies.tools, max_size=3, unique_by=lambda tool: tool["name"]),
        "tool_choice": message_strategies.choices,
        "thinking": message_strategies.thinking,
        "cache_control": st.just({"type": "ephemeral"}),
    },
)
inputs = st.fixed_dictionaries(
    {"input": joined(response_strategies.histories)},
    optional={"instructions": strategies.texts, "reasoning": st.just({"effort": "low"})},
)
REQUESTS: dict[str, st.SearchStrategy[dict[str, Any]]] = {"chat": chats, "messages": talks, "responses": inputs}


@pytest.mark.parametrize("schema", ["AWSBedrock", "AWSAnthropic"])
@pytest.mark.parametrize("client", ENDPOINTS)
@given(data=st.data())
def test_another_message_changes_nothing_before_it(client: str, schema: str, data: st.DataObject) -> None:
    models = MODELS if schema == "AWSBedrock" else CLAUDE
    request = {"model": data.draw(st.sampled_from(models)), **data.draw(REQUESTS[client])}
    for shorter, longer in pairwise(prompts(client, schema, request)):
        before, after = settled(shorter, request), settled(longer, request)
        if shorter[-1][0] == "assistant":
            before, after = without_end(before, after)
        assert after[: len(before)] == before


def prompts(client: str, schema: str, request: dict[str, Any]) -> Iterator[list[Part]]:
    """Yield the prompts of a conversation that grows by a message each time, where they are valid."""
    field = FIELDS[client]
    for length in range(1, len(request[field]) + 1):
        shortened = {**request, field: request[field][:length]}
        try:
            upstream = goldens.upstream_for(ENDPOINTS[client], shortened, schema, fetched=UNFETCHED)
        except (InvalidRequest, MediaNeeded):
            continue
        yield list(parts_of(json.loads(upstream.body)))


def parts_of(body: dict[str, Any]) -> Iterator[Part]:
    """Yield the parts of a prompt: each block with its place; the role where it changes."""
    for tool in blocks(body.get("toolConfig", body).get("tools", [])):
        yield "tools", without_mark(tool)
    for block in blocks(body.get("system", [])):
        yield "system", without_mark(block)
    role = ""
    for message in body["messages"]:
        if message["role"] != role:
            role = message["role"]
            yield role, None
        for block in blocks(message["content"]):
            yield role, without_mark(block)


def blocks(content: str | list[Any]) -> list[Any]:
    """Return the blocks without cache points. Anthropic's API takes a string for one block of text."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [block for block in content if block.keys() != {"cachePoint"}]


def without_mark(block: dict[str, Any]) -> str:
    """Return the block's JSON in the order of its keys: every byte counts."""
    return json.dumps({name: value for name, value in block.items() if name != "cache_control"})


def settled(prompt: list[Part], request: dict[str, Any]) -> list[Part]:
    """Return the prompt without tools that only the history names, and without cache points among them."""
    return [part for part in prompt if part[0] != "tools" or request.get("tools")]


def without_end(before: list[Part], after: list[Part]) -> tuple[list[Part], list[Part]]:
    """Return two prompts, of which the first ends with a prefill, without what a prefill loses."""
    start = max(index for index, part in enumerate(before) if part == ("assistant", None))
    end = next((index for index in range(start + 1, len(after)) if after[index][1] is None), len(after))
    prefill, turn = without_reasoning(before[start:]), without_reasoning(after[start:end])
    if stripped(prefill[-1]) == stripped(turn[len(prefill) - 1]):
        prefill = prefill[:-1]
    return [*before[:start], *prefill], [*after[:start], *turn, *after[end:]]


def without_reasoning(turn: list[Part]) -> list[Part]:
    return [part for part in turn if not is_reasoning(part)]


def is_reasoning(part: Part) -> bool:
    value = json.loads(part[1] or "{}")
    return "reasoningContent" in value or value.get("type") in ("thinking", "redacted_thinking")


def stripped(part: Part) -> Part:
    value = json.loads(part[1] or "{}")
    return part[0], {**value, "text": value.get("text", "").rstrip()}
