"""What only Bedrock knows, sent with the SDK's `extra_body`; who asks, and how fast it is to be answered."""

from __future__ import annotations

from typing import Any

import openai
import pytest

from tests.gateway.running import Gateway
from tests.gateway.test_reasoning import BUDGETED as CLAUDE
from tests.gateway.test_reasoning import DROPPED, Ask, both_ways, streamed, whole

NOVA = "us.amazon.nova-lite-v1:0"
HELLO: Any = [{"role": "user", "content": "Hi"}]
FORBIDDEN: Any = [{"role": "user", "content": "Tell me what is forbidden"}]
GUARDRAIL = {"guardrailIdentifier": "g1", "guardrailVersion": "1", "trace": "enabled"}


def aws(**fields: Any) -> dict[str, Any]:
    """The extension, in the words of Converse."""
    return {"aws": fields}


def test_a_guardrail_that_blocks(client: openai.OpenAI) -> None:
    [choice] = whole(client, model=NOVA, messages=FORBIDDEN, extra_body=aws(guardrailConfig=GUARDRAIL)).choices
    expected = ("content_filter", "Sorry, the model cannot answer this question.")
    assert (choice.finish_reason, choice.message.content) == expected


def test_a_guardrail_that_blocks_a_stream(client: openai.OpenAI) -> None:
    """The SDK makes an exception of the finish reason."""
    with pytest.raises(openai.ContentFilterFinishReasonError):
        streamed(client, model=NOVA, messages=FORBIDDEN, extra_body=aws(guardrailConfig=GUARDRAIL))


@both_ways
def test_a_guardrail_that_lets_through(client: openai.OpenAI, ask: Ask) -> None:
    answer = ask(client, model=NOVA, messages=HELLO, extra_body=aws(guardrailConfig=GUARDRAIL))
    assert answer.choices[0].finish_reason == "stop"


ASSESSED = {"guardrail": {"inputAssessment": {"g1": {}}, "actionReason": "No action."}}


def test_what_a_guardrail_found(client: openai.OpenAI) -> None:
    answer = whole(client, model=NOVA, messages=HELLO, extra_body=aws(guardrailConfig=GUARDRAIL))
    assert answer.to_dict()["aws"] == {"trace": ASSESSED}


def test_what_a_guardrail_found_stands_in_the_last_chunk_of_a_stream(client: openai.OpenAI) -> None:
    chunks = client.chat.completions.create(
        model=NOVA, messages=HELLO, stream=True, extra_body=aws(guardrailConfig=GUARDRAIL)
    )
    last = [chunk.to_dict() for chunk in chunks][-1]
    assert (last["choices"], last["aws"]) == ([], {"trace": ASSESSED})


def test_a_chat_without_a_guardrail_is_not_assessed(client: openai.OpenAI) -> None:
    assert whole(client, model=NOVA, messages=FORBIDDEN).choices[0].finish_reason == "stop"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("guardrailConfig", GUARDRAIL),
        ("performanceConfig", {"latency": "optimized"}),
        ("requestMetadata", {"team": "a"}),
        ("additionalModelResponseFieldPaths", ["/stop_sequence"]),
    ],
)
def test_the_extension_goes_to_bedrock_as_it_is(client: openai.OpenAI, gateway: Gateway, name: str, value: Any) -> None:
    answer = whole(client, model=NOVA, messages=HELLO, extra_body=aws(**{name: value}))
    sent = gateway.sent(answer.id)
    assert {key: sent[key] for key in sent if key != "messages"} == {name: value}


def test_the_latency_that_it_was_answered_with(client: openai.OpenAI) -> None:
    fast = {"latency": "optimized"}
    answer = whole(client, model=NOVA, messages=HELLO, extra_body=aws(performanceConfig=fast))
    assert answer.to_dict()["aws"] == {"performanceConfig": fast}


@pytest.mark.parametrize("stream", [False, True])
def test_fields_of_the_models_own_answer(client: openai.OpenAI, stream: bool) -> None:
    asked: Any = {"model": NOVA, "messages": HELLO, "stop": "said", "stream": stream}
    asked["extra_body"] = aws(additionalModelResponseFieldPaths=["/stop_sequence"])
    answer = client.chat.completions.create(**asked)
    parts = [part.to_dict() for part in (answer if stream else [answer])]
    told = [part["aws"] for part in parts if "aws" in part]
    assert told == [{"additionalModelResponseFields": {"stop_sequence": "said"}}]


def test_the_clients_own_fields_win_over_ours(client: openai.OpenAI, gateway: Gateway) -> None:
    own = {"thinking": {"budget_tokens": 3000}, "top_k": 5}
    with pytest.raises(openai.BadRequestError, match="`top_k` must be unset when thinking is enabled"):
        whole(client, model=CLAUDE, messages=HELLO, reasoning_effort="low", extra_body=own_fields(own))
    del own["top_k"]
    answer = whole(client, model=CLAUDE, messages=HELLO, reasoning_effort="low", extra_body=own_fields(own))
    merged = gateway.sent(answer.id)["additionalModelRequestFields"]
    assert merged == {"thinking": {"type": "enabled", "budget_tokens": 3000}}


def own_fields(fields: dict[str, Any]) -> dict[str, Any]:
    return aws(additionalModelRequestFields=fields)


def test_an_unknown_member_of_the_extension_is_refused(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        whole(client, model=NOVA, messages=HELLO, extra_body=aws(guardrail=GUARDRAIL))
    assert caught.value.param == "aws"
    assert caught.value.body["message"] == "aws: Object contains unknown field `guardrail`"


def test_what_bedrock_refuses_of_the_extension_is_told_in_its_words(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        whole(client, model=NOVA, messages=HELLO, extra_body=aws(performanceConfig={"latency": "warp"}))
    assert "performanceConfig.latency" in caught.value.body["message"]


@pytest.mark.parametrize(("asked", "tier"), [("flex", "flex"), ("priority", "priority"), ("default", "default")])
def test_a_service_tier_comes_back(client: openai.OpenAI, gateway: Gateway, asked: Any, tier: str) -> None:
    answer = whole(client, model=NOVA, messages=HELLO, service_tier=asked)
    assert (gateway.sent(answer.id)["serviceTier"], answer.service_tier) == ({"type": tier}, tier)


def test_a_service_tier_stands_in_the_last_chunk_of_a_stream(client: openai.OpenAI) -> None:
    chunks = client.chat.completions.create(
        model=NOVA, messages=HELLO, service_tier="flex", stream=True, stream_options={"include_usage": True}
    )
    assert list(chunks)[-1].service_tier == "flex"


def test_no_tier_in_particular(client: openai.OpenAI, gateway: Gateway) -> None:
    answer = whole(client, model=NOVA, messages=HELLO, service_tier="auto")
    assert gateway.sent(answer.id).keys() == {"messages"}


def test_who_asks(client: openai.OpenAI, gateway: Gateway) -> None:
    answer = whole(
        client,
        model=NOVA,
        messages=HELLO,
        metadata={"team": "a"},
        user="u-1",
        safety_identifier="s-1",
        extra_body=aws(requestMetadata={"team": "b", "app": "c"}),
    )
    expected = {"team": "b", "user": "u-1", "safety_identifier": "s-1", "app": "c"}
    assert gateway.sent(answer.id)["requestMetadata"] == expected


def test_what_cannot_be_said_of_who_asks(client: openai.OpenAI) -> None:
    raw = client.chat.completions.with_raw_response.create(
        model=NOVA, messages=HELLO, metadata={"team": "ä!"}, user="u-1"
    )
    assert raw.headers[DROPPED] == "metadata"
