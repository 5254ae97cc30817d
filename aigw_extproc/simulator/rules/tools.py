"""Tool uses, their results, and the tools on offer.

https://docs.aws.amazon.com/bedrock/latest/userguide/tool-use.html
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from aigw_extproc.simulator import json_schema
from aigw_extproc.simulator.rules.conversation import (
    MODEL_ERRORS,
    Conversation,
    Message,
    Problems,
    blocks,
    ids,
    messages,
    repeated,
    specs,
    tool_names,
    turns,
)


def tool_blocks_need_tools(conversation: Conversation) -> Problems:
    """A history with tool blocks needs a toolConfig, even if no tool is to be used now."""
    used = any("toolUse" in block or "toolResult" in block for _, _, block in blocks(conversation))
    if used and "toolConfig" not in conversation:
        yield "The toolConfig field must be defined when using toolUse and toolResult content blocks."


def tool_blocks_are_in_their_turn(conversation: Conversation) -> Problems:
    """The assistant uses tools, the user brings results."""
    for i, j, block in blocks(conversation):
        role = conversation["messages"][i]["role"]
        if "toolUse" in block and role != "assistant":
            yield f"The toolUse block at messages.{i}.content.{j} is only allowed in assistant messages."
        if "toolResult" in block and role != "user":
            yield f"The toolResult block at messages.{i}.content.{j} is only allowed in user messages."


def tool_uses_are_unique(conversation: Conversation) -> Problems:
    """No id is used or answered twice in a message, nor used again in a later one."""
    seen: set[str] = set()
    for index, message in messages(conversation):
        for kind in ("toolUse", "toolResult"):
            for identifier in repeated(ids(message, kind)):
                yield f"The {kind} blocks at messages.{index}.content contain duplicate Ids: {identifier}"
        used = set(ids(message, "toolUse"))
        if used & seen:
            yield f"{MODEL_ERRORS} messages.{index}: `tool_use` ids must be unique"
        seen |= used


def tool_uses_are_answered(conversation: Conversation) -> Problems:
    """Every toolUse of a turn has its toolResult in the very next one."""
    for before, (index, after) in _neighbours(conversation):
        results = ids(after, "toolResult")
        missing = [identifier for identifier in ids(before, "toolUse") if identifier not in results]
        if missing:
            yield f"Expected toolResult blocks at messages.{index}.content for the following Ids: {', '.join(missing)}"


def tool_results_answer(conversation: Conversation) -> Problems:
    """A toolResult answers a toolUse of the turn right before it."""
    for before, (index, after) in _neighbours(conversation):
        uses, results = ids(before, "toolUse"), ids(after, "toolResult")
        if len(results) > len(uses):
            yield (
                f"The number of toolResult blocks at messages.{index}.content exceeds the number of toolUse"
                " blocks of previous turn."
            )
        for identifier in results:
            if identifier not in uses:
                yield f"Unexpected toolResult block at messages.{index}.content for the Id: {identifier}"


def tool_results_come_first(conversation: Conversation) -> Problems:
    """In a turn that answers tool uses, nothing stands before the results."""
    for index, message in turns(conversation):
        # A cache point is no block of the model's: it belongs to the block before it.
        kinds = ["toolResult" in block for block in message["content"] if "cachePoint" not in block]
        if any(kinds) and kinds != sorted(kinds, reverse=True):
            yield (
                f"{MODEL_ERRORS} messages.{index}: Did not find {sum(kinds)} tool_result block(s) at the beginning of"
                " this message. Messages following tool_use blocks must begin with a matching number of tool_result"
                " blocks."
            )


def failed_tool_results_say_why(conversation: Conversation) -> Problems:
    """A toolResult of status error has content."""
    for i, j, block in blocks(conversation):
        result = block.get("toolResult", {})
        if result.get("status") == "error" and not result["content"]:
            yield (
                f"The content field at messages.{i}.content.{j}.toolResult cannot be empty when status value is error."
            )


def tool_documents_are_objects(conversation: Conversation) -> Problems:
    """What a tool is given, what it answers as JSON, and its schema: JSON objects."""
    for path, value in _tool_documents(conversation):
        if not isinstance(value, dict):
            yield f"The format of the value at {path} is invalid. Provide a json object for the field and try again."


def tool_names_are_unique(conversation: Conversation) -> Problems:
    """No two tools have one name."""
    if repeated(tool_names(conversation)):
        yield f"{MODEL_ERRORS} tools: Tool names must be unique."


def chosen_tool_exists(conversation: Conversation) -> Problems:
    """`toolChoice.tool` names one of the tools."""
    choice = conversation.get("toolConfig", {}).get("toolChoice", {})
    name = choice.get("tool", {}).get("name")
    if name is not None and name not in tool_names(conversation):
        yield f"The tool named {name} in toolConfig.toolChoice is not one of toolConfig.tools."


def tool_schemas_describe_objects(conversation: Conversation) -> Problems:
    """An inputSchema says at its root that it describes an object."""
    for path, schema in _schemas(conversation):
        if schema.get("type") != "object":
            yield f"The value at {path}.type must be one of the following: object."


def tool_schemas_are_schemas(conversation: Conversation) -> Problems:
    """An inputSchema is a JSON schema all through."""
    for index, (_, schema) in enumerate(_schemas(conversation)):
        if not json_schema.is_valid(schema):
            yield f"{MODEL_ERRORS} tools.{index}.custom.input_schema: {json_schema.INVALID}"


def _neighbours(conversation: Conversation) -> Iterator[tuple[Message, tuple[int, Message]]]:
    """Every turn with the one before it, from the first to the one that would follow the last."""
    nothing: Message = {"content": []}
    following = (len(conversation.get("messages", ())), nothing)
    for (_, before), after in pairwise([(-1, nothing), *turns(conversation), following]):
        yield before, after


def _tool_documents(conversation: Conversation) -> Iterator[tuple[str, Any]]:
    for i, j, block in blocks(conversation):
        path = f"messages.{i}.content.{j}"
        if "toolUse" in block:
            yield f"{path}.toolUse.input", block["toolUse"]["input"]
        for k, part in enumerate(block.get("toolResult", {}).get("content", ())):
            if "json" in part:
                yield f"{path}.toolResult.content.{k}.json", part["json"]
    yield from _schemas(conversation)


def _schemas(conversation: Conversation) -> Iterator[tuple[str, Any]]:
    for index, spec in specs(conversation):
        yield f"toolConfig.tools.{index}.toolSpec.inputSchema.json", spec["inputSchema"]["json"]
