"""Converse's rules across fields: a request that breaks each rule, and valid edge cases."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from aigw_extproc.simulator import rules
from aigw_extproc.simulator.errors import Invalid
from tests.simulator.conversations import HI, PNG, TOOLS, document, image, result, tool_talk, use, user


def talk(*messages: Any) -> dict[str, Any]:
    return {"messages": list(messages)}


def assistant(*blocks: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": list(blocks)}


def system(*blocks: Any) -> dict[str, Any]:
    return {"role": "system", "content": list(blocks or [HI])}


def tools(*names: str, schema: Any = None, **more: Any) -> dict[str, Any]:
    specs = [{"toolSpec": {"name": name, "inputSchema": {"json": schema or {"type": "object"}}}} for name in names]
    return {**talk(user(HI)), "toolConfig": {"tools": specs, **more}}


def broken_rule(conversation: dict[str, Any]) -> str:
    with pytest.raises(Invalid) as caught:
        rules.check(conversation)
    return caught.value.message


START = "A conversation must start with a user message. Try again with a conversation that starts with a user message."
SYSTEM_FIRST = "messages.0: use the top-level 'system' parameter for the initial system prompt"
SYSTEM_AFTER = "messages.{}: role 'system' must follow a 'user' message"
SYSTEM_BEFORE = "messages.{}: role 'system' must precede an 'assistant' message or end the array"
SYSTEM_TEXT = "messages.1.content.0: only text is supported in a message of role 'system'"
ALTERNATE = (
    "A conversation must alternate between user and assistant roles. Make sure the conversation alternates between"
    " user and assistant roles and try again."
)
EMPTY = (
    "The content field in the Message object at messages.{} is empty. Add a ContentBlock object to the content field"
    " and try again."
)
BLANK = "The text field in the {} object at {} is blank. Add text to the text field, and try again."
NO_TOOLS = "The toolConfig field must be defined when using toolUse and toolResult content blocks."
EXPECTED = "Expected toolResult blocks at messages.{}.content for the following Ids: {}"
EXCEEDS = (
    "The number of toolResult blocks at messages.{}.content exceeds the number of toolUse blocks of previous turn."
)
NOT_OBJECT = "The format of the value at {} is invalid. Provide a json object for the field and try again."
NAME = (
    "The document file name at messages.0.content.1.document can only contain alphanumeric characters, whitespace"
    " characters, hyphens, parentheses, and square brackets. The name can't contain more than one consecutive"
    " whitespace character."
)
MODEL = "The model returned the following errors: "
SPACE = f"{MODEL}messages: final assistant content cannot end with trailing whitespace"

REMOVAL = {"toolRemoval": {"tool": {"type": "tool_reference", "name": "gone"}}}

BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "no messages": ({}, START),
    "empty messages": (talk(), START),
    "assistant first": (talk(assistant(HI), user(HI)), START),
    "user twice": (talk(user(HI), user(HI)), ALTERNATE),
    "assistant twice": (talk(user(HI), assistant(HI), assistant(HI)), ALTERNATE),
    "no content": (talk(user(HI), assistant()), EMPTY.format(1)),
    "empty text": (talk(user({"text": ""})), BLANK.format("ContentBlock", "messages.0.content.0")),
    "blank text": (talk(user(HI, {"text": " \n"})), BLANK.format("ContentBlock", "messages.0.content.1")),
    "blank system": (
        {**talk(user(HI)), "system": [HI, {"text": "\t"}]},
        BLANK.format("SystemContentBlock", "system.1"),
    ),
    "tool blocks without tools": (talk(user(HI), assistant(use("a")), user(result("a"))), NO_TOOLS),
    "a change of an unknown tool": (
        tool_talk(user(HI), {"role": "system", "content": [REMOVAL]}),
        f"{MODEL}messages.1.content.0: the tool 'gone' is not declared",
    ),
    "a change of a tool by the user": (
        talk(user(HI, REMOVAL)),
        f"{MODEL}messages.0.content.1: tools are changed in messages of role 'system' only",
    ),
    "toolUse by the user": (
        tool_talk(user(use("a"))),
        "The toolUse block at messages.0.content.0 is only allowed in assistant messages.",
    ),
    "toolResult by the assistant": (
        tool_talk(user(HI), assistant(HI, result("a"))),
        "The toolResult block at messages.1.content.1 is only allowed in user messages.",
    ),
    "toolUse input that is a list": (
        tool_talk(user(HI), assistant(use("a", [])), user(result("a"))),
        NOT_OBJECT.format("messages.1.content.0.toolUse.input"),
    ),
    "toolResult json that is a list": (
        tool_talk(user(HI), assistant(use("a")), user(result("a", {"json": []}))),
        NOT_OBJECT.format("messages.2.content.0.toolResult.content.0.json"),
    ),
    "an id used twice in a turn": (
        tool_talk(user(HI), assistant(use("a"), use("a")), user(result("a"))),
        "The toolUse blocks at messages.1.content contain duplicate Ids: a",
    ),
    "an id used twice in a conversation": (
        tool_talk(user(HI), assistant(use("a")), user(result("a")), assistant(use("a")), user(result("a"))),
        f"{MODEL}messages.3: `tool_use` ids must be unique",
    ),
    "an id answered twice": (
        tool_talk(user(HI), assistant(use("a")), user(result("a"), result("a"))),
        "The toolResult blocks at messages.2.content contain duplicate Ids: a",
    ),
    "a toolUse without answer": (tool_talk(user(HI), assistant(use("a")), user(HI)), EXPECTED.format(2, "a")),
    "one of two toolUses without answer": (
        tool_talk(user(HI), assistant(use("a"), use("b")), user(result("a"))),
        EXPECTED.format(2, "b"),
    ),
    "a toolUse at the end": (tool_talk(user(HI), assistant(use("a"), use("b"))), EXPECTED.format(2, "a, b")),
    "a toolResult at the start": (tool_talk(user(result("a"))), EXCEEDS.format(0)),
    "more answers than questions": (
        tool_talk(user(HI), assistant(use("a")), user(result("a"), result("b"))),
        EXCEEDS.format(2),
    ),
    "an answer to another question": (
        tool_talk(user(HI), assistant(use("a")), user(result("b"))),
        "Unexpected toolResult block at messages.2.content for the Id: b",
    ),
    "an answer two turns later": (
        tool_talk(user(HI), assistant(use("a")), user(result("a")), assistant(HI), user(result("a"))),
        EXCEEDS.format(4),
    ),
    "text before results": (
        tool_talk(user(HI), assistant(use("a")), user(HI, result("a"))),
        (
            f"{MODEL}messages.2: Did not find 1 tool_result block(s) at the beginning of this message. Messages"
            " following tool_use blocks must begin with a matching number of tool_result blocks."
        ),
    ),
    "an error without content": (
        tool_talk(
            user(HI),
            assistant(use("a")),
            user({"toolResult": {"toolUseId": "a", "content": [], "status": "error"}}),
        ),
        "The content field at messages.2.content.0.toolResult cannot be empty when status value is error.",
    ),
    "two tools of one name": (tools("a", "a"), f"{MODEL}tools: Tool names must be unique."),
    "a schema that is not an object": (
        tools("a", schema=[1]),
        NOT_OBJECT.format("toolConfig.tools.0.toolSpec.inputSchema.json"),
    ),
    "a schema without type": (
        tools("a", "b", schema={"properties": {}}),
        "The value at toolConfig.tools.0.toolSpec.inputSchema.json.type must be one of the following: object.",
    ),
    "a schema with null for its properties": (
        tools("a", schema={"type": "object", "properties": None}),
        (
            f"{MODEL}tools.0.custom.input_schema: JSON schema is invalid. It must match JSON Schema draft 2020-12"
            " (https://json-schema.org/draft/2020-12). Learn more about tool use at"
            " https://docs.claude.com/en/docs/tool-use."
        ),
    ),
    "a choice of another tool": (
        tools("a", toolChoice={"tool": {"name": "b"}}),
        "The tool named b in toolConfig.toolChoice is not one of toolConfig.tools.",
    ),
    "an image by the assistant": (
        talk(user(HI), assistant(image())),
        "The image content blocks at messages.1 are only supported in user messages.",
    ),
    "a document by the assistant": (
        talk(user(HI), assistant(document("a"), HI)),
        "The document content blocks at messages.1 are only supported in user messages.",
    ),
    "21 images": (talk(user(*[image()] * 21)), "The number of image blocks at messages.0 exceeds the limit of 20."),
    "six documents": (
        talk(user(HI, *[document(str(n)) for n in range(6)])),
        "The number of document blocks at messages.0 exceeds the limit of 5.",
    ),
    "a PNG with the format jpeg": (
        talk(user(image(form="jpeg"))),
        "The image at messages.0.content.0.image is not a valid jpeg: its bytes are of another format.",
    ),
    "a wrong image in a tool result": (
        tool_talk(user(HI), assistant(use("a")), user(result("a", HI, image("eA==")))),
        (
            "The image at messages.2.content.0.toolResult.content.1.image is not a valid png: its bytes are of another"
            " format."
        ),
    ),
    "an image that is too large": (
        talk(user(image(base64.b64encode(base64.b64decode(PNG) + bytes(3_750_000)).decode()))),
        "The image at messages.0.content.0.image exceeds the limit of 3750000 bytes.",
    ),
    "an invalid PDF": (
        talk(user(HI, document("a", form="pdf"))),
        f"{MODEL}messages.0.content.1.document: The PDF specified was not valid.",
    ),
    "a document without text": (talk(user(document("a"))), "A text block must be included when using documents."),
    "a document that is too large": (
        talk(user(HI, document("a", base64.b64encode(bytes(4_500_003)).decode()))),
        "The document at messages.0.content.1.document exceeds the limit of 4500000 bytes.",
    ),
    "a document name with a dot": (talk(user(HI, document("a.txt"))), NAME),
    "a document name with two spaces": (talk(user(HI, document("a  b"))), NAME),
    "two documents of one name": (
        talk(user(HI, document("a"), document("a"))),
        "The messages contain duplicate document names: a",
    ),
    "a path that is not a JSON pointer": (
        {**talk(user(HI)), "additionalModelResponseFieldPaths": ["/a/b", "a"]},
        "The value at additionalModelResponseFieldPaths.1 is not a valid JSON Pointer: a",
    ),
    "an output schema that is not JSON": (
        {**talk(user(HI)), "outputConfig": {"textFormat": {"structure": {"jsonSchema": {"schema": "{"}}}}},
        "The value at outputConfig.textFormat.structure.jsonSchema.schema must be the text of a JSON object.",
    ),
    "an instruction first": (talk(system(), user(HI)), MODEL + SYSTEM_FIRST),
    "an instruction after the assistant": (
        talk(user(HI), assistant(HI), system(), user(HI)),
        MODEL + SYSTEM_AFTER.format(2),
    ),
    "two instructions": (talk(user(HI), system(), system()), MODEL + SYSTEM_BEFORE.format(1)),
    "an instruction of an image": (talk(user(HI), system(image())), MODEL + SYSTEM_TEXT),
    "white space at the end": (talk(user(HI), assistant({"text": "Well, "})), SPACE),
    "a new line at the end": (talk(user(HI), assistant(HI, {"text": "Well\n"})), SPACE),
}


@pytest.mark.parametrize(("conversation", "message"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_rule_is_reported(conversation: dict[str, Any], message: str) -> None:
    assert broken_rule(conversation) == message


KEPT: dict[str, dict[str, Any]] = {
    "one turn": talk(user(HI)),
    "an instruction between the turns": talk(user(HI), system(), assistant(HI), user(HI)),
    "an instruction at the end": talk(user(HI), system(HI, {"cachePoint": {"type": "default"}})),
    "parallel tool uses answered out of order": tool_talk(
        user(HI), assistant(HI, use("a"), use("b")), user(result("b"), result("a", {"json": {}}, image()), HI)
    ),
    "a result without content": tool_talk(
        user(HI), assistant(use("a")), user({"toolResult": {"toolUseId": "a", "content": []}})
    ),
    "a chosen tool": tools("a", "b", toolChoice={"tool": {"name": "b"}}),
    "a cache point among the tools": {
        **talk(user(HI)),
        "toolConfig": {"tools": [*TOOLS["tools"], {"cachePoint": {"type": "default"}}]},
    },
    "all image formats": talk(
        user(
            image(),
            image(base64.b64encode(b"\xff\xd8\xff\xe0").decode(), "jpeg"),
            image(base64.b64encode(b"GIF89a").decode(), "gif"),
            image(base64.b64encode(b"RIFF\x0a\0\0\0WEBPVP8 ").decode(), "webp"),
            {"image": {"format": "png", "source": {"s3Location": {"uri": "s3://bucket/key"}}}},
        )
    ),
    "a PDF": talk(user(HI, document("a", base64.b64encode(b"\n%PDF-1.7").decode(), form="pdf"))),
    "a document with text": talk(user(HI, document("Report (2) [final] - a"))),
    "an output schema": {
        **talk(user(HI)),
        "outputConfig": {
            "textFormat": {"structure": {"jsonSchema": {"schema": '{"type":"object","additionalProperties":false}'}}}
        },
    },
    "a prefill": talk(user(HI), assistant({"text": " Well,"})),
}


@pytest.mark.parametrize("conversation", KEPT.values(), ids=KEPT.keys())
def test_a_valid_request_passes(conversation: dict[str, Any]) -> None:
    assert rules.check(conversation) is None
