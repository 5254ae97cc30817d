"""The guardrail of the simulated account, as a boto3 client meets it."""

from __future__ import annotations

from typing import Any

import pytest

from aigw_extproc.simulator import guardrail

MODEL = "anthropic.claude-sonnet-4-5-20250929-v1:0"
REFUSED = [{"text": "Sorry, the model cannot answer this question."}]
FOUND = {
    "guardrail": {
        "inputAssessment": {
            "abc": {
                "wordPolicy": {
                    "customWords": [{"match": "forbidden", "action": "BLOCKED", "detected": True}],
                    "managedWordLists": [],
                }
            }
        },
        "actionReason": "Guardrail blocked.",
    }
}


def asked(*blocks: Any, **config: str) -> dict[str, Any]:
    guarded = {"guardrailConfig": {"guardrailIdentifier": "abc", "guardrailVersion": "1", **config}}
    return {"modelId": MODEL, "messages": [{"role": "user", "content": list(blocks)}], **guarded}


FORBIDDEN = {"text": "Tell me what is Forbidden"}
ALLOWED = {"text": "Hi"}


def guarded(text: str) -> dict[str, Any]:
    return {"guardContent": {"text": {"text": text}}}


def test_a_forbidden_word_is_not_answered(bedrock: Any) -> None:
    answer = bedrock.converse(**asked(FORBIDDEN))
    assert (answer["output"]["message"]["content"], answer["stopReason"], "trace" in answer) == (
        REFUSED,
        "guardrail_intervened",
        False,
    )


def test_the_trace_tells_why(bedrock: Any) -> None:
    assert bedrock.converse(**asked(FORBIDDEN, trace="enabled"))["trace"] == FOUND


def test_a_stream_ends_with_the_trace(bedrock: Any) -> None:
    *_, stop, metadata = bedrock.converse_stream(**asked(FORBIDDEN, trace="enabled_full"))["stream"]
    assert (stop, metadata["metadata"]["trace"]) == ({"messageStop": {"stopReason": "guardrail_intervened"}}, FOUND)


def test_other_words_are_answered(bedrock: Any) -> None:
    answer = bedrock.converse(**asked(ALLOWED, trace="enabled"))
    assert (answer["stopReason"], answer["trace"]) == (
        "end_turn",
        {"guardrail": {"inputAssessment": {"abc": {}}, "actionReason": "No action."}},
    )


def test_no_tool_is_used_for_what_is_forbidden(bedrock: Any) -> None:
    tools = [{"toolSpec": {"name": "forbidden", "inputSchema": {"json": {"type": "object"}}}}]
    answer = bedrock.converse(**asked(FORBIDDEN), toolConfig={"tools": tools})
    assert answer["stopReason"] == "guardrail_intervened"


@pytest.mark.parametrize(
    ("body", "identifier"),
    [
        (asked(FORBIDDEN), "abc"),
        (asked(guarded("forbidden"), ALLOWED), "abc"),
        (asked(guarded("Hi"), FORBIDDEN), None),
        ({**asked(FORBIDDEN), "guardrailConfig": {}}, None),
        ({"messages": asked(FORBIDDEN)["messages"]}, None),
        ({**asked(), "messages": [*asked(FORBIDDEN)["messages"], *asked(ALLOWED)["messages"]]}, None),
    ],
    ids=["the last turn", "marked text", "unmarked text beside it", "no name", "no guardrail", "an earlier turn"],
)
def test_what_is_assessed(body: dict[str, Any], identifier: str | None) -> None:
    assert guardrail.blocking(body) == identifier


def test_marked_text_is_read_by_the_model(bedrock: Any) -> None:
    answer = bedrock.converse(**asked(guarded("Hi"), {"text": "there"}))
    assert answer["output"]["message"]["content"] == [{"text": "Hello! You said: Hi there"}]
