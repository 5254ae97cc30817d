"""Tool uses, tool results and tools.

https://docs.aws.amazon.com/bedrock/latest/userguide/tool-use.html
https://docs.aws.amazon.com/bedrock/latest/userguide/conversation-inference-supported-models-features.html
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolChoice.html
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from aigw_extproc.simulator import json_schema
from aigw_extproc.simulator.converse_request import (
    Conversation,
    Message,
    blocks,
    messages,
    model_field,
    tool_choice,
    tool_names,
    tool_specs,
    tool_use_ids,
    turns,
)
from aigw_extproc.simulator.errors import ServiceError
from aigw_extproc.simulator.rules.problems import MODEL_ERRORS, ModelRequest, Problems, repeated, unsupported


def tool_blocks_need_tools(conversation: Conversation) -> Problems:
    """A history with tool blocks needs a toolConfig."""
    used = any("toolUse" in block or "toolResult" in block for _, _, block in blocks(conversation))
    if used and "toolConfig" not in conversation:
        yield "The toolConfig field must be defined when using toolUse and toolResult content blocks."


def tool_blocks_match_roles(conversation: Conversation) -> Problems:
    """Tool uses are in assistant messages, tool results in user messages."""
    for i, j, block in blocks(conversation):
        role = conversation["messages"][i]["role"]
        for kind, allowed in (("toolUse", "assistant"), ("toolResult", "user")):
            if kind in block and role != allowed:
                yield f"The {kind} block at messages.{i}.content.{j} is only allowed in {allowed} messages."


def tool_uses_are_unique(conversation: Conversation) -> Problems:
    """Ids are unique among the tool uses and among the results of a message; later messages do not reuse them."""
    seen: set[str] = set()
    for index, message in messages(conversation):
        for kind in ("toolUse", "toolResult"):
            for identifier in repeated(tool_use_ids(message, kind)):
                yield f"The {kind} blocks at messages.{index}.content contain duplicate Ids: {identifier}"
        used = set(tool_use_ids(message, "toolUse"))
        if used & seen:
            yield f"{MODEL_ERRORS} messages.{index}: `tool_use` ids must be unique"
        seen |= used


def tool_uses_are_answered(conversation: Conversation) -> Problems:
    """Every toolUse of a turn has its toolResult in the next one."""
    for before, (index, after) in _adjacent_turns(conversation):
        results = tool_use_ids(after, "toolResult")
        missing = [identifier for identifier in tool_use_ids(before, "toolUse") if identifier not in results]
        if missing:
            yield f"Expected toolResult blocks at messages.{index}.content for the following Ids: {', '.join(missing)}"


def tool_results_match_tool_uses(conversation: Conversation) -> Problems:
    """A toolResult has its toolUse in the turn before it."""
    for before, (index, after) in _adjacent_turns(conversation):
        uses, results = tool_use_ids(before, "toolUse"), tool_use_ids(after, "toolResult")
        if len(results) > len(uses):
            yield (
                f"The number of toolResult blocks at messages.{index}.content exceeds the number of toolUse"
                " blocks of previous turn."
            )
        for identifier in results:
            if identifier not in uses:
                yield f"Unexpected toolResult block at messages.{index}.content for the Id: {identifier}"


def tool_results_come_first(conversation: Conversation) -> Problems:
    """Tool results come first in their turn."""
    for index, message in turns(conversation):
        # A cache point is part of the block before it, in Anthropic's API.
        kinds = ["toolResult" in block for block in message["content"] if "cachePoint" not in block]
        if any(kinds) and kinds != sorted(kinds, reverse=True):
            yield (
                f"{MODEL_ERRORS} messages.{index}: Did not find {sum(kinds)} tool_result block(s) at the beginning of"
                " this message. Messages following tool_use blocks must begin with a matching number of tool_result"
                " blocks."
            )


def failed_tool_results_have_content(conversation: Conversation) -> Problems:
    """A toolResult of status error has content."""
    for i, j, block in blocks(conversation):
        result = block.get("toolResult", {})
        if result.get("status") == "error" and not result["content"]:
            yield (
                f"The content field at messages.{i}.content.{j}.toolResult cannot be empty when status value is error."
            )


def tool_json_is_an_object(conversation: Conversation) -> Problems:
    """The input of a tool use, JSON in a tool result, and the schema of a tool are JSON objects."""
    for path, value in _tool_json(conversation):
        if not isinstance(value, dict):
            yield f"The format of the value at {path} is invalid. Provide a json object for the field and try again."


def tool_names_are_unique(conversation: Conversation) -> Problems:
    """Tool names are unique."""
    if repeated(tool_names(conversation)):
        yield f"{MODEL_ERRORS} tools: Tool names must be unique."


def chosen_tool_exists(conversation: Conversation) -> Problems:
    """`toolChoice.tool` names one of the tools."""
    choice = tool_choice(conversation)
    name = choice.get("tool", {}).get("name")
    if name is not None and name not in tool_names(conversation):
        yield f"The tool named {name} in toolConfig.toolChoice is not one of toolConfig.tools."


def tool_schemas_describe_objects(conversation: Conversation) -> Problems:
    """The type of an inputSchema is object."""
    for path, schema in _schemas(conversation):
        if schema.get("type") != "object":
            yield f"The value at {path}.type must be one of the following: object."


def tool_schemas_are_valid(conversation: Conversation) -> Problems:
    """An inputSchema is a valid JSON schema."""
    for index, (_, schema) in enumerate(_schemas(conversation)):
        if not json_schema.is_valid(schema):
            yield f"{MODEL_ERRORS} tools.{index}.custom.input_schema: {json_schema.INVALID}"


def tool_schemas_are_supported(request: ModelRequest) -> Problems:
    """Claude refuses alternatives at the root of a schema, and most characters in names of properties.

    Nova 1 refuses references.
    """
    for path, schema in () if request.family.schema_references else _schemas(request.conversation):
        if any(REFERENCES & part.keys() for part in json_schema.all_schemas(schema)):
            yield f"{MODEL_ERRORS} {path}: references are not supported"
    for index, (_, schema) in enumerate(_schemas(request.conversation) if request.is_claude else ()):
        restriction = json_schema.claudes_restriction(schema)
        if restriction is not None:
            yield f"{MODEL_ERRORS} tools.{index}.custom.{restriction}"


def tool_names_are_supported(request: ModelRequest) -> Problems:
    """Nova 1 cannot call a tool whose name has a hyphen."""
    for name in () if request.family.hyphens else tool_names(request.conversation):
        if "-" in name:
            yield ServiceError("ModelErrorException", INVALID_SEQUENCE)


REFERENCES = frozenset({"$ref", "$defs", "definitions"})
INVALID_SEQUENCE = (
    "Model produced invalid sequence as part of ToolUse. Please refer to the model tool use troubleshooting guide."
)
"""Nova's error for a tool use that it cannot write."""


