"""Roles and text of the turns.

https://docs.aws.amazon.com/bedrock/latest/userguide/conversation-inference-call.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from aigw_extproc.simulator.converse_request import Conversation, blocks, messages, tool_names, turns
from aigw_extproc.simulator.rules.problems import MODEL_ERRORS, ModelRequest, Problems


def starts_with_user(conversation: Conversation) -> Problems:
    """The first message is the user's."""
    first = next(iter(turns(conversation)), None)
    if first is None or first[1]["role"] != "user":
        yield (
            "A conversation must start with a user message. Try again with a conversation that starts with a"
            " user message."
        )


def roles_alternate(conversation: Conversation) -> Problems:
    """Roles alternate between user and assistant."""
    for (_, before), (_, after) in pairwise(turns(conversation)):
        if before["role"] == after["role"]:
            yield (
                "A conversation must alternate between user and assistant roles. Make sure the conversation"
                " alternates between user and assistant roles and try again."
            )


def system_messages_are_in_their_places(conversation: Conversation) -> Problems:
    """A message of role system follows the user's, before the assistant's or at the end.

    It holds text, and changes of the tools.
    """
    for problem in misplaced_system([message["role"] for _, message in messages(conversation)]):
        yield f"{MODEL_ERRORS} {problem}"
    for i, j, block in blocks(conversation):
        is_system = conversation["messages"][i]["role"] == "system"
        if is_system and not block.keys() <= {"text", "cachePoint", *TOOL_CHANGES}:
            yield f"{MODEL_ERRORS} messages.{i}.content.{j}: only text is supported in a message of role 'system'"
        if not is_system and block.keys() & TOOL_CHANGES:
            yield f"{MODEL_ERRORS} messages.{i}.content.{j}: tools are changed in messages of role 'system' only"


def changed_tools_are_known(conversation: Conversation) -> Problems:
    """A tool that is added or removed within the conversation is in the toolConfig."""
    known = tool_names(conversation)
    for i, j, block in blocks(conversation):
        for kind in block.keys() & TOOL_CHANGES:
            name = block[kind]["tool"].get("name")
            if name not in known:
                yield f"{MODEL_ERRORS} messages.{i}.content.{j}: the tool {name!r} is not declared"


def misplaced_system(roles: Sequence[str]) -> Iterator[str]:
    """Yield Claude's error for each message of role system in a wrong place.

    https://platform.claude.com/docs/en/build-with-claude/mid-conversation-system-messages
    """
    for index, (before, role, after) in enumerate(zip(("", *roles), roles, (*roles[1:], ""), strict=False)):
        if role != "system":
            continue
        if not before:
            yield f"messages.{index}: use the top-level 'system' parameter for the initial system prompt"
        elif before != "user":
            yield f"messages.{index}: role 'system' must follow a 'user' message"
        if after not in ("", "assistant"):
            yield f"messages.{index}: role 'system' must precede an 'assistant' message or end the array"


def system_role_is_supported(request: ModelRequest) -> Problems:
    """The family supports messages of role system."""
    has_any = any(message["role"] == "system" for _, message in messages(request.conversation))
    if has_any and not request.family.system_role:
        yield f"{MODEL_ERRORS} {NO_SYSTEM_ROLE}"


TOOL_CHANGES = frozenset({"toolAddition", "toolRemoval"})
NO_SYSTEM_ROLE = "role 'system' is not supported on this model"


def content_is_not_empty(conversation: Conversation) -> Problems:
    """Every message has a block."""
    for index, message in messages(conversation):
        if not message["content"]:
            yield (
                f"The content field in the Message object at messages.{index} is empty. Add a ContentBlock object"
                " to the content field and try again."
            )


def text_is_not_blank(conversation: Conversation) -> Problems:
    """No text block, in messages or system, is blank."""
    places = [(f"messages.{i}.content.{j}", "ContentBlock", block) for i, j, block in blocks(conversation)]
    places += [(f"system.{i}", "SystemContentBlock", block) for i, block in enumerate(conversation.get("system", ()))]
    for path, noun, block in places:
        if "text" in block and not block["text"].strip():
            yield f"The text field in the {noun} object at {path} is blank. Add text to the text field, and try again."


def last_turn_has_no_trailing_space(conversation: Conversation) -> Problems:
    """An assistant message at the end has no trailing white space."""
    _, last = turns(conversation)[-1]
    text = last["content"][-1].get("text", "")
    if last["role"] == "assistant" and text != text.rstrip():
        yield (f"{MODEL_ERRORS} messages: final assistant content cannot end with trailing whitespace")
