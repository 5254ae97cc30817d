"""Chat completion requests: most are valid, some are not."""

from __future__ import annotations

import base64
from typing import Any

from hypothesis import strategies as st

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(20)).decode()

texts = st.one_of(st.sampled_from(["", " ", "\n", "Hi.", "Ünïcode 🦜", "x" * 300]), st.text(max_size=20))
names = st.one_of(st.sampled_from(["f", "g", "get weather", "n" * 70, "mcp__a.b:c"]), st.text(min_size=1, max_size=8))
ids = st.one_of(st.sampled_from(["c1", "c2", "call:1.2", "i" * 80, "é"]), st.text(min_size=1, max_size=8))


def mostly(usual: st.SearchStrategy[Any], rare: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Draw a rare value one time in sixteen: with more invalid values nearly every request would be refused."""
    return st.integers(0, 15).flatmap(lambda number: rare if number == 15 else usual)


arguments = mostly(
    st.sampled_from(["", " ", "null", "{}", '{"x": [1, {"y": "z"}]}', None]), st.sampled_from(["[1]", "{", '"s"'])
)

text_parts = st.builds(lambda text: {"type": "text", "text": text}, texts)
image_parts = st.builds(
    lambda url: {"type": "image_url", "image_url": {"url": url}},
    mostly(
        st.sampled_from(
            [
                f"data:image/png;base64,{PNG}",
                f"data:image/jpg;base64,{PNG}",
                f"data:IMAGE/PNG;x=y;base64,{PNG.rstrip('=')}",
            ]
        ),
        st.sampled_from(["data:image/png;base64,", "data:text/plain;base64,AAAA", "http://127.0.0.1/x.png", ""]),
    ),
)
refusal_parts = st.builds(lambda text: {"type": "refusal", "refusal": text}, texts)
visible_texts = st.sampled_from(["Hi.", "And now?", "Ünïcode 🦜"])
user_content = mostly(
    visible_texts
    | st.lists(text_parts | image_parts, max_size=2).map(lambda parts: [{"type": "text", "text": "See:"}, *parts]),
    texts | st.lists(text_parts, max_size=2),
)
calls = st.builds(
    lambda id_, name, args: {"id": id_, "type": "function", "function": {"name": name, "arguments": args}},
    ids,
    names,
    arguments,
)


def system(role: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(lambda content: {"role": role, "content": content}, texts | st.lists(text_parts, max_size=2))


users = st.builds(lambda content: {"role": "user", "content": content}, user_content)
assistants = st.builds(
    lambda content, calls: {"role": "assistant", "content": content, **({"tool_calls": calls} if calls else {})},
    st.none() | texts | st.lists(text_parts | refusal_parts, max_size=2),
    st.lists(calls, max_size=2),
)
results = st.builds(
    lambda id_, content: {"role": "tool", "tool_call_id": id_, "content": content},
    ids,
    texts | st.lists(text_parts | image_parts, max_size=2),
)


@st.composite
def tool_rounds(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Draw tool calls and their results in any order, sometimes with a user's message between them."""
    drawn = draw(st.lists(calls, min_size=1, max_size=3, unique_by=lambda call: call["id"]))
    answers = [{"role": "tool", "tool_call_id": call["id"], "content": draw(texts)} for call in drawn]
    between = draw(st.permutations(answers + draw(st.lists(users, max_size=1))))
    return [{"role": "assistant", "content": draw(st.none() | texts), "tool_calls": drawn}, *between]


texts_only = st.builds(lambda content: {"role": "assistant", "content": content}, st.none() | texts)
rounds = mostly(
    st.one_of(
        st.lists(users, min_size=1, max_size=2),
        st.lists(texts_only | system("system") | system("developer"), max_size=1),
        tool_rounds(),
    ),
    st.lists(assistants | results, max_size=1),
)
histories = st.builds(
    lambda opening, parts: [message for part in (opening, *parts) for message in part],
    mostly(users.map(lambda message: [message]), rounds),
    st.lists(rounds, max_size=6),
)

schemas = st.sampled_from(
    [
        None,
        {},
        {"type": "object", "properties": {"x": {"type": "string"}}, "required": ["x"]},
        {"properties": None, "$schema": "http://json-schema.org/draft-07/schema#"},
        {"properties": {"$filter": {"type": "int", "minimum": 0, "exclusiveMinimum": True}}, "required": True},
        {"type": "object", "anyOf": [{"required": ["a"]}, {"$ref": "#/$defs/B"}], "$defs": {"B": {"properties": []}}},
        {"type": "object", "properties": {"map": {"type": "object", "additionalProperties": {"type": "integer"}}}},
        {"$ref": "#/$defs/Node", "$defs": {"Node": {"properties": {"next": {"$ref": "#/$defs/Node"}}}}},
    ]
)
tools = st.builds(
    lambda name, schema, text, strict: {
        "type": "function",
        "function": {"name": name, "parameters": schema, "description": text, "strict": strict},
    },
    names,
    schemas,
    texts,
    st.booleans(),
)
choices = st.one_of(
    st.sampled_from([None, "auto", "none", "required", {}]),
    st.builds(lambda name: {"type": "function", "function": {"name": name}}, names),
)

models = st.sampled_from(
    [
        "us.amazon.nova-lite-v1:0",
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "anthropic.claude-sonnet-4-6",
        "mistral.pixtral-large-2502-v1:0",
        "us.meta.llama3-2-90b-instruct-v1:0",
        "us.deepseek.r1-v1:0",
        "nobody.knows-this-one",
    ]
)
requests = st.fixed_dictionaries(
    {
        "model": models,
        "messages": histories,
    },
    optional={
        "temperature": mostly(st.floats(0, 3) | st.integers(0, 2), st.just(-1)),
        "top_p": st.floats(0, 2),
        "max_tokens": mostly(st.integers(1, 100), st.integers(-1, 0)),
        "max_completion_tokens": st.integers(1, 100) | st.none(),
        "stop": texts | st.lists(texts, max_size=3),
        "tools": st.lists(tools, max_size=3, unique_by=lambda tool: tool["function"]["name"]),
        "tool_choice": mostly(st.sampled_from([None, "auto", "none", {}]), choices),
        "parallel_tool_calls": st.booleans(),
        "stream": st.booleans(),
        "service_tier": st.sampled_from(["auto", "default", "flex", "priority", "gold"]),
        "metadata": st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=20),
        "user": texts,
        "seed": st.integers(),
        "n": mostly(st.sampled_from([1, None]), st.just(2)),
    },
)

any_json = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
)
"""Bodies that an upstream could send instead of a valid one."""
