"""Images with OpenAI's SDK through the whole gateway."""

from __future__ import annotations

from collections.abc import Iterator

import openai
import pytest

from aigw_extproc.simulator.images import pixel
from tests.gateway.conftest import SDK_OPTIONS, NewGateway
from tests.gateway.resources import backend, ref, route, rule
from tests.simulator.running import RunningSimulator

NOVA, STABILITY = "amazon.nova-canvas-v1:0", "stability.stable-image-core-v1:1"


@pytest.fixture(scope="module")
def client(simulator: RunningSimulator, start_gateway: NewGateway) -> Iterator[openai.OpenAI]:
    documents = (route("images", rule(ref(), model=r"~.*")), *backend("bedrock", simulator.port))
    gateway = start_gateway(*documents, simulator=simulator)
    with openai.OpenAI(base_url=f"{gateway.url}/v1", **SDK_OPTIONS) as connected:
        yield connected
    gateway.wait_until_idle()
    assert gateway.processor.metric("aigw_defects_total") == 0


def made(client: openai.OpenAI, model: str, n: int, prompt: str = "A cat") -> list[str | None]:
    return [image.b64_json for image in client.images.generate(model=model, prompt=prompt, n=n).data or []]


def test_images_of_one_call(client: openai.OpenAI) -> None:
    assert made(client, NOVA, 2) == [pixel("12.0 A cat"), pixel("12.1 A cat")]


def test_images_of_several_calls(client: openai.OpenAI) -> None:
    """Each image is another one: the later calls have seeds of their own."""
    first = [pixel(f"12.{number} A cat") for number in range(5)]
    assert made(client, NOVA, 7) == [*first, pixel("100000007.0 A cat"), pixel("100000007.1 A cat")]


def test_stability_makes_one_at_a_time(client: openai.OpenAI) -> None:
    assert made(client, STABILITY, 3) == [pixel("A cat")] * 3


@pytest.mark.parametrize("model", [NOVA, STABILITY])
def test_what_a_filter_stops(client: openai.OpenAI, model: str) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        made(client, model, 1, "What is forbidden")
    assert caught.value.code == "content_policy_violation"


def test_a_size_that_the_model_does_not_take_is_told_in_its_own_words(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.images.generate(model=NOVA, prompt="A cat", size="100x100")  # type: ignore[call-overload] # on purpose
    assert "width" in str(caught.value)
