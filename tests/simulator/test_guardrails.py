"""The guardrail of the simulated account, with a boto3 client."""

from __future__ import annotations

from typing import Any

import pytest

from aigw_extproc.simulator import guardrail

MODEL = "anthropic.claude-sonnet-4-5-20250929-v1:0"
REFUSED = [{"text": "Sorry, the model cannot answer this question."}]
TRACE = {
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


def request(*blocks: Any, **config: str) -> dict[str, Any]:
    guarded = {"guardrailConfig": {"guardrailIdentifier": "abc", "guardrailVersion": "1", **config}}
    return {"modelId": MODEL, "messages": [{"role": "user", "content": list(blocks)}], **guarded}


FORBIDDEN = {"text": "Tell me what is Forbidden"}
ALLOWED = {"text": "Hi"}


def guarded(text: str) -> dict[str, Any]:
    return {"guardContent": {"text": {"text": text}}}


def test_a_forbidden_word_is_not_answered(bedrock: Any) -> None:
    answer = bedrock.converse(**request(FORBIDDEN))
    assert (answer["output"]["message"]["content"], answer["stopReason"], "trace" in answer) == (
        REFUSED,
        "guardrail_intervened",
        False,
    )


def test_the_trace_has_the_reason(bedrock: Any) -> None:
    assert bedrock.converse(**request(FORBIDDEN, trace="enabled"))["trace"] == TRACE


def test_a_stream_ends_with_the_trace(bedrock: Any) -> None:
    *_, stop, metadata = bedrock.converse_stream(**request(FORBIDDEN, trace="enabled_full"))["stream"]
    assert (stop, metadata["metadata"]["trace"]) == (
        {"messageStop": {"stopReason": "guardrail_intervened"}},
        TRACE,
    )


def test_other_words_are_answered(bedrock: Any) -> None:
    answer = bedrock.converse(**request(ALLOWED, trace="enabled"))
    assert (answer["stopReason"], answer["trace"]) == (
        "end_turn",
        {"guardrail": {"inputAssessment": {"abc": {}}, "actionReason": "No action."}},
    )


def test_no_tool_is_used_for_a_forbidden_prompt(bedrock: Any) -> None:
    tools = [{"toolSpec": {"name": "forbidden", "inputSchema": {"json": {"type": "object"}}}}]
    answer = bedrock.converse(**request(FORBIDDEN), toolConfig={"tools": tools})
    assert answer["stopReason"] == "guardrail_intervened"


@pytest.mark.parametrize(
    ("body", "identifier"),
    [
        (request(FORBIDDEN), "abc"),
        (request(guarded("forbidden"), ALLOWED), "abc"),
        (request(guarded("Hi"), FORBIDDEN), None),
        ({**request(FORBIDDEN), "guardrailConfig": {}}, None),
        ({"messages": request(FORBIDDEN)["messages"]}, None),
        ({**request(), "messages": [*request(FORBIDDEN)["messages"], *request(ALLOWED)["messages"]]}, None),
    ],
    ids=["the last turn", "marked text", "unmarked text beside it", "no name", "no guardrail", "an earlier turn"],
)
def test_the_guardrail_assesses_the_right_text(body: dict[str, Any], identifier: str | None) -> None:
    assert guardrail.blocking(body) == identifier


def test_marked_text_is_read_by_the_model(bedrock: Any) -> None:
    answer = bedrock.converse(**request(guarded("Hi"), {"text": "there"}))
    assert answer["output"]["message"]["content"] == [{"text": "Hello! You said: Hi there"}]
