"""Properties of every image request and answer."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from aigw_extproc.errors import GatewayError, InvalidRequest
from aigw_extproc.openai import images
from aigw_extproc.simulator.converse_request import Conversation
from aigw_extproc.simulator.invoke_formats import invoke_format_of
from aigw_extproc.simulator.prompt import ModelPrompt, ModelReply
from aigw_extproc.translate.contract import ResponseContext, UpstreamResponse
from aigw_extproc.translate.invoke.images.answer import ImagesAnswer
from tests.translate.buffered_goldens import bodies, upstream_request
from tests.translate.strategies import mostly

CONTEXT = ResponseContext(request_id="R", created=1)
MODELS = ("amazon.nova-canvas-v1:0", "amazon.titan-image-generator-v2:0", "stability.sd3-5-large-v1:0")
requests = st.fixed_dictionaries(
    {
        "model": mostly(st.sampled_from(MODELS), st.just("amazon.nova-micro-v1:0")),
        "prompt": mostly(st.text(min_size=1, max_size=9).map(lambda text: f"{text}?"), st.sampled_from(["", " "])),
    },
    optional={
        "n": mostly(st.integers(1, 10) | st.none(), st.sampled_from([0, 11])),
        "size": mostly(st.sampled_from(["1024x1024", "1024x1536", "auto", None]), st.sampled_from(["0x1", "big"])),
        "quality": mostly(st.sampled_from(["hd", "low", "auto", None]), st.just("best")),
        "output_format": st.sampled_from(["png", "png", "jpeg", "webp", None]),
        "response_format": mostly(st.just("b64_json"), st.just("url")),
        "style": st.just("vivid"),
    },
)


def no_model(_: ModelPrompt) -> ModelReply:
    raise AssertionError("image models do not reply")


def no_cache(_: Conversation) -> None:
    raise AssertionError("nothing is cached")


@given(requests)
def test_a_request_is_translated_to_a_valid_one_or_refused_with_a_fields_path(request: Any) -> None:
    try:
        upstream = upstream_request("/v1/images/generations", request)
    except InvalidRequest as error:
        assert error.param in request
        return
    family = invoke_format_of(request["model"])
    answers = [
        UpstreamResponse(status=200, headers={}, body=json.dumps(made.body).encode())
        for made in (family.invoke(request["model"], body, no_model, no_cache) for body in bodies(upstream))
    ]
    assert isinstance(upstream.answer, ImagesAnswer)
    answer = json.loads(upstream.answer.translate_batch(answers, CONTEXT).body)
    assert len(answer["data"]) == (request.get("n") or 1)


@given(st.binary(max_size=200))
def test_any_bytes_are_parsed_or_refused(body: bytes) -> None:
    try:
        images.parse(body)
    except InvalidRequest as error:
        assert error.status == 400


@given(st.recursive(st.none() | st.floats() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)))
def test_any_json_from_upstream_is_a_502(value: Any) -> None:
    try:
        ImagesAnswer().translate_response(json.dumps(value).encode(), CONTEXT)
    except GatewayError as error:
        assert error.status == 502
    else:
        raise AssertionError(value)
