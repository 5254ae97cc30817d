"""Decoding of chat completion requests."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aigw_extproc.errors import InvalidRequest
from aigw_extproc.openai import chat

USER = {"role": "user", "content": "Hi."}


def body(**fields: Any) -> bytes:
    return json.dumps({"model": "m", "messages": [USER], **fields}).encode()


def parse_error(**fields: Any) -> tuple[str, str | None]:
    with pytest.raises(InvalidRequest) as raised:
        chat.parse(body(**fields))
    return raised.value.message, raised.value.param


def test_minimal_request() -> None:
    assert chat.parse(body()) == chat.ChatRequest(model="m", messages=[chat.UserMessage(content="Hi.")])


def test_undeclared_fields_are_collected_by_name() -> None:
    others = chat.parse(body(seed=1, logit_bias={"a": 1}, temperature=0)).others
    assert {name: bytes(value) for name, value in others.items()} == {"seed": b"1", "logit_bias": b'{"a": 1}'}


@pytest.mark.parametrize("value", [{"seed": 1}, 7])
def test_undeclared_field_may_be_named_others(value: object) -> None:
    others = chat.parse(body(others=value)).others
    assert {name: json.loads(bytes(raw)) for name, raw in others.items()} == {"others": value}


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ({"type": "text", "text": "a"}, chat.TextPart(text="a")),
        ({"type": "image_url", "image_url": {"url": "u"}}, chat.ImagePart(image_url=chat.ImageUrl(url="u"))),
        ({"type": "image_url", "image_url": "u"}, chat.ImagePart(image_url="u")),
        (
            {"type": "file", "file": {"file_data": "d", "filename": "n"}},
            chat.FilePart(file=chat.FileData(file_data="d", filename="n")),
        ),
        (
            {"type": "input_audio", "input_audio": {"data": "d", "format": "wav"}},
            chat.AudioPart(input_audio=chat.AudioData(data="d", format="wav")),
        ),
        ({"type": "video_url", "video_url": {"url": "u"}}, chat.VideoUrlPart(video_url=chat.VideoUrl(url="u"))),
        (
            {"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
            chat.TextPart(text="a", cache_control=chat.CacheMark(ttl="1h")),
        ),
    ],
    ids=lambda value: value.get("type") if isinstance(value, dict) else "",
)
def test_content_parts(content: dict[str, Any], part: chat.ContentPart) -> None:
    (message,) = chat.parse(body(messages=[{"role": "user", "content": [content]}])).messages
    assert message == chat.UserMessage(content=[part])


def test_unknown_part_is_reported_with_its_path() -> None:
    message, param = parse_error(messages=[{"role": "user", "content": [{"type": "hologram"}]}])
    assert message == "messages[0].content[0].type: Invalid value 'hologram'"
    assert param == "messages[0].content[0].type"


def test_unknown_role_is_reported_with_its_path() -> None:
    assert parse_error(messages=[{"role": "robot", "content": "x"}]) == (
        "messages[0].role: Invalid value 'robot'",
        "messages[0].role",
    )


def test_unknown_member_of_the_aws_extension_is_an_error() -> None:
    """It can only be a misspelling: no other API has this field."""
    assert parse_error(aws={"guardrailconfig": {}}) == ("aws: Object contains unknown field `guardrailconfig`", "aws")


def test_model_is_required() -> None:
    with pytest.raises(InvalidRequest) as raised:
        chat.parse(b'{"messages":[]}')
    assert raised.value.message == "Object missing required field `model`"
