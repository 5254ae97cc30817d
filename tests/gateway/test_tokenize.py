"""Counting tokens through the whole gateway."""

from __future__ import annotations

import json

from tests.gateway.conftest import NOVA
from tests.gateway.running import Gateway, error

CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"


def test_the_tokens_of_a_prompt(gateway: Gateway) -> None:
    response = gateway.client.post("/tokenize", json={"model": CLAUDE, "prompt": "two words"})
    assert (response.status_code, response.json()) == (200, {"count": 3, "max_model_len": 0, "tokens": None})
    sent = gateway.received(response)
    assert sent["path"] == "/model/anthropic.claude-sonnet-4-5-20250929-v1%3A0/count-tokens"
    assert json.loads(sent["body"]) == {
        "input": {"converse": {"messages": [{"role": "user", "content": [{"text": "two words"}]}]}}
    }


def test_the_tokens_of_a_conversation_are_those_of_its_completion(gateway: Gateway) -> None:
    messages = [{"role": "system", "content": "Be very brief."}, {"role": "user", "content": "Good morning!"}]
    counted = gateway.client.post("/tokenize", json={"model": NOVA, "messages": messages}).json()["count"]
    completion = gateway.client.post("/v1/chat/completions", json={"model": NOVA, "messages": messages}).json()
    assert counted == completion["usage"]["prompt_tokens"] > 2


def test_counting_is_not_using(gateway: Gateway) -> None:
    def observed() -> float:
        return gateway.processor.metric(
            "gen_ai_client_token_usage_token_sum", gen_ai_operation_name="tokenize", gen_ai_token_type="input"
        )

    gateway.client.post("/tokenize", json={"model": CLAUDE, "prompt": "two words"}).raise_for_status()
    gateway.wait_until_idle()
    assert observed() == 0


def test_neither_a_prompt_nor_messages(gateway: Gateway) -> None:
    response = gateway.client.post("/tokenize", json={"model": CLAUDE})
    expected = error("Object missing required field `prompt`", "invalid_request_error")
    assert (response.status_code, response.json()) == (400, expected)
