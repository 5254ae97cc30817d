"""What Converse demands beyond the shape of a request: rules across fields.

Each rule is a generator over a request that has already passed `shapes.validate`, and yields the text of what is
wrong. The texts are those that the service gives, where they are known; the first one found is the answer, as in
the service. Rules of one model family belong in a table of their own, beside `RULES`.
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Message.html
https://docs.aws.amazon.com/bedrock/latest/userguide/tool-use.html
"""

from __future__ import annotations

import base64
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import Any

from aigw_extproc.simulator.errors import Invalid

Conversation = Mapping[str, Any]
"""`messages`, `system`, `toolConfig`: of a Converse request, or of CountTokens' `input.converse`."""
Problems = Iterator[str]

# https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Message.html
MOST_IMAGES, MOST_IMAGE_BYTES = 20, 3_750_000
MOST_DOCUMENTS, MOST_DOCUMENT_BYTES = 5, 4_500_000

# https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_DocumentBlock.html
DOCUMENT_NAME = re.compile(r"[A-Za-z0-9()\[\]-]+(?:\s[A-Za-z0-9()\[\]-]+)*")

IMAGE_MAGIC: Mapping[str, re.Pattern[bytes]] = MappingProxyType(
    {
        "png": re.compile(rb"\x89PNG\r\n\x1a\n"),
        "jpeg": re.compile(rb"\xff\xd8\xff"),
        "gif": re.compile(rb"GIF8[79]a"),
        "webp": re.compile(rb"RIFF....WEBP", re.DOTALL),
    }
)


def check(conversation: Conversation) -> None:
    """Raises Invalid with the first rule that a conversation breaks."""
    for rule in RULES:
        for problem in rule(conversation):
            raise Invalid(problem)


def starts_with_user(conversation: Conversation) -> Problems:
    """There is a first message, and it is the user's."""
    turns = _turns(conversation)
    if not turns or turns[0][1]["role"] != "user":
        yield (
            "A conversation must start with a user message. Try again with a conversation that starts with a"
            " user message."
        )


def roles_alternate(conversation: Conversation) -> Problems:
    """User and assistant take turns."""
    for (_, before), (_, after) in pairwise(_turns(conversation)):
        if before["role"] == after["role"]:
            yield (
                "A conversation must alternate between user and assistant roles. Make sure the conversation"
                " alternates between user and assistant roles and try again."
            )


def content_is_not_empty(conversation: Conversation) -> Problems:
    """Every message has a block."""
    for index, message in _messages(conversation):
        if not message["content"]:
            yield (
                f"The content field in the Message object at messages.{index} is empty. Add a ContentBlock object"
                " to the content field and try again."
            )


def text_is_not_blank(conversation: Conversation) -> Problems:
    """No text block, in messages or system, is empty or white space only."""
    places = [(f"messages.{i}.content.{j}", "ContentBlock", block) for i, j, block in _blocks(conversation)]
    places += [(f"system.{i}", "SystemContentBlock", block) for i, block in enumerate(conversation.get("system", ()))]
    for path, noun, block in places:
        if "text" in block and not block["text"].strip():
            yield f"The text field in the {noun} object at {path} is blank. Add text to the text field, and try again."


def tool_blocks_need_tools(conversation: Conversation) -> Problems:
    """A history with tool blocks needs a toolConfig, even if no tool is to be used now."""
    used = any("toolUse" in block or "toolResult" in block for _, _, block in _blocks(conversation))
    if used and "toolConfig" not in conversation:
        yield "The toolConfig field must be defined when using toolUse and toolResult content blocks."


def tool_blocks_are_in_their_turn(conversation: Conversation) -> Problems:
    """The assistant uses tools, the user brings results."""
    for i, j, block in _blocks(conversation):
        role = conversation["messages"][i]["role"]
        if "toolUse" in block and role != "assistant":
            yield f"The toolUse block at messages.{i}.content.{j} is only allowed in assistant messages."
        if "toolResult" in block and role != "user":
            yield f"The toolResult block at messages.{i}.content.{j} is only allowed in user messages."


