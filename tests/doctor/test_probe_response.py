"""Tests for aigw_extproc.doctor.probe_response and the advice: one row for each error."""

from __future__ import annotations

import pytest

from aigw_extproc.doctor.advice import ADVICE, Stage
from aigw_extproc.doctor.probe_response import MAX_TEXT, ProbeResponse, verdict
from tests.doctor.endpoints import response

MODEL = "anthropic.claude-3-haiku-20240307-v1:0"
DENIED = "User: arn:aws:iam::123456789012:role/r is not authorized to perform: bedrock:InvokeModel on resource: arn:m"


def advise(name: str, message: str, *, model: str = MODEL, region: str = "us-east-1") -> tuple[Stage, str]:
    result = verdict(response(name, message), model=model, region=region)
    return result.stage, result.next_step


@pytest.mark.parametrize(
    ("name", "message", "stage", "beginning"),
    [
        ("UnrecognizedClientException", "The security token…", Stage.CALLER, "AWS does not know this access key"),
        ("InvalidClientTokenId", "", Stage.CALLER, "AWS does not know this access key"),
        ("ExpiredTokenException", "The security token…", Stage.CALLER, "get new temporary credentials"),
        ("InvalidSignatureException", "Signature expired: …", Stage.CALLER, "set this machine's clock"),
        ("InvalidSignatureException", "Signature not yet current: …", Stage.CALLER, "set this machine's clock"),
        (
            "InvalidSignatureException",
            "Credential should be scoped…",
            Stage.CALLER,
            "requests are signed for us-east-1",
        ),
        ("InvalidSignatureException", "does not match", Stage.CALLER, "the secret access key does not belong"),
        ("IncompleteSignature", "", Stage.CALLER, "the secret access key does not belong"),
        ("MissingAuthenticationTokenException", "", Stage.CALLER, "no signature arrived"),
        ("OptInRequired", "", Stage.CALLER, "enable us-east-1"),
        ("AccessDeniedException", "make sure your API Key is valid.", Stage.CALLER, "create a new Bedrock API key"),
        ("AccessDeniedException", DENIED, Stage.ACCESS, "allow bedrock:InvokeModel on arn:m in a policy"),
        (
            "AccessDeniedException",
            f"{DENIED} with an explicit deny in a service control policy",
            Stage.ACCESS,
            "find the policy that denies bedrock:InvokeModel on arn:m",
        ),
        ("AccessDeniedException", "required AWS Marketplace actions", Stage.ACCESS, "subscribe to the model once"),
        ("AccessDeniedException", "marked by provider as Legacy", Stage.MODEL, "the provider is retiring this model"),
        ("AccessDeniedException", "from unsupported countries, …", Stage.ACCESS, "the provider does not serve"),
        (
            "AccessDeniedException",
            "You don't have access",
            Stage.ACCESS,
            f"enable {MODEL} for this account",
        ),
        ("ResourceNotFoundException", "Model use case details have not…", Stage.ACCESS, "fill in Anthropic's"),
        ("ResourceNotFoundException", "reached the end of its life.", Stage.MODEL, "the model is no longer available"),
        ("ResourceNotFoundException", "Could not resolve", Stage.MODEL, "check the spelling"),
        (
            "ValidationException",
            "The provided model identifier is invalid.",
            Stage.MODEL,
            "check the spelling of the model",
        ),
        ("ValidationException", "Operation not allowed", Stage.ACCESS, "AWS has disabled Bedrock for this account"),
        ("ValidationException", "Malformed input request: #: required key", Stage.REACHED, ""),
        ("ThrottlingException", "Too many requests", Stage.RETRY, "wait, or request a higher quota"),
        ("ServiceUnavailableException", "", Stage.RETRY, "wait and run doctor again"),
        ("InternalServerException", "", Stage.RETRY, "wait and run doctor again"),
        (
            "UnknownOperationException",
            "",
            Stage.NOT_BEDROCK,
            "check that the Backend's host is bedrock",
        ),
        ("UnknownException", "", Stage.ACCESS, "look the error up"),
    ],
)
def test_what_to_do(name: str, message: str, stage: Stage, beginning: str) -> None:
    actual, next_step = advise(name, message)
    assert (actual, next_step[: len(beginning)]) == (stage, beginning)
    assert bool(next_step) == (stage is not Stage.REACHED)


@pytest.mark.parametrize("name", ADVICE)
def test_the_last_advice_matches_every_message(name: str) -> None:
    assert ADVICE[name][-1].text.search("")


@pytest.mark.parametrize(
    ("region", "model", "profile"),
    [
        ("us-east-1", "amazon.nova-pro-v1:0", "us.amazon.nova-pro-v1:0"),
        ("eu-west-1", "amazon.nova-pro-v1:0", "eu.amazon.nova-pro-v1:0"),
        ("ap-southeast-2", "amazon.nova-pro-v1:0", "apac.amazon.nova-pro-v1:0"),
        ("us-gov-west-1", "amazon.nova-pro-v1:0", "us-gov.amazon.nova-pro-v1:0"),
        ("sa-east-1", "amazon.nova-pro-v1:0", "global.amazon.nova-pro-v1:0"),
    ],
)
def test_the_suggested_profile(region: str, model: str, profile: str) -> None:
    _, next_step = advise("ValidationException", "on-demand throughput isn't supported", model=model, region=region)
    assert next_step.startswith(f"use an inference profile instead, such as {profile} (")


def test_braces_in_a_message_are_no_placeholders() -> None:
    _, next_step = advise("AccessDeniedException", "perform: bedrock:InvokeModel on resource: arn:{model}")
    assert next_step.startswith("allow bedrock:InvokeModel on arn:{model} in a policy")


def test_a_response_that_is_not_bedrocks() -> None:
    page = ProbeResponse(status=502, headers={}, body=b"<html>", received_at=0.0, seconds=0.1)
    result = verdict(page, model=MODEL, region="us-east-1")
    assert (result.stage, result.detail) == (Stage.NOT_BEDROCK, "status 502 with a body that is not Bedrock's")


def test_a_response_without_an_error() -> None:
    fine = ProbeResponse(status=200, headers={}, body=b"{}", received_at=0.0, seconds=0.1)
    assert verdict(fine, model=MODEL, region="us-east-1").stage is Stage.REACHED


def test_the_name_may_be_in_the_body() -> None:
    body = b'{"__type":"com.amazon.coral.service#UnrecognizedClientException","message":"no"}'
    result = verdict(
        ProbeResponse(status=403, headers={}, body=body, received_at=0.0, seconds=0.1), model=MODEL, region="r"
    )
    assert result.detail == "UnrecognizedClientException: no"


def test_only_the_first_line_of_a_message_is_shown() -> None:
    result = verdict(
        response("InvalidSignatureException", "does not match\n\nPOST\nx"), model=MODEL, region="us-east-1"
    )
    assert result.detail == "InvalidSignatureException: does not match"


def test_a_long_message_is_cut() -> None:
    result = verdict(response("ValidationException", "x" * 1000), model=MODEL, region="us-east-1")
    assert result.detail == f"ValidationException: {'x' * MAX_TEXT}…"
