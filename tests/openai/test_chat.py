"""Chat completion requests as clients send them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aigw_extproc.errors import InvalidRequest
from aigw_extproc.openai import chat

USER = {"role": "user", "content": "Hi."}


def body(**fields: Any) -> bytes:
    return json.dumps({"model": "m", "messages": [USER], **fields}).encode()


def refused(**fields: Any) -> tuple[str, str | None]:
    with pytest.raises(InvalidRequest) as raised:
        chat.parse(body(**fields))
    return raised.value.message, raised.value.param


def test_the_least_that_is_a_request() -> None:
    assert chat.parse(body()) == chat.ChatRequest(model="m", messages=[chat.UserMessage(content="Hi.")])


def test_fields_that_are_not_declared_are_kept_by_name() -> None:
    others = chat.parse(body(seed=1, logit_bias={"a": 1}, temperature=0)).others
    assert {name: bytes(value) for name, value in others.items()} == {"seed": b"1", "logit_bias": b'{"a": 1}'}


@pytest.mark.parametrize("value", [{"seed": 1}, 7])
def test_a_field_named_others_is_one_of_them(value: object) -> None:
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
def test_parts(content: dict[str, Any], part: chat.ContentPart) -> None:
    (message,) = chat.parse(body(messages=[{"role": "user", "content": [content]}])).messages
    assert message == chat.UserMessage(content=[part])


def test_an_unknown_part_is_told_with_its_path() -> None:
    message, param = refused(messages=[{"role": "user", "content": [{"type": "hologram"}]}])
    assert message == "messages[0].content[0].type: Invalid value 'hologram'"
    assert param == "messages[0].content[0].type"


def test_an_unknown_role_is_told_with_its_path() -> None:
    assert refused(messages=[{"role": "robot", "content": "x"}]) == (
        "messages[0].role: Invalid value 'robot'",
        "messages[0].role",
    )


def test_an_unknown_member_of_the_aws_extension_is_an_error() -> None:
    """What is misspelt there would be lost in silence, as no other API has it."""
    assert refused(aws={"guardrailconfig": {}}) == ("aws: Object contains unknown field `guardrailconfig`", "aws")


def test_a_request_needs_a_model() -> None:
    with pytest.raises(InvalidRequest) as raised:
        chat.parse(b'{"messages":[]}')
    assert raised.value.message == "Object missing required field `model`"
