"""A stream adds up to what the same content makes as a whole, as OpenAI's own SDK adds it up."""

from __future__ import annotations

import base64
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from aigw_extproc.translate.carriers import converse
from aigw_extproc.translate.carriers.response import CarriedAnswer
from aigw_extproc.translate.clients.chat.stream import ChatWriter
from aigw_extproc.translate.converse.tool_names import ToolNames
from tests.translate import goldens

Block = dict[str, Any]
"""A content block of a Converse response."""

ANSWER_TOOL = "answer"
USAGE = {"inputTokens": 3, "outputTokens": 5, "totalTokens": 10, "cacheReadInputTokens": 2}
TOOLS = ["get_weather", "get weather", "n" * 70]
NAMES = ToolNames.of(TOOLS)

texts = st.one_of(st.sampled_from(["", " ", "Hi.", "Ünïcode 🦜", 'a "quoted"\n\\ text']), st.text(max_size=30))
signatures = st.binary(min_size=1, max_size=40).map(lambda data: base64.b64encode(data).decode())
scalars = (
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | texts
)
inputs = st.dictionaries(
    texts, st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3))
)
sources = st.one_of(
    st.builds(
        lambda url, title: {"title": title, "location": {"web": {"url": url}}}, st.just("https://a.example"), texts
    ),
    st.just({"location": {"web": {"url": "https://b.example", "domain": "b.example"}}}),
    st.just({"title": "doc", "location": {"documentChar": {"documentIndex": 0, "start": 0, "end": 4}}}),
    st.just({"somethingNewer": True}),
)

said = st.builds(lambda text: {"text": text}, texts)
reasoned = st.builds(
    lambda text, signature: {"reasoningContent": {"reasoningText": {"text": text, **signature}}},
    texts,
    st.one_of(st.just({}), signatures.map(lambda signature: {"signature": signature})),
)
redacted = st.builds(lambda data: {"reasoningContent": {"redactedContent": data}}, signatures)
cited = st.builds(
    lambda text, found: {"citationsContent": {"content": [{"text": text}], "citations": found}},
    texts,
    st.lists(sources, max_size=3),
)


def uses(*names: str) -> st.SearchStrategy[Block]:
    return st.builds(
        lambda key, name, value: {"toolUse": {"toolUseId": f"tooluse_{key}", "name": name, "input": value}},
        st.integers(0, 10**6),
        st.sampled_from(names),
        inputs,
    )


others = said | reasoned | redacted | cited
told_names = [NAMES.to_bedrock(name) for name in TOOLS]
contents = st.lists(others | uses(*told_names), max_size=6)
answers = st.lists(others | uses(ANSWER_TOOL, *told_names), max_size=6)


def pieces(draw: st.DrawFn, text: str) -> list[str]:
    """The text in pieces, some of which may be empty."""
    ends = sorted(draw(st.lists(st.integers(0, len(text)), max_size=4)))
    return [text[start:end] for start, end in zip([0, *ends], [*ends, len(text)], strict=True)]


def deltas(draw: st.DrawFn, block: Block) -> list[Block]:
    """A block as the deltas in which Bedrock would send it."""
    match block:
        case {"text": str(text)}:
            return [{"text": piece} for piece in pieces(draw, text)]
        case {"citationsContent": {"content": [{"text": str(text)}], "citations": list(citations)}}:
            return [*({"text": piece} for piece in pieces(draw, text)), *({"citation": one} for one in citations)]
        case {"reasoningContent": {"redactedContent": str(data)}}:
            return [{"reasoningContent": {"redactedContent": data}}]
        case {"reasoningContent": {"reasoningText": {"text": str(text), **rest}}}:
            told = [{"text": piece} for piece in pieces(draw, text)]
            signed = [{"signature": rest["signature"]}] if rest else []
            return [{"reasoningContent": piece} for piece in (*told, *signed)]
        case {"toolUse": {"input": dict(value)}}:
            return [{"toolUse": {"input": piece}} for piece in pieces(draw, compact(value) if value else "")]
    raise AssertionError(block)


def compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def start(block: Block, index: int) -> list[list[Any]]:
    if "toolUse" not in block:
        return []
    use = {key: block["toolUse"][key] for key in ("toolUseId", "name")}
    return [["contentBlockStart", {"start": {"toolUse": use}, "contentBlockIndex": index}]]


def stop_reason(content: list[Block]) -> str:
    return "tool_use" if any("toolUse" in block for block in content) else "end_turn"


@st.composite
def told_twice(draw: st.DrawFn, contents: st.SearchStrategy[list[Block]]) -> tuple[list[Block], list[bytes]]:
    """A message's content, and the same as a stream's bytes, cut anywhere."""
    content = draw(contents)
    events: list[list[Any]] = [["messageStart", {"role": "assistant"}]]
    for index, block in enumerate(content):
        events += start(block, index)
        told = deltas(draw, block)
        events += [["contentBlockDelta", {"delta": delta, "contentBlockIndex": index}] for delta in told]
        events.append(["contentBlockStop", {"contentBlockIndex": index}])
    events += [["messageStop", {"stopReason": stop_reason(content)}], ["metadata", {"usage": USAGE}]]
    data = goldens.frames(events)
    ends = sorted(draw(st.lists(st.integers(0, len(data)), max_size=8)))
    return content, [data[start:end] for start, end in zip([0, *ends], [*ends, len(data)], strict=True)]


def as_a_whole(answer: CarriedAnswer, content: list[Block]) -> dict[str, Any]:
    response = {"output": {"message": {"role": "assistant", "content": content}}, "usage": USAGE}
    body = compact(response | {"stopReason": stop_reason(content)}).encode()
    return outcome(ChatCompletion.model_validate_json(answer.translate_response(body, goldens.CONTEXT).body))


def accumulated(answer: CarriedAnswer, stream: list[bytes]) -> dict[str, Any]:
    translation, state = answer.translate_stream(goldens.CONTEXT), ChatCompletionStreamState()
    text = b"".join([*map(translation.feed, stream), translation.close()]).decode()
    *chunks, end = text.removesuffix("\n\n").split("\n\n")
    assert end == "data: [DONE]"
    for chunk in chunks:
        state.handle_chunk(ChatCompletionChunk.model_validate_json(chunk.removeprefix("data: ")))
    return outcome(state.get_final_completion())


def outcome(completion: ChatCompletion) -> dict[str, Any]:
    """What a client sees of a completion, without the `index` that only lists in chunks have."""
    [choice] = completion.choices
    assert completion.usage is not None
    message = choice.message.model_dump(exclude_none=True)
    for name in ("tool_calls", "thinking_blocks", "annotations"):
        for member in message.get(name, ()):
            member.pop("index", None)
    return {"message": message, "finish_reason": choice.finish_reason, "usage": completion.usage.to_dict()}


def chat_answer(answer_tool: str | None = None) -> CarriedAnswer:
    writer = ChatWriter(model="m", names=NAMES, include_usage=True, answer_tool=answer_tool)
    return converse.answer(goldens.conversed(writer))


@given(told_twice(contents))
def test_a_stream_adds_up_to_the_whole(told: tuple[list[Block], list[bytes]]) -> None:
    content, stream = told
    assert accumulated(chat_answer(), stream) == as_a_whole(chat_answer(), content)


@given(told_twice(answers))
def test_so_does_one_whose_answer_is_the_input_of_a_tool(told: tuple[list[Block], list[bytes]]) -> None:
    content, stream = told
    answer = chat_answer(ANSWER_TOOL)
    assert accumulated(answer, stream) == as_a_whole(answer, content)
