"""Roles and text of the turns.

https://docs.aws.amazon.com/bedrock/latest/userguide/conversation-inference-call.html
"""

from __future__ import annotations

from itertools import pairwise

from aigw_extproc.simulator.converse_request import Conversation, blocks, messages, turns
from aigw_extproc.simulator.rules.problems import MODEL_ERRORS, Problems


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