def tool_uses_are_unique(conversation: Conversation) -> Problems:
    """No id is used twice in a conversation, nor answered twice in a turn."""
    uses = [block["toolUse"]["toolUseId"] for _, _, block in _blocks(conversation) if "toolUse" in block]
    for identifier in _repeated(uses):
        yield f"The toolUse blocks in messages contain duplicate Ids: {identifier}"
    for index, message in _messages(conversation):
        for identifier in _repeated(_ids(message, "toolResult")):
            yield f"The toolResult blocks at messages.{index}.content contain duplicate Ids: {identifier}"


def tool_uses_are_answered(conversation: Conversation) -> Problems:
    """Every toolUse of a turn has its toolResult in the very next one."""
    after_the_last: tuple[int, Mapping[str, Any]] = (len(conversation.get("messages", ())), {"content": []})
    for (_, before), (index, after) in pairwise([*_turns(conversation), after_the_last]):
        results = _ids(after, "toolResult")
        missing = [identifier for identifier in _ids(before, "toolUse") if identifier not in results]
        if missing:
            yield f"Expected toolResult blocks at messages.{index}.content for the following Ids: {', '.join(missing)}"


def tool_results_answer(conversation: Conversation) -> Problems:
    """A toolResult answers a toolUse of the turn right before it."""
    turns = _turns(conversation)
    for (_, before), (index, after) in pairwise([(-1, {"content": []}), *turns]):
        uses, results = _ids(before, "toolUse"), _ids(after, "toolResult")
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
    for index, message in _turns(conversation):
        kinds = ["toolResult" in block for block in message["content"]]
        if any(kinds) and kinds != sorted(kinds, reverse=True):
            yield (
                f"messages.{index}: Did not find {sum(kinds)} tool_result block(s) at the beginning of this"
                " message. Messages following tool_use blocks must begin with a matching number of tool_result"
                " blocks."
            )


def failed_tool_results_say_why(conversation: Conversation) -> Problems:
    """A toolResult of status error has content."""
    for i, j, block in _blocks(conversation):
        result = block.get("toolResult", {})
        if result.get("status") == "error" and not result["content"]:
            yield (
                f"The content field at messages.{i}.content.{j}.toolResult cannot be empty when status value is error."
            )


def tool_inputs_are_objects(conversation: Conversation) -> Problems:
    """The input of a toolUse is a JSON object."""
    for i, j, block in _blocks(conversation):
        if "toolUse" in block and not isinstance(block["toolUse"]["input"], dict):
            yield (
                f"The format of the value at messages.{i}.content.{j}.toolUse.input is invalid. Provide a json"
                " object for the field and try again."
            )


def tool_names_are_unique(conversation: Conversation) -> Problems:
    """No two tools have one name."""
    for name in _repeated(tool_names(conversation)):
        yield f"The toolConfig field contains duplicate tool names: {name}"


def chosen_tool_exists(conversation: Conversation) -> Problems:
    """`toolChoice.tool` names one of the tools."""
    choice = conversation.get("toolConfig", {}).get("toolChoice", {})
    name = choice.get("tool", {}).get("name")
    if name is not None and name not in tool_names(conversation):
        yield f"The tool named {name} in toolConfig.toolChoice is not one of toolConfig.tools."


def tool_schemas_describe_objects(conversation: Conversation) -> Problems:
    """An inputSchema is a JSON schema whose root is an object."""
    for index, tool in enumerate(conversation.get("toolConfig", {}).get("tools", ())):
        schema = tool["toolSpec"]["inputSchema"]["json"] if "toolSpec" in tool else {"type": "object"}
        if not isinstance(schema, dict) or schema.get("type") != "object":
            yield (
                f"The value at toolConfig.tools.{index}.toolSpec.inputSchema.json.type must be one of the"
                " following: object."
            )


def media_is_the_users(conversation: Conversation) -> Problems:
    """Images and documents come from the user, at most twenty and five in a message."""
    for index, message in _messages(conversation):
        for kind, most in (("image", MOST_IMAGES), ("document", MOST_DOCUMENTS)):
            count = sum(kind in block for block in message["content"])
            if count and message["role"] != "user":
                yield f"The {kind} content blocks at messages.{index} are only supported in user messages."
            if count > most:
                yield f"The number of {kind} blocks at messages.{index} exceeds the limit of {most}."


