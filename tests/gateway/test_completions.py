"""Legacy completions with OpenAI's SDK through the whole gateway."""

from __future__ import annotations

import openai
import pytest

from tests.gateway.conftest import NOVA


def test_a_completion(client: openai.OpenAI) -> None:
    answer = client.completions.create(model=NOVA, prompt="Hello!", max_tokens=100)
    [choice] = answer.choices
    assert (choice.text, choice.finish_reason) == ("Hello! You said: Hello!", "stop")
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 1


def test_a_stream_adds_up_to_the_same(client: openai.OpenAI) -> None:
    pieces = list(
        client.completions.create(model=NOVA, prompt="Hello!", stream=True, stream_options={"include_usage": True})
    )
    texts = [choice.text for piece in pieces for choice in piece.choices]
    assert "".join(texts) == "Hello! You said: Hello!"
    assert len(texts) > 3
    assert [choice.finish_reason for piece in pieces for choice in piece.choices][-1] == "stop"
    assert pieces[-1].usage is not None


def test_an_error_in_the_middle_of_a_stream(client: openai.OpenAI) -> None:
    with pytest.raises(openai.APIError) as caught:
        list(client.completions.create(model="simulator.stream-throttling", prompt="Hello!", stream=True))
    assert caught.value.code == "throttling_exception"


def test_an_error_of_bedrocks(client: openai.OpenAI) -> None:
    with pytest.raises(openai.RateLimitError):
        client.completions.create(model="simulator.throttling", prompt="Hello!")


def test_what_cannot_be_done_is_refused(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.completions.create(model=NOVA, prompt=["a", "b"])
    assert caught.value.param == "prompt"
