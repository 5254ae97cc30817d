"""Converse's content blocks and tools in Anthropic's words.

https://docs.anthropic.com/en/api/messages
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aigw_extproc.errors import InvalidRequest

Block = Mapping[str, Any]

READABLE = frozenset({"txt", "md", "csv", "html"})
"""Formats of documents that Anthropic takes as plain text."""


def marked(blocks: Sequence[Block], translate: Callable[[Block], dict[str, Any]]) -> list[dict[str, Any]]:
    """The blocks translated, each cache point as a mark of the block before it."""
    told: list[dict[str, Any]] = []
    for block in blocks:
        if "cachePoint" in block:
            ttl = {"ttl": block["cachePoint"]["ttl"]} if "ttl" in block["cachePoint"] else {}
            told[-1]["cache_control"] = {"type": "ephemeral", **ttl}
        else:
            told.append(translate(block))
    return told


def translate_block(block: Block) -> dict[str, Any]:
    """One content block.

    Raises:
        InvalidRequest: Anthropic's API has no such content.
    """
    ((kind, value),) = block.items()
    if kind not in _BLOCKS:
        raise _unknown(f"takes no {kind}")
    return _BLOCKS[kind](value)


def translate_tool(tool: Block) -> dict[str, Any]:
    """One tool."""
    spec = tool["toolSpec"]
    told = {"name": spec["name"], "input_schema": spec["inputSchema"]["json"]}
    return told | {name: spec[name] for name in ("description", "strict") if name in spec}


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _image(image: Block) -> dict[str, Any]:
    source = {"type": "base64", "media_type": f"image/{image['format']}", "data": _bytes(image)}
    return {"type": "image", "source": source}


def _document(document: Block) -> dict[str, Any]:
    data = _bytes(document)
    if document["format"] == "pdf":
        source = {"type": "base64", "media_type": "application/pdf", "data": data}
    elif document["format"] in READABLE:
        source = {"type": "text", "media_type": "text/plain", "data": b64decode(data).decode(errors="replace")}
    else:
        formats = ", ".join(("pdf", *sorted(READABLE)))
        raise _unknown(f"takes no documents of the format {document['format']}; it takes {formats}")
    context = {"context": document["context"]} if "context" in document else {}
    return {"type": "document", "source": source, "title": document["name"], **context}


def _bytes(media: Block) -> str:
    data = media["source"].get("bytes")
    if data is None:
        raise _unknown("reads nothing from S3")
    return str(data)


def _tool_use(use: Block) -> dict[str, Any]:
    return {"type": "tool_use", "id": use["toolUseId"], "name": use["name"], "input": use["input"]}


def _tool_result(result: Block) -> dict[str, Any]:
    told = {
        "type": "tool_result",
        "tool_use_id": result["toolUseId"],
        "content": [translate_block(block) for block in result["content"]],
    }
    return told | ({"is_error": True} if result.get("status") == "error" else {})


def _reasoning(reasoning: Block) -> dict[str, Any]:
    if "redactedContent" in reasoning:
        return {"type": "redacted_thinking", "data": reasoning["redactedContent"]}
    thought = reasoning["reasoningText"]
    return {"type": "thinking", "thinking": thought["text"], "signature": thought.get("signature", "")}


def _unknown(what: str) -> InvalidRequest:
    return InvalidRequest.at("messages", f"this model's backend speaks AWSAnthropic, which {what}")


_BLOCKS: dict[str, Callable[[Any], dict[str, Any]]] = {
    "text": _text,
    "image": _image,
    "document": _document,
    "toolUse": _tool_use,
    "toolResult": _tool_result,
    "reasoningContent": _reasoning,
}
