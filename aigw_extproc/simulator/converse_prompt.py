"""From a Converse request to what the model is asked."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from aigw_extproc.simulator import binding, guardrail
from aigw_extproc.simulator.cache_points import without_cache_points
from aigw_extproc.simulator.capabilities import Capabilities, model_field, thinking
from aigw_extproc.simulator.prompt import Prompt, Source, Tool, count_text

LONGEST_CITATION = 60
"""Characters of a document that a citation quotes."""


def prompt(body: Mapping[str, Any], family: Capabilities) -> Prompt:
    """What the model is asked by a Converse request that has been validated."""
    content = _last_user_content(body)
    inference = body.get("inferenceConfig", {})
    tool_config = body.get("toolConfig", {})
    choice = _choice(body)
    reasoning = thinking(body, family)
    return Prompt(
        text=" ".join(_texts(content)),
        attachments=tuple(_attachments(content)),
        tool_results=tuple(_result_text(block["toolResult"]) for block in content if "toolResult" in block),
        tools=_tools(tool_config, choice.get("tool", {}).get("name")),
        must_use_tool="any" in choice or "tool" in choice,
        announces_tools=family.text_beside_uses,
        reasoning=family.reasoning.form if reasoning.on else None,
        shows_reasoning=reasoning.shown,
        binding=binding.context(body, len(body.get("messages", ()))) if family.reasoning.bound else b"",
        answer_schema=answer_schema(body),
        cited=tuple(_sources(body)),
        blocked_by=guardrail.that_blocks(body),
        max_tokens=inference.get("maxTokens"),
        stop_sequences=tuple(inference.get("stopSequences", ())),
        input_tokens=input_tokens(body),
        seed=msgspec.json.encode(body),
    )


def input_tokens(body: Mapping[str, Any]) -> int:
    """The tokens of messages, system and tools. Cache points are not text."""
    counted = {key: without_cache_points(body[key]) for key in ("messages", "system", "toolConfig") if key in body}
    return count_text(counted)


def answer_schema(body: Mapping[str, Any]) -> Any:
    """The JSON schema that the answer is bound to, in Converse's words or in Claude's own; None where there is none."""
    text_format = body.get("outputConfig", {}).get("textFormat", {})
    schema = text_format.get("structure", {}).get("jsonSchema", {}).get("schema")
    if schema is not None:
        return msgspec.json.decode(schema)
    return model_field(body, "output_config", "format", "schema")


def _choice(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The toolChoice, or what Claude's own field says in its place."""
    choice: Mapping[str, Any] = body.get("toolConfig", {}).get("toolChoice", {})
    if choice or not isinstance(model_field(body, "tool_choice"), Mapping):
        return choice
    own = model_field(body, "tool_choice")
    return {own["type"]: own} if own.get("type") in ("any", "tool") else {}


def _last_user_content(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    turns = [message["content"] for message in body.get("messages", ()) if message["role"] == "user"]
    # A prompt of the account's library needs no messages: the words are in its variables.
    return list(turns[-1]) if turns else list(body.get("promptVariables", {}).values())


def _texts(content: list[Mapping[str, Any]]) -> Iterator[str]:
    for block in content:
        if "text" in block:
            yield block["text"]
        elif "text" in block.get("guardContent", {}):
            yield block["guardContent"]["text"]["text"]


def _attachments(content: list[Mapping[str, Any]]) -> Iterator[str]:
    for block in content:
        for kind in ("image", "document", "video", "audio"):
            if kind in block:
                yield f"a {block[kind].get('format', 'plain')} {kind} of {_source_size(block[kind]['source'])}"


def _source_size(source: Mapping[str, Any]) -> str:
    if "s3Location" in source:
        return f"the object {source['s3Location']['uri']}"
    if "bytes" in source:
        return f"{len(base64.b64decode(source['bytes']))} bytes"
    return f"{count_text(dict(source))} words"


def _sources(body: Mapping[str, Any]) -> Iterator[Source]:
    """The documents of the whole conversation that are to be cited, each with its place among all documents."""
    blocks = (block for message in body.get("messages", ()) for block in message["content"])
    documents = [block["document"] for block in blocks if "document" in block]
    for index, document in enumerate(documents):
        if document.get("citations", {}).get("enabled"):
            yield Source(index=index, title=document["name"], quoted=_readable(document["source"])[:LONGEST_CITATION])


def _readable(source: Mapping[str, Any]) -> str:
    """The text of a document; what is not text has none."""
    if "bytes" in source:
        data = base64.b64decode(source["bytes"])
        return "" if data.startswith(b"%PDF") else data.decode(errors="ignore")
    return str(source.get("text", "")) or " ".join(part["text"] for part in source.get("content", ()) if "text" in part)


def _result_text(result: Mapping[str, Any]) -> str:
    said = " ".join(filter(None, map(_part_text, result["content"]))) or "nothing"
    return f"error: {said}" if result.get("status") == "error" else said


def _part_text(part: Mapping[str, Any]) -> str:
    if "text" in part:
        return str(part["text"])
    if "json" in part:
        return msgspec.json.encode(part["json"]).decode()
    return " ".join(_attachments([part]))


def _tools(tool_config: Mapping[str, Any], forced: str | None) -> tuple[Tool, ...]:
    specs = [tool["toolSpec"] for tool in tool_config.get("tools", ()) if "toolSpec" in tool]
    return tuple(
        Tool(name=spec["name"], schema=spec["inputSchema"]["json"]) for spec in specs if forced in (None, spec["name"])
    )
