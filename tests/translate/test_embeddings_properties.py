"""Properties of every embeddings request and answer."""

from __future__ import annotations

import base64
import json
import struct
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from aigw_extproc.errors import GatewayError, InvalidRequest, InvalidUpstreamResponse
from aigw_extproc.openai import embeddings
from aigw_extproc.simulator.converse_request import Conversation
from aigw_extproc.simulator.invoke_formats import invoke_format_of
from aigw_extproc.simulator.prompt import ModelPrompt, ModelReply
from aigw_extproc.translate.contract import ResponseContext, UpstreamResponse
from aigw_extproc.translate.invoke.embeddings.answer import EmbeddingsAnswer
from aigw_extproc.translate.invoke.embeddings.formats import FORMATS
from tests.translate.buffered_goldens import bodies, upstream_request
from tests.translate.strategies import mostly

CONTEXT = ResponseContext(request_id="R", created=1)
MODELS = (
    "amazon.titan-embed-text-v1",
    "amazon.titan-embed-text-v2:0",
    "cohere.embed-multilingual-v3",
    "us.cohere.embed-v4:0",
    "amazon.nova-2-multimodal-embeddings-v1:0",
)
texts = st.text(min_size=1, max_size=8)
inputs = mostly(
    texts | st.lists(texts, min_size=1, max_size=8) | st.just(["t"] * 97),
    st.sampled_from(["", [], ["a", ""], [1, 2], [[1], [2]], ["t"] * 2049]),
)
requests = st.fixed_dictionaries(
    {"model": mostly(st.sampled_from(MODELS), st.just("amazon.nova-micro-v1:0")), "input": inputs},
    optional={
        "encoding_format": st.sampled_from(["float", "base64", None]),
        "dimensions": mostly(st.sampled_from([None, 256, 512, 1024]), st.integers(-1, 5000)),
        "input_type": st.sampled_from(["search_document", "search_query", "classification", "clustering", None]),
        "user": texts,
        "other": texts,
    },
)


def no_model(_: ModelPrompt) -> ModelReply:
    raise AssertionError("embedding models do not reply")


def no_cache(_: Conversation) -> None:
    raise AssertionError("nothing is cached")


@given(requests)
def test_a_request_is_translated_to_a_valid_one_or_refused_with_a_fields_path(request: Any) -> None:
    try:
        upstream = upstream_request("/v1/embeddings", request)
    except InvalidRequest as error:
        assert error.param
        assert error.param.split("[")[0] in request
        return
    family = invoke_format_of(request["model"])
    answers = [
        UpstreamResponse(status=200, headers=invoked.headers, body=json.dumps(invoked.body).encode())
        for invoked in (family.invoke(request["model"], body, no_model, no_cache) for body in bodies(upstream))
    ]
    assert isinstance(upstream.answer, EmbeddingsAnswer)
    answer = json.loads(upstream.answer.translate_batch(answers, CONTEXT).body)
    texts = [request["input"]] if isinstance(request["input"], str) else request["input"]
    assert [one["index"] for one in answer["data"]] == list(range(len(texts)))


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1))
def test_base64_decodes_to_the_same_vector(vector: list[float]) -> None:
    answer = EmbeddingsAnswer(model="m", format="titan", base64=True, sizes=(1,))
    body = json.dumps({"embedding": vector, "inputTextTokenCount": 1}).encode()
    data = json.loads(answer.translate_response(body, CONTEXT).body)["data"][0]["embedding"]
    assert list(struct.unpack(f"<{len(vector)}f", base64.b64decode(data))) == vector


@given(st.binary(max_size=200))
def test_any_bytes_are_parsed_or_refused(body: bytes) -> None:
    try:
        embeddings.parse(body)
    except InvalidRequest as error:
        assert error.status == 400


@given(
    st.sampled_from(sorted(FORMATS)),
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    ),
)
def test_any_json_from_upstream_is_a_502(family: str, value: Any) -> None:
    answer = EmbeddingsAnswer(model="m", format=family, base64=True, sizes=(1,))
    try:
        answer.translate_response(json.dumps(value).encode(), CONTEXT)
    except GatewayError as error:
        assert isinstance(error, InvalidUpstreamResponse)
    else:
        raise AssertionError(value)
