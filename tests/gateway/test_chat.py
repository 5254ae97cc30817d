"""Chat completions with OpenAI's own SDK."""

from __future__ import annotations

import base64

import openai

from tests.gateway.running import Gateway

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(60)).decode()


def completion(id_: str, created: int, content: str, *, finish_reason: str = "stop", usage: tuple[int, int]) -> object:
    """A whole completion, as the SDK reads it."""
    given, generated = usage
    return {
        "id": id_,
        "object": "chat.completion",
        "created": created,
        "model": "nova",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": content, "refusal": None},
                "logprobs": None,
                "finish_reason": finish_reason,
            }
        ],
        "usage": {
            "prompt_tokens": given,
            "completion_tokens": generated,
            "total_tokens": given + generated,
            "prompt_tokens_details": {"cached_tokens": 0, "cache_creation_tokens": 0},
        },
    }


def test_a_completion(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="nova", messages=[{"role": "user", "content": "Hi there"}])
    assert answer.to_dict() == completion(answer.id, answer.created, "Hello! You said: Hi there", usage=(3, 5))


async def test_a_completion_with_the_asynchronous_client(async_client: openai.AsyncOpenAI) -> None:
    answer = await async_client.chat.completions.create(model="nova", messages=[{"role": "user", "content": "Hi"}])
    assert answer.to_dict() == completion(answer.id, answer.created, "Hello! You said: Hi", usage=(2, 4))


def test_a_completion_that_is_cut(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(
        model="nova", messages=[{"role": "user", "content": "Hi"}], max_completion_tokens=2
    )
    expected = completion(answer.id, answer.created, "Hello! You ", finish_reason="length", usage=(2, 2))
    assert answer.to_dict() == expected


def test_a_conversation_with_instructions(client: openai.OpenAI, gateway: Gateway) -> None:
    raw = client.chat.completions.with_raw_response.create(
        model="nova",
        messages=[
            {"role": "system", "content": "Be brief."},
            {"role": "developer", "content": "Be kind."},
            {"role": "user", "content": "One"},
            {"role": "assistant", "content": "Two"},
            {"role": "user", "content": "Three"},
        ],
    )
    assert gateway.request(raw.headers["x-amzn-requestid"])["body"] == (
        '{"messages":[{"role":"user","content":[{"text":"One"}]},{"role":"assistant","content":[{"text":"Two"}]},'
        '{"role":"user","content":[{"text":"Three"}]}],"system":[{"text":"Be brief."},{"text":"Be kind."}]}'
    )


def test_an_image(client: openai.OpenAI) -> None:
    parts = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
    ]
    answer = client.chat.completions.create(
        model="anthropic.claude-3-haiku-20240307-v1:0", messages=[{"role": "user", "content": parts}]
    )
    assert answer.choices[0].message.content == "Hello! You said: What is this? I see a png image of 68 bytes."


def test_the_models(client: openai.OpenAI) -> None:
    listed = {model.id: (model.created, model.owned_by) for model in client.models.list()}
    assert listed["us.amazon.nova-micro-v1:0"] == (1733184000, "Amazon")
    owned = [listed[name][1] for name in ("nova", "mutated", "dice", "refused", "forger", "elsewhere")]
    assert owned == ["Envoy AI Gateway"] * 6
    # A rule for any model lists what its backend serves.
    assert "us.anthropic.claude-opus-5-5" in listed


async def test_one_model(async_client: openai.AsyncOpenAI) -> None:
    model = await async_client.models.retrieve("us.amazon.nova-micro-v1:0")
    assert model.to_dict() == {
        "id": "us.amazon.nova-micro-v1:0",
        "object": "model",
        "created": 1733184000,
        "owned_by": "Amazon",
    }


def test_an_answer_has_the_request_ids_of_both_sides(gateway: Gateway) -> None:
    response = gateway.chat()
    sent = dict(gateway.received(response)["headers"])
    assert response.headers["x-request-id"] == sent["x-request-id"]
    assert response.json()["id"] == f"chatcmpl-{response.headers['x-amzn-requestid']}"


def test_dropped_parameters_are_named(gateway: Gateway) -> None:
    response = gateway.chat(seed=1, logit_bias={"50256": -100}, temperature=2)
    assert response.headers["x-aigw-dropped-params"] == "seed, logit_bias, temperature"


def test_nothing_dropped_is_not_mentioned(gateway: Gateway) -> None:
    assert "x-aigw-dropped-params" not in gateway.chat().headers