def tools_are_supported(request: ModelRequest) -> Problems:
    """The family supports tools, also in streaming mode."""
    if "toolConfig" not in request.conversation:
        return
    if not request.family.tools:
        yield "This model doesn't support tool use."
    elif request.streamed and not request.family.streamed_tools:
        yield "This model doesn't support tool use in streaming mode."


def tool_choice_is_supported(request: ModelRequest) -> Problems:
    """The family supports the toolChoice."""
    for kind in tool_choice(request.conversation).keys() - request.family.choices:
        if request.is_claude:
            yield f'{MODEL_ERRORS} tool_choice: type "tool" and "any" are not supported'
        else:
            yield unsupported(f"toolConfig.toolChoice.{kind}")


def tool_choice_is_set_once(request: ModelRequest) -> Problems:
    """Claude's own `tool_choice.type` excludes a toolChoice."""
    own = model_field(request.conversation, "tool_choice", "type")
    for kind in tool_choice(request.conversation):
        if request.is_claude and own is not None:
            yield (
                f"The additional field tool_choice/type conflicts with the existing field toolConfig.toolChoice.{kind}."
                " Remove tool_choice/type and try again."
            )


def _adjacent_turns(conversation: Conversation) -> Iterator[tuple[Message, tuple[int, Message]]]:
    """Yield every turn and the one before it, from before the first to after the last."""
    empty: Message = {"content": []}
    following = (len(conversation.get("messages", ())), empty)
    for (_, before), after in pairwise([(-1, empty), *turns(conversation), following]):
        yield before, after


def _tool_json(conversation: Conversation) -> Iterator[tuple[str, Any]]:
    for i, j, block in blocks(conversation):
        path = f"messages.{i}.content.{j}"
        if "toolUse" in block:
            yield f"{path}.toolUse.input", block["toolUse"]["input"]
        for k, part in enumerate(block.get("toolResult", {}).get("content", ())):
            if "json" in part:
                yield f"{path}.toolResult.content.{k}.json", part["json"]
    yield from _schemas(conversation)


def _schemas(conversation: Conversation) -> Iterator[tuple[str, Any]]:
    for index, spec in tool_specs(conversation):
        yield f"toolConfig.tools.{index}.toolSpec.inputSchema.json", spec["inputSchema"]["json"]
