"""Responses requests: most are valid, some are not."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from aigw_extproc.translate.clients.responses.encrypted_content import EncryptedContent, encode
from tests.translate.strategies import PNG, arguments, ids, models, mostly, schemas, texts, visible_texts

REDACTED = "LXEWQrcmsEQBYnyp+6wy9Zt5bFmQBjAqgA7559ql3ebwzmi0QfDlGlhQWWKSNL0Q"
SIGNATURE = "VNx780aJbnkjI6KRyv6Y3N9FhetSB56+awGNEmARtsQ="

names = st.one_of(
    st.sampled_from(["f", "g", "get weather", "n" * 70, "messages[9]", 'it\'s "tools[7].function"']),
    st.text(min_size=1, max_size=8),
)
input_text = st.builds(lambda text: {"type": "input_text", "text": text}, texts)
images = st.builds(
    lambda url: {"type": "input_image", "detail": "auto", **url},
    mostly(
        st.just({"image_url": f"data:image/png;base64,{PNG}"}),
        st.sampled_from([{"image_url": "http://127.0.0.1/x.png"}, {"image_url": ""}, {"file_id": "file_1"}, {}]),
    ),
)
files = mostly(
    st.just({"type": "input_file", "filename": "a.pdf", "file_data": "JVBERi0x"}),
    st.sampled_from([{"type": "input_file", "file_url": "https://a.example/a.pdf"}, {"type": "input_file"}]),
)
output_parts = st.builds(
    lambda kind, text: {"type": kind[0], kind[1]: text, "annotations": []},
    st.sampled_from([("output_text", "text"), ("refusal", "refusal")]),
    texts,
)
user_parts = st.lists(input_text | images | files, max_size=2)


def message(role: str, content: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(
        lambda kind, content: {**kind, "role": role, "content": content},
        st.sampled_from([{}, {"type": "message"}]),
        content,
    )


users = message(
    "user",
    mostly(visible_texts | user_parts.map(lambda parts: [{"type": "input_text", "text": "See:"}, *parts]), user_parts),
)
assistants = message("assistant", texts | st.lists(output_parts, max_size=2) | mostly(st.just([]), st.lists(images)))
instructions = st.sampled_from(["system", "developer"]).flatmap(
    lambda role: message(role, texts | st.lists(input_text, max_size=2))
)
reasoning = mostly(
    st.sampled_from(
        [EncryptedContent("I think.", SIGNATURE), EncryptedContent(redacted=REDACTED), EncryptedContent("Hm.")]
    ).map(lambda content: {"type": "reasoning", "summary": [], "encrypted_content": encode(content)}),
    st.sampled_from(
        [
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]},
            {"type": "reasoning", "encrypted_content": "gAAAA"},
        ]
    ),
)


def output(call_id: str, output: Any) -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": call_id, "output": output}


calls = st.builds(
    lambda call_id, name, arguments: {
        "type": "function_call", "call_id": call_id, "name": name, "arguments": arguments
    },
    ids,
    names,
    arguments,
)  # fmt: skip
outputs = st.builds(output, ids, texts | user_parts)
others = st.sampled_from(
    [{"type": "item_reference", "id": "m"}, {"type": "web_search_call"}, {"type": "message"}, {"type": 1}]
)


@st.composite
def tool_rounds(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Draw tool calls and their outputs in any order, sometimes with reasoning and text before them."""
    drawn = draw(st.lists(calls, min_size=1, max_size=3, unique_by=lambda call: call["call_id"]))
    answers = [output(call["call_id"], draw(texts | user_parts)) for call in drawn]
    before = draw(st.lists(reasoning, max_size=1)) + draw(st.lists(assistants, max_size=1))
    return [*before, *drawn, *draw(st.permutations(answers + draw(st.lists(users, max_size=1))))]


rounds = mostly(
    st.one_of(
        st.lists(users, min_size=1, max_size=2),
        st.lists(assistants | instructions | reasoning, max_size=2),
        tool_rounds(),
    ),
    st.lists(calls | outputs | others, max_size=1),
)
histories = st.builds(
    lambda opening, parts: [item for part in (opening, *parts) for item in part],
    mostly(users.map(lambda item: [item]), rounds),
    st.lists(rounds, max_size=6),
)
tools = st.builds(
    lambda kind, name, schema, text: {"type": kind, "name": name, "parameters": schema, "description": text},
    mostly(st.just("function"), st.just("web_search")),
    names,
    schemas,
    texts,
)
named = st.builds(lambda name: {"type": "function", "name": name}, names)
choices = st.one_of(
    st.sampled_from(["auto", "none", "required", "any", None]),
    named,
    st.builds(
        lambda mode, tools: {"type": "allowed_tools", "mode": mode, "tools": tools},
        st.sampled_from(["auto", "required"]),
        st.lists(named, max_size=2),
    ),
)
formats = st.sampled_from(
    [
        {"type": "text"},
        {"type": "json_object"},
        {"type": "json_schema", "name": "a", "strict": True, "schema": {"type": "object", "properties": {}}},
        {"type": "json_schema", "name": "a", "schema": {"type": "array"}},
        {"type": "json_schema"},
    ]
)

requests = st.fixed_dictionaries(
    {"model": models, "input": mostly(histories, texts)},
    optional={
        "instructions": texts | st.none(),
        "tools": st.lists(tools, max_size=3),
        "tool_choice": mostly(st.sampled_from(["auto", None]), choices),
        "parallel_tool_calls": st.booleans(),
        "text": st.fixed_dictionaries({}, optional={"format": formats, "verbosity": st.just("low")}),
        "reasoning": st.fixed_dictionaries({"effort": mostly(st.sampled_from(["none", "low", None]), st.just("gold"))}),
        "max_output_tokens": mostly(st.integers(1, 100_000) | st.none(), st.integers(-1, 0)),
        "temperature": mostly(st.floats(0, 1), st.floats(-1, 3)),
        "top_p": st.floats(0, 1),
        "metadata": st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=20),
        "user": texts,
        "stream": st.booleans(),
        "service_tier": st.sampled_from(["auto", "flex", "gold"]),
        "truncation": st.sampled_from(["auto", "disabled"]),
        "include": st.lists(st.sampled_from(["reasoning.encrypted_content", "x"])),
        "store": mostly(st.just(False), st.just(True)),
        "previous_response_id": mostly(st.none(), st.just("resp_1")),
    },
)
