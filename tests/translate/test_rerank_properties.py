"""Properties of every rerank request and answer."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from aigw_extproc.errors import GatewayError, InvalidRequest
from aigw_extproc.openai import rerank
from aigw_extproc.simulator.converse_request import Conversation
from aigw_extproc.simulator.invoke_formats import invoke_format_of
from aigw_extproc.simulator.prompt import ModelPrompt, ModelReply
from aigw_extproc.translate.contract import ResponseContext
from aigw_extproc.translate.invoke.rerank.answer import RerankAnswer
from tests.translate.buffered_goldens import upstream_request
from tests.translate.strategies import mostly

CONTEXT = ResponseContext(request_id="R", created=1)
texts = st.text(min_size=1, max_size=8)
documents = texts | texts.map(lambda text: {"text": text})
requests = st.fixed_dictionaries(
    {
        "model": mostly(
            st.sampled_from(["amazon.rerank-v1:0", "cohere.rerank-v3-5:0"]), st.just("amazon.nova-micro-v1:0")
        ),
        "query": mostly(texts.map(lambda text: f"{text}?"), st.sampled_from(["", " "])),
        "documents": mostly(st.lists(documents, min_size=1, max_size=9), st.sampled_from([[], ["a", ""], [{}]])),
    },
    optional={
        "top_n": mostly(st.integers(1, 20) | st.none(), st.integers(-1, 0)),
        "return_documents": st.booleans(),
        "max_tokens_per_doc": st.integers(1, 100),
        "other": texts,
    },
)


def no_model(_: ModelPrompt) -> ModelReply:
    raise AssertionError("rerank models do not reply")


def no_cache(_: Conversation) -> None:
    raise AssertionError("nothing is cached")


@given(requests)
def test_a_request_is_translated_to_a_valid_one_or_refused_with_a_fields_path(request: Any) -> None:
    try:
        upstream = upstream_request("/v1/rerank", request)
    except InvalidRequest as error:
        assert error.param
        assert error.param.split("[")[0] in request
        return
    ranked = invoke_format_of(request["model"]).invoke(request["model"], upstream.body, no_model, no_cache)
    answer = json.loads(upstream.answer.translate_response(json.dumps(ranked.body).encode(), CONTEXT).body)
    wanted = min(request.get("top_n") or len(request["documents"]), len(request["documents"]))
    assert len(answer["results"]) == wanted


@given(st.binary(max_size=200))
def test_any_bytes_are_parsed_or_refused(body: bytes) -> None:
    try:
        rerank.parse(body)
    except InvalidRequest as error:
        assert error.status == 400


@given(st.recursive(st.none() | st.floats() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)))
def test_any_json_from_upstream_is_a_502(value: Any) -> None:
    answer = RerankAnswer(model="m", count=1, documents=None)
    try:
        answer.translate_response(json.dumps(value).encode(), CONTEXT)
    except GatewayError as error:
        assert error.status == 502
    else:
        raise AssertionError(value)
