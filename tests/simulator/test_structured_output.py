"""Structured output, with a boto3 client."""

from __future__ import annotations

import datetime
import json
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, StringConstraints, TypeAdapter

MODEL = "anthropic.claude-sonnet-4-5-20250929-v1:0"
ASKED = {"modelId": MODEL, "messages": [{"role": "user", "content": [{"text": "Hi"}]}]}


class Closed(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Address(Closed):
    city: str
    zone: int


class Employer(Closed):
    seat: Address | None


class Person(Closed):
    name: Annotated[str, StringConstraints(min_length=30)]
    born: datetime.date
    role: Literal["admin", "user"]
    home: Address | None
    others: list[Address]
    boss: Employer | None


PERSON = Person.model_json_schema()


def bound(schema: Any) -> dict[str, Any]:
    structure = {"jsonSchema": {"schema": json.dumps(schema), "name": "answer"}}
    return {"outputConfig": {"textFormat": {"type": "json_schema", "structure": structure}}}


@pytest.mark.parametrize("kind", [Person, str, list[Address], bool, float], ids=str)
def test_the_answer_follows_the_schema(bedrock: Any, kind: Any) -> None:
    adapter = TypeAdapter(kind)
    answer = bedrock.converse(**ASKED, **bound(adapter.json_schema()))
    (block,) = answer["output"]["message"]["content"]
    assert adapter.dump_python(adapter.validate_json(block["text"], strict=True), mode="json") == json.loads(
        block["text"]
    )


def test_claudes_own_field_has_the_same_answer(bedrock: Any) -> None:
    own = {"output_config": {"format": {"type": "json_schema", "schema": PERSON}}}
    ways = (bound(PERSON), {"additionalModelRequestFields": own})
    first, second = (bedrock.converse(**ASKED, **way)["output"]["message"]["content"] for way in ways)
    assert first == second


def test_the_answer_streams_in_pieces(bedrock: Any) -> None:
    whole = bedrock.converse(**ASKED, **bound(PERSON))["output"]["message"]["content"][0]["text"]
    stream = bedrock.converse_stream(**ASKED, **bound(PERSON))["stream"]
    pieces = [event["contentBlockDelta"]["delta"]["text"] for event in stream if "contentBlockDelta" in event]
    assert ("".join(pieces), len(pieces) > 3) == (whole, True)


def test_a_tool_that_is_asked_for_comes_before_the_answer(bedrock: Any) -> None:
    tools = [{"toolSpec": {"name": "clock", "inputSchema": {"json": {"type": "object"}}}}]
    asked = {**ASKED, "messages": [{"role": "user", "content": [{"text": "Use clock"}]}]}
    assert bedrock.converse(**asked, **bound(PERSON), toolConfig={"tools": tools})["stopReason"] == "tool_use"
