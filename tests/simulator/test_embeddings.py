"""Embedding models, with a boto3 client."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from aigw_extproc.simulator.embeddings import vector
from tests.simulator.test_operations import call, failure

TITAN, TITAN_1 = "amazon.titan-embed-text-v2%3A0", "amazon.titan-embed-text-v1"
COHERE, COHERE_4 = "cohere.embed-english-v3", "us.cohere.embed-v4%3A0"
NOVA = "amazon.nova-2-multimodal-embeddings-v1%3A0"
NOVA_BODY: dict[str, Any] = {
    "taskType": "SINGLE_EMBEDDING",
    "singleEmbeddingParams": {
        "embeddingPurpose": "CLUSTERING",
        "embeddingDimension": 384,
        "text": {"truncationMode": "NONE", "value": "a"},
    },
}


def test_boto3_gets_an_embedding_and_bedrocks_count(bedrock: Any) -> None:
    answer = bedrock.invoke_model(
        modelId="amazon.titan-embed-text-v2:0", body=json.dumps({"inputText": "two words", "dimensions": 256})
    )
    assert answer["ResponseMetadata"]["HTTPHeaders"]["x-amzn-bedrock-input-token-count"] == "2"
    embedding = vector("two words", 256)
    expected = {"embedding": embedding, "embeddingsByType": {"float": embedding}, "inputTextTokenCount": 2}
    assert json.loads(answer["body"].read()) == expected


def test_a_vector_has_length_one_and_depends_on_the_text() -> None:
    assert math.isclose(math.hypot(*vector("a", 1024)), 1)
    assert vector("a", 256) == vector("a", 256) != vector("b", 256)


def test_titan_v1() -> None:
    assert call("invoke", {"inputText": "a"}, model=TITAN_1) == {
        "embedding": vector("a", 1536),
        "inputTextTokenCount": 1,
    }


def test_cohere_takes_many_texts() -> None:
    answer = call("invoke", {"texts": ["a", "b"], "input_type": "search_query"}, model=COHERE)
    assert answer["embeddings"] == [vector("a", 1024, "search_query"), vector("b", 1024, "search_query")]
    assert answer["response_type"] == "embeddings_floats"


def test_cohere_v4_answers_by_type() -> None:
    body = {"texts": ["a"], "input_type": "clustering", "output_dimension": 512}
    assert call("invoke", body, model=COHERE_4)["embeddings"] == {"float": [vector("a", 512, "clustering")]}


def test_nova() -> None:
    expected = {"embeddings": [{"embeddingType": "TEXT", "embedding": vector("a", 384, "CLUSTERING")}]}
    assert call("invoke", NOVA_BODY, model=NOVA) == expected


REFUSED: dict[str, tuple[str, Any, str]] = {
    "an unknown field": (TITAN_1, {"inputText": "a", "dimensions": 256}, "unknown field `dimensions`"),
    "an unsupported length": (TITAN, {"inputText": "a", "dimensions": 300}, "Invalid enum value 300"),
    "no text": (TITAN, {"inputText": ""}, "Expected `str` of length >= 1"),
    "too many texts": (COHERE, {"texts": ["a"] * 97, "input_type": "clustering"}, "Expected `array` of length <= 96"),
    "a text too long for Cohere": (
        COHERE,
        {"texts": ["a" * 2049], "input_type": "clustering"},
        "Expected `str` of length <= 2048",
    ),
    "no input type": (COHERE, {"texts": ["a"]}, "missing required field `input_type`"),
    "a text too long": (TITAN, {"inputText": "a " * 8193}, "request input token count: 8193"),
    "no parameters": (NOVA, {"taskType": "SINGLE_EMBEDDING"}, "missing required field `singleEmbeddingParams`"),
}


@pytest.mark.parametrize(("model", "body", "why"), REFUSED.values(), ids=REFUSED)
def test_a_body_that_breaks_the_schema_is_refused(model: str, body: Any, why: str) -> None:
    name, message = failure("invoke", body, model=model)
    assert name == "ValidationException"
    assert why in message


@pytest.mark.parametrize(("operation", "why"), [("invoke-with-response-stream", "unsupported for streaming")])
def test_embeddings_do_not_stream(operation: str, why: str) -> None:
    assert why in failure(operation, {"inputText": "a"}, model=TITAN)[1]
