"""OpenAI's SDK accumulates a stream to the same completion that a complete response is translated to."""

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

plain = st.builds(lambda text: {"text": text}, texts)
reasoned = st.builds(
    lambda text, signature: {"reasoningContent": {"reasoningText": {"text": text, **signature}}},
    texts,
    st.one_of(st.just({}), signatures.map(lambda signature: {"signature": signature})),
)
redacted = st.builds(lambda data: {"reasoningContent": {"redactedContent": data}}, signatures)
cited = st.builds(
    lambda text, citations: {"citationsContent": {"content": [{"text": text}], "citations": citations}},
    texts,
    st.lists(sources, max_size=3),
)


pictured = st.builds(
    lambda kind, data: {"image": {"format": kind, "source": {"bytes": data}}},
    st.sampled_from(["png", "jpeg"]),
    signatures,
)
failed = st.just({"image": {"format": "png", "source": {}, "error": {"message": "it may not be shown"}}})


def uses(*names: str) -> st.SearchStrategy[Block]:
    return st.builds(
        lambda key, name, value: {"toolUse": {"toolUseId": f"tooluse_{key}", "name": name, "input": value}},
        st.integers(0, 10**6),
        st.sampled_from(names),
        inputs,
    )


others = plain | reasoned | redacted | cited | pictured | failed
bedrock_names = [NAMES.to_bedrock(name) for name in TOOLS]
contents = st.lists(others | uses(*bedrock_names), max_size=6)
answers = st.lists(others | uses(ANSWER_TOOL, *bedrock_names), max_size=6)


def pieces(draw: st.DrawFn, text: str) -> list[str]:
    """Cut a text into pieces, some of which may be empty."""
    ends = sorted(draw(st.lists(st.integers(0, len(text)), max_size=4)))
    return [text[start:end] for start, end in zip([0, *ends], [*ends, len(text)], strict=True)]


def base64_pieces(draw: st.DrawFn, data: str) -> list[str]:
    """Cut data into pieces that are in base64 each."""
    return [
        base64.b64encode(piece.encode("latin-1")).decode()
        for piece in pieces(draw, base64.b64decode(data).decode("latin-1"))
    ]


def deltas(draw: st.DrawFn, block: Block) -> list[Block]:
    """Return the deltas in which Bedrock could send a block."""
    match block:
        case {"text": str(text)}:
            return [{"text": piece} for piece in pieces(draw, text)]
        case {"citationsContent": {"content": [{"text": str(text)}], "citations": list(citations)}}:
            return [*({"text": piece} for piece in pieces(draw, text)), *({"citation": one} for one in citations)]
        case {"reasoningContent": {"redactedContent": str(data)}}:
            return [{"reasoningContent": {"redactedContent": data}}]
        case {"reasoningContent": {"reasoningText": {"text": str(text), **rest}}}:
            texts = [{"text": piece} for piece in pieces(draw, text)]
            signatures = [{"signature": rest["signature"]}] if rest else []
            return [{"reasoningContent": piece} for piece in (*texts, *signatures)]
        case {"toolUse": {"input": dict(value)}}:
            return [{"toolUse": {"input": piece}} for piece in pieces(draw, compact(value) if value else "")]
        case {"image": {"source": {"bytes": str(data)}}}:
            return [{"image": {"source": {"bytes": piece}}} for piece in base64_pieces(draw, data)]
        case {"image": {"error": dict(error)}}:
            return [{"image": {"error": error}}]
    raise AssertionError(block)


def compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def start(block: Block, index: int) -> list[list[Any]]:
    if "toolUse" in block:
        started = {"toolUse": {key: block["toolUse"][key] for key in ("toolUseId", "name")}}
    elif "image" in block:
        started = {"image": {"format": block["image"]["format"]}}
    else:
        return []
    return [["contentBlockStart", {"start": started, "contentBlockIndex": index}]]


def stop_reason(content: list[Block]) -> str:
    return "tool_use" if any("toolUse" in block for block in content) else "end_turn"


@st.composite
def content_and_stream(draw: st.DrawFn, contents: st.SearchStrategy[list[Block]]) -> tuple[list[Block], list[bytes]]:
    """Draw the content of a message, and the bytes of its stream, cut anywhere."""
    content = draw(contents)
    events: list[list[Any]] = [["messageStart", {"role": "assistant"}]]
    for index, block in enumerate(content):
        events += block_events(draw, block, index)
    events += [["messageStop", {"stopReason": stop_reason(content)}], ["metadata", {"usage": USAGE}]]
    data = goldens.frames(events)
    ends = sorted(draw(st.lists(st.integers(0, len(data)), max_size=8)))
    return content, [data[start:end] for start, end in zip([0, *ends], [*ends, len(data)], strict=True)]


@st.composite
def interleaved_uses(draw: st.DrawFn) -> tuple[list[Block], list[bytes]]:
    """Draw tool uses, and the bytes of a stream in which their blocks are interleaved."""
    content = draw(st.lists(uses(*bedrock_names), max_size=4, unique_by=lambda block: block["toolUse"]["toolUseId"]))
    waiting = [block_events(draw, block, index) for index, block in enumerate(content)]
    events: list[list[Any]] = [["messageStart", {"role": "assistant"}]]
    begun: list[list[list[Any]]] = []
    while waiting or begun:
        if waiting and (not begun or draw(st.booleans())):
            begun.append(waiting.pop(0))
            chosen = begun[-1]  # a block begins after those before it
        else:
            chosen = draw(st.sampled_from(begun))
        events.append(chosen.pop(0))
        begun = [rest for rest in begun if rest]
    events += [["messageStop", {"stopReason": stop_reason(content)}], ["metadata", {"usage": USAGE}]]
    return content, [goldens.frames(events)]


def block_events(draw: st.DrawFn, block: Block, index: int) -> list[list[Any]]:
    pieces = [["contentBlockDelta", {"delta": delta, "contentBlockIndex": index}] for delta in deltas(draw, block)]
    return [*start(block, index), *pieces, ["contentBlockStop", {"contentBlockIndex": index}]]


def complete(answer: CarriedAnswer, content: list[Block]) -> dict[str, Any]:
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
    """Return what a client sees of a completion, without the `index` that only lists in chunks have."""
    [choice] = completion.choices
    assert completion.usage is not None
    message = choice.message.model_dump(exclude_none=True)
    for name in ("tool_calls", "thinking_blocks", "annotations", "images"):
        for member in message.get(name, ()):
            member.pop("index", None)
    return {"message": message, "finish_reason": choice.finish_reason, "usage": completion.usage.to_dict()}


def chat_answer(answer_tool: str | None = None) -> CarriedAnswer:
    writer = ChatWriter(model="m", names=NAMES, include_usage=True, answer_tool=answer_tool)
    return converse.answer(goldens.conversed(writer))


@given(content_and_stream(contents) | interleaved_uses())
def test_a_stream_adds_up_to_the_complete_response(case: tuple[list[Block], list[bytes]]) -> None:
    content, stream = case
    assert accumulated(chat_answer(), stream) == complete(chat_answer(), content)


@given(content_and_stream(answers))
def test_a_stream_with_an_answer_tool_adds_up_to_the_complete_response(case: tuple[list[Block], list[bytes]]) -> None:
    content, stream = case
    answer = chat_answer(ANSWER_TOOL)
    assert accumulated(answer, stream) == complete(answer, content)