def images_are_what_they_say(conversation: Conversation) -> Problems:
    """The bytes of an image begin as its format does, and are at most 3.75 MB."""
    for path, image in _media(conversation, "image"):
        if "bytes" not in image["source"]:
            continue
        data = base64.b64decode(image["source"]["bytes"])
        if len(data) > MOST_IMAGE_BYTES:
            yield f"The image at {path} exceeds the limit of {MOST_IMAGE_BYTES} bytes."
        if IMAGE_MAGIC[image["format"]].match(data) is None:
            yield f"The image at {path} is not a valid {image['format']}: its bytes are of another format."


def documents_come_with_text(conversation: Conversation) -> Problems:
    """A message with a document has a text block."""
    for _, message in _messages(conversation):
        kinds = {kind for block in message["content"] for kind in block}
        if "document" in kinds and "text" not in kinds:
            yield "A text block must be included when using documents."


def documents_are_named(conversation: Conversation) -> Problems:
    """Names of documents have the allowed characters only, and occur once; bytes are at most 4.5 MB."""
    documents = list(_media(conversation, "document"))
    for path, document in documents:
        if DOCUMENT_NAME.fullmatch(document["name"]) is None:
            yield (
                f"The document file name at {path} can only contain alphanumeric characters, whitespace"
                " characters, hyphens, parentheses, and square brackets. The name can't contain more than one"
                " consecutive whitespace character."
            )
        if len(document["source"].get("bytes", "")) > MOST_DOCUMENT_BYTES * 4 / 3:
            yield f"The document at {path} exceeds the limit of {MOST_DOCUMENT_BYTES} bytes."
    for name in _repeated([document["name"] for _, document in documents]):
        yield f"The messages contain duplicate document names: {name}"


def last_turn_has_no_trailing_space(conversation: Conversation) -> Problems:
    """An assistant's message at the end, to be continued, does not end in white space."""
    _, last = _turns(conversation)[-1]
    text = last["content"][-1].get("text", "")
    if last["role"] == "assistant" and text != text.rstrip():
        yield (
            "The model returned the following errors: messages: final assistant content cannot end with trailing"
            " whitespace"
        )


def tool_names(conversation: Conversation) -> list[str]:
    """The names in toolConfig, in order."""
    tools = conversation.get("toolConfig", {}).get("tools", ())
    return [spec["name"] for tool in tools for kind, spec in tool.items() if kind != "cachePoint"]


def _messages(conversation: Conversation) -> list[tuple[int, Mapping[str, Any]]]:
    return list(enumerate(conversation.get("messages", ())))


def _turns(conversation: Conversation) -> list[tuple[int, Mapping[str, Any]]]:
    """The messages of the dialogue proper: instructions of role system may stand between them."""
    return [(index, message) for index, message in _messages(conversation) if message["role"] != "system"]


def _blocks(conversation: Conversation) -> Iterator[tuple[int, int, Mapping[str, Any]]]:
    for i, message in _messages(conversation):
        for j, block in enumerate(message["content"]):
            yield i, j, block


def _media(conversation: Conversation, kind: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Blocks of a kind, in messages and within their tool results, with their paths."""
    for i, j, block in _blocks(conversation):
        path = f"messages.{i}.content.{j}"
        if kind in block:
            yield f"{path}.{kind}", block[kind]
        for k, part in enumerate(block.get("toolResult", {}).get("content", ())):
            if kind in part:
                yield f"{path}.toolResult.content.{k}.{kind}", part[kind]


def _ids(message: Mapping[str, Any], kind: str) -> list[str]:
    return [block[kind]["toolUseId"] for block in message["content"] if kind in block]


def _repeated(names: list[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]


RULES: tuple[Callable[[Conversation], Problems], ...] = (
    content_is_not_empty,
    text_is_not_blank,
    starts_with_user,
    roles_alternate,
    tool_blocks_need_tools,
    tool_blocks_are_in_their_turn,
    tool_inputs_are_objects,
    tool_uses_are_unique,
    tool_results_answer,
    tool_uses_are_answered,
    tool_results_come_first,
    failed_tool_results_say_why,
    tool_names_are_unique,
    tool_schemas_describe_objects,
    chosen_tool_exists,
    media_is_the_users,
    images_are_what_they_say,
    documents_come_with_text,
    documents_are_named,
    last_turn_has_no_trailing_space,
)
"""In the order in which they are checked."""
