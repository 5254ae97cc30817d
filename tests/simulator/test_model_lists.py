"""The lists of models of the control plane."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import boto3
import botocore.exceptions
import pytest
from botocore.config import Config

from aigw_extproc.simulator.model_lists import MODELS, PAGE
from aigw_extproc.simulator.settings import DEMO_ACCESS_KEY_ID, DEMO_REGION, DEMO_SECRET_ACCESS_KEY
from tests.simulator.running import RunningSimulator


def client(simulator: RunningSimulator, secret: str = DEMO_SECRET_ACCESS_KEY) -> Any:
    return boto3.session.Session().client(
        "bedrock",
        endpoint_url=simulator.url,
        region_name=DEMO_REGION,
        aws_access_key_id=DEMO_ACCESS_KEY_ID,
        aws_secret_access_key=secret,
        config=Config(retries={"total_max_attempts": 1}, parameter_validation=False, read_timeout=10),
    )


def code(call: Any, **arguments: Any) -> str:
    with pytest.raises(botocore.exceptions.ClientError) as raised:
        call(**arguments)
    return raised.value.response["Error"]["Code"]


def test_foundation_models_are_those_of_the_table(simulator: RunningSimulator) -> None:
    models = client(simulator).list_foundation_models()["modelSummaries"]
    assert [model["modelId"] for model in models] == [model.id for model in MODELS]
    assert models[1]["modelName"] == "Claude Opus 5.5"
    assert models[1]["inferenceTypesSupported"] == ["INFERENCE_PROFILE"]
    assert models[1]["modelLifecycle"] == {"status": "ACTIVE", "startOfLifeTime": datetime(2026, 9, 22, tzinfo=UTC)}


def test_foundation_models_can_be_filtered(simulator: RunningSimulator) -> None:
    models = client(simulator).list_foundation_models(byProvider="Amazon", byOutputModality="IMAGE")["modelSummaries"]
    assert [model["modelId"] for model in models] == ["amazon.nova-canvas-v1:0"]


def test_inference_profiles_come_in_pages(simulator: RunningSimulator) -> None:
    pages = list(client(simulator).get_paginator("list_inference_profiles").paginate(maxResults=1000))
    profiles = [profile for page in pages for profile in page["inferenceProfileSummaries"]]
    assert [len(page["inferenceProfileSummaries"]) for page in pages][:-1] == [PAGE] * (len(pages) - 1)
    assert [profile["inferenceProfileId"] for profile in profiles] == [
        f"{prefix}.{model.id}" for model in MODELS for prefix in model.profiles
    ]
    assert profiles[0]["inferenceProfileName"] == "US Claude Fable 5.1"


def test_the_simulated_account_has_no_profiles_of_its_own(simulator: RunningSimulator) -> None:
    answer = client(simulator).list_inference_profiles(typeEquals="APPLICATION")
    assert answer["inferenceProfileSummaries"] == []


@pytest.mark.parametrize(
    "query", [{"maxResults": 0}, {"maxResults": 1001}, {"typeEquals": "OTHER"}, {"nextToken": "x"}, {"nextToken": "99"}]
)
def test_a_faulty_query_is_refused(simulator: RunningSimulator, query: dict[str, Any]) -> None:
    assert code(client(simulator).list_inference_profiles, **query) == "ValidationException"


def test_the_signature_is_checked(simulator: RunningSimulator) -> None:
    assert code(client(simulator, "wrong").list_foundation_models) == "InvalidSignatureException"
    assert code(client(simulator, "wrong").list_inference_profiles, maxResults=5) == "InvalidSignatureException"
    assert simulator.client.get(f"{simulator.url}/foundation-models").status_code == 403
