"""Reranking models, with a boto3 client."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.simulator.test_operations import failure

AMAZON, COHERE = "amazon.rerank-v1%3A0", "cohere.rerank-v3-5%3A0"
BODY: dict[str, Any] = {"query": "cat purrs", "documents": ["a dog", "a cat"]}


def test_boto3_gets_a_ranking(bedrock: Any) -> None:
    answer = bedrock.invoke_model(modelId="amazon.rerank-v1:0", body=json.dumps(BODY))
    assert json.loads(answer["body"].read()) == {
        "results": [{"index": 1, "relevance_score": 0.5}, {"index": 0, "relevance_score": 0.0}]
    }


REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "more results than documents": (AMAZON, {"top_n": 3}, "top_n must not be greater"),
    "a field of Cohere's": (AMAZON, {"api_version": 2}, "unknown field `api_version`"),
    "no version": (COHERE, {}, "missing required field `api_version`"),
    "no documents": (COHERE, {"documents": [], "api_version": 2}, "Expected `array` of length >= 1"),
}


@pytest.mark.parametrize(("model", "more", "why"), REFUSED.values(), ids=REFUSED)
def test_a_body_that_breaks_the_schema_is_refused(model: str, more: dict[str, Any], why: str) -> None:
    assert why in failure("invoke", BODY | more, model=model)[1]
