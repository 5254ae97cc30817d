"""The simulated model's prompt for a Converse request."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from aigw_extproc.simulator import guardrail, reasoning
from aigw_extproc.simulator.capabilities import Capabilities, requested_reasoning
from aigw_extproc.simulator.converse_request import (
    Conversation,
    blocks,
    inference_config,
    model_field,
    output_schema,
    tool_choice,
    tool_specs,
    without_cache_points,
)
from aigw_extproc.simulator.prompt import (
    CitedDocument,
    ModelPrompt,
    ModelTool,
    asks_for_json,
    count_text,
    describe_attachment,
    describe_tool_result,
)
from aigw_extproc.simulator.script import scripted_step

MAX_EXCERPT = 60
"""Characters of a document that a citation quotes."""


def prompt(conversation: Conversation, family: Capabilities) -> ModelPrompt:
    """Return the prompt for a Converse request that has been validated."""
    content = _last_user_content(conversation)
    inference = inference_config(conversation)
    choice = _choice(conversation)
    requested = requested_reasoning(conversation, family)
    turn = len(conversation.get("messages", ()))
    tools = tuple(_tools(conversation))
    return ModelPrompt(
        text=" ".join(_texts(content)),
        attachments=tuple(_attachments(content)),
        tool_results=tuple(_result_text(block["toolResult"]) for block in content if "toolResult" in block),
        tools=tools,
        must_use_tool="any" in choice or "tool" in choice,
        announces_tools=family.text_beside_uses,
        reasoning=family.reasoning.form if requested.on else None,
        shows_reasoning=requested.shown,
        binding=reasoning.context(conversation, turn) if family.reasoning.bound else b"",
        answer_schema=answer_schema(conversation),
        wants_json=asks_for_json(" ".join(_texts(conversation.get("system", ())))),
        scripted=scripted_step(list(_turns(conversation)), has_tools=bool(tools)),
        cited=tuple(_cited_documents(conversation)),
        blocked_by=guardrail.blocking(conversation),
        max_tokens=inference.get("maxTokens"),
        stop_sequences=tuple(inference.get("stopSequences", ())),
        input_tokens=input_tokens(conversation),
        seed=msgspec.json.encode(conversation),
    )


def input_tokens(conversation: Conversation) -> int:
    """Return the tokens of messages, system and tools."""
    counted = ("messages", "system", "toolConfig")
    return count_text({key: without_cache_points(conversation[key]) for key in counted if key in conversation})


def answer_schema(conversation: Conversation) -> Any:
    """Return the JSON schema for the reply, from Converse's field or from Claude's own; None where there is none."""
    schema = output_schema(conversation)
    if schema is not None:
        return msgspec.json.decode(schema)
    return model_field(conversation, "output_config", "format", "schema")


def _choice(conversation: Conversation) -> Mapping[str, Any]:
    """Return toolChoice, or Claude's own field in its place."""
    choice, own = tool_choice(conversation), model_field(conversation, "tool_choice")
    if choice or not isinstance(own, Mapping):
        return choice
    return {own["type"]: own} if own.get("type") in ("any", "tool") else {}


def _last_user_content(conversation: Conversation) -> list[Mapping[str, Any]]:
    turns = [message["content"] for message in conversation.get("messages", ()) if message["role"] == "user"]
    # A prompt from the prompt library needs no messages: its variables are the text.
    return list(turns[-1]) if turns else list(conversation.get("promptVariables", {}).values())


def _turns(conversation: Conversation) -> Iterator[tuple[str, str]]:
    for message in conversation.get("messages", ()):
        yield message["role"], " ".join(_texts(message["content"]))


def _texts(content: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for block in content:
        if "text" in block:
            yield block["text"]
        elif "text" in block.get("guardContent", {}):
            yield block["guardContent"]["text"]["text"]


def _attachments(content: list[Mapping[str, Any]]) -> Iterator[str]:
    for block in content:
        for kind in ("image", "document", "video", "audio"):
            if kind in block:
                yield describe_attachment(kind, block[kind].get("format", "plain"), _source_size(block[kind]["source"]))


def _source_size(source: Mapping[str, Any]) -> str:
    if "s3Location" in source:
        return f"the object {source['s3Location']['uri']}"
    if "bytes" in source:
        return f"{len(base64.b64decode(source['bytes']))} bytes"
    return f"{count_text(dict(source))} words"


def _cited_documents(conversation: Conversation) -> Iterator[CitedDocument]:
    """Yield the documents of all turns that are to be cited."""
    documents = [block["document"] for _, _, block in blocks(conversation) if "document" in block]
    for index, document in enumerate(documents):
        if document.get("citations", {}).get("enabled"):
            excerpt = _document_text(document["source"])[:MAX_EXCERPT]
            yield CitedDocument(index=index, title=document["name"], excerpt=excerpt)


def _document_text(source: Mapping[str, Any]) -> str:
    """Return the text of a document; empty for a PDF."""
    if "bytes" in source:
        data = base64.b64decode(source["bytes"])
        return "" if data.startswith(b"%PDF") else data.decode(errors="ignore")
    return str(source.get("text", "")) or " ".join(part["text"] for part in source.get("content", ()) if "text" in part)


def _result_text(result: Mapping[str, Any]) -> str:
    return describe_tool_result(map(_part_text, result["content"]), is_error=result.get("status") == "error")


def _part_text(part: Mapping[str, Any]) -> str:
    if "text" in part:
        return str(part["text"])
    if "json" in part:
        return msgspec.json.encode(part["json"]).decode()
    return " ".join(_attachments([part]))


def _tools(conversation: Conversation) -> Iterator[ModelTool]:
    """Yield the tools, or only the one that the request forces."""
    forced = _choice(conversation).get("tool", {}).get("name")
    for _, spec in tool_specs(conversation):
        if forced in (None, spec["name"]):
            yield ModelTool(name=spec["name"], schema=spec["inputSchema"]["json"])
