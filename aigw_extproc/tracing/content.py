"""What a span says of the bodies: the request's parameters, the response's id and end; and, if asked for, the messages.

Clients' formats are read leniently: what is not understood is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeGuard

import msgspec

Attributes = dict[str, Any]

_PARAMETERS: Final = {
    "max_tokens": "gen_ai.request.max_tokens",
    "max_completion_tokens": "gen_ai.request.max_tokens",
    "max_output_tokens": "gen_ai.request.max_tokens",
    "temperature": "gen_ai.request.temperature",
    "top_p": "gen_ai.request.top_p",
    "top_k": "gen_ai.request.top_k",
    "frequency_penalty": "gen_ai.request.frequency_penalty",
    "presence_penalty": "gen_ai.request.presence_penalty",
    "seed": "gen_ai.request.seed",
    "n": "gen_ai.request.choice.count",
    "dimensions": "gen_ai.embeddings.dimension.count",
}
_STOPS: Final = ("stop", "stop_sequences")
_SYSTEM: Final = ("system", "instructions")
_DATA: Final = b"data:"


def request_attributes(body: bytes, *, messages: bool) -> Attributes:
    """Return the attributes of a request's body; with `messages`, what the client says too."""
    request = _decoded(body)
    found: Attributes = {
        attribute: request[name] for name, attribute in _PARAMETERS.items() if _is_number(request.get(name))
    }
    for name in _STOPS:
        stops = request.get(name)
        if isinstance(stops, str):
            found["gen_ai.request.stop_sequences"] = [stops]
        elif isinstance(stops, list):
            found["gen_ai.request.stop_sequences"] = [stop for stop in stops if isinstance(stop, str)]
    if messages:
        found |= _said(request)
    return found


def response_attributes(pieces: Iterable[bytes], *, stream: bool, messages: bool) -> Attributes:
    """Return the attributes of a response's body. Without messages, a stream's first and last pieces are enough."""
    body = b"".join(pieces)
    documents = [_decoded(body)] if not stream else [_decoded(line[len(_DATA) :]) for line in _data_lines(body)]
    found: Attributes = {}
    ends: list[str] = []
    text: list[str] = []
    for document in documents:
        for inner in (document, document.get("message"), document.get("response")):
            if isinstance(inner, dict):
                if isinstance(inner.get("id"), str):
                    found.setdefault("gen_ai.response.id", inner["id"])
                if isinstance(inner.get("model"), str):
                    found.setdefault("gen_ai.response.model", inner["model"])
        ends += _ends(document)
        if messages:
            text += _texts(document)
    if ends:
        found["gen_ai.response.finish_reasons"] = ends
    if text:
        parts = [{"type": "text", "content": "".join(text)}]
        answer = {"role": "assistant", "parts": parts, "finish_reason": ends[-1] if ends else ""}
        found["gen_ai.output.messages"] = _json([answer])
    return found


def _data_lines(body: bytes) -> Iterable[bytes]:
    """Return the lines of data that are whole: between the first and the last pieces some are missing."""
    return (line for line in body.split(b"\n") if line.startswith(_DATA) and line.rstrip().endswith(b"}"))


def _ends(document: Mapping[str, Any]) -> list[str]:
    """Return why the model has stopped, by OpenAI's choices, or Anthropic's message, whole or in pieces."""
    choices, delta = document.get("choices"), document.get("delta")
    reasons = [document.get("stop_reason")]
    if _is_list(choices):
        reasons += [choice.get("finish_reason") for choice in choices if isinstance(choice, dict)]
    if isinstance(delta, dict):
        reasons.append(delta.get("stop_reason"))
    return [reason for reason in reasons if isinstance(reason, str)]


def _texts(document: Mapping[str, Any]) -> Iterable[str]:
    choices, delta, content = document.get("choices"), document.get("delta"), document.get("content")
    for choice in choices if _is_list(choices) else ():
        if isinstance(choice, dict):
            message = choice.get("message") or choice.get("delta") or choice
            yield from _text_of(message.get("content", message.get("text")) if isinstance(message, dict) else None)
    if isinstance(delta, dict):
        yield from _text_of(delta.get("text"))
    elif document.get("type") == "response.output_text.delta":
        yield from _text_of(delta)
    yield from _text_of(content)
    output = document.get("output")
    for item in output if _is_list(output) else ():
        if isinstance(item, dict):
            yield from _text_of(item.get("content"))


def _said(request: Mapping[str, Any]) -> Attributes:
    found: Attributes = {}
    said = request.get("messages") or request.get("input") or request.get("prompt")
    if isinstance(said, str):
        said = [{"role": "user", "content": said}]
    if _is_list(said):
        messages = [_message(each) for each in said if isinstance(each, dict)]
        found["gen_ai.input.messages"] = _json(messages)
    for name in _SYSTEM:
        system = "".join(_text_of(request.get(name)))
        if system:
            found["gen_ai.system_instructions"] = _json([{"type": "text", "content": system}])
    return found


def _message(message: Mapping[str, Any]) -> Attributes:
    content = message.get("content")
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content if _is_list(content) else ()
    parts = [_part(block) for block in blocks if isinstance(block, dict)]
    return {"role": message.get("role", message.get("type", "user")), "parts": parts}


def _part(block: Mapping[str, Any]) -> Attributes:
    """Return a part: text as it is, of anything else only what it is."""
    text = block.get("text")
    return {"type": "text", "content": text} if isinstance(text, str) else {"type": str(block.get("type", "unknown"))}


def _text_of(content: object) -> Iterable[str]:
    if isinstance(content, str):
        yield content
    elif _is_list(content):
        for block in content:
            if isinstance(block, dict) and isinstance(block.get("text"), str):
                yield block["text"]


def _decoded(body: bytes) -> dict[str, Any]:
    try:
        document = msgspec.json.decode(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return {}
    return document if isinstance(document, dict) else {}


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_list(value: object) -> TypeGuard[list[Any]]:
    return isinstance(value, list)
