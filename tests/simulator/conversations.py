"""Parts of Converse requests, for tests of the rules."""

from __future__ import annotations

import base64
from typing import Any

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(60)).decode()
TOOLS = {"tools": [{"toolSpec": {"name": "clock", "inputSchema": {"json": {"type": "object"}}}}]}
HI = {"text": "Hi"}


def user(*blocks: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(blocks or [HI])}


def assistant(*blocks: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": list(blocks or [HI])}


def use(identifier: str, tool_input: Any = None) -> dict[str, Any]:
    return {"toolUse": {"toolUseId": identifier, "name": "clock", "input": {} if tool_input is None else tool_input}}


def result(identifier: str, *content: Any, **more: str) -> dict[str, Any]:
    return {"toolResult": {"toolUseId": identifier, "content": list(content or [HI]), **more}}


def talk(*messages: Any, **more: Any) -> dict[str, Any]:
    return {"messages": list(messages or [user()]), **more}


def tool_talk(*messages: Any, **more: Any) -> dict[str, Any]:
    return talk(*messages, toolConfig=TOOLS, **more)


def image(data: str = PNG, form: str = "png") -> dict[str, Any]:
    return {"image": {"format": form, "source": {"bytes": data}}}


def document(name: str, data: str = "eA==", form: str = "txt", **more: Any) -> dict[str, Any]:
    return {"document": {"format": form, "name": name, "source": {"bytes": data}, **more}}


def thought(text: str, signature: str | None = None) -> dict[str, Any]:
    signed = {} if signature is None else {"signature": signature}
    return {"reasoningContent": {"reasoningText": {"text": text, **signed}}}


def hidden_thought(data: str) -> dict[str, Any]:
    return {"reasoningContent": {"redactedContent": data}}


def own(**fields: Any) -> dict[str, Any]:
    """Return the model's own fields."""
    return {"additionalModelRequestFields": fields}
