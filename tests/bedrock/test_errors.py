"""Bedrock's errors, mapped to status, type, code and message."""

from __future__ import annotations

import json

import pytest

from aigw_extproc.bedrock.errors import exception_name, from_frame, from_response
from aigw_extproc.bedrock.eventstream import Frame
from aigw_extproc.errors import UpstreamError


def fields(error: UpstreamError | None) -> tuple[int, str, str | None, str]:
    assert error is not None
    return error.status, error.type, error.code, error.message


@pytest.mark.parametrize(
    ("name", "status", "expected"),
    [
        ("ValidationException", 400, (400, "invalid_request_error", None)),
        ("AccessDeniedException", 403, (403, "permission_error", "access_denied_exception")),
        ("UnrecognizedClientException", 403, (401, "authentication_error", "unrecognized_client_exception")),
        ("InvalidSignatureException", 403, (401, "authentication_error", "invalid_signature_exception")),
        ("ExpiredTokenException", 403, (401, "authentication_error", "expired_token_exception")),
        ("ResourceNotFoundException", 404, (404, "not_found_error", "model_not_found")),
        ("ThrottlingException", 429, (429, "rate_limit_error", "throttling_exception")),
        ("ModelNotReadyException", 429, (429, "rate_limit_error", "model_not_ready_exception")),
        ("ServiceQuotaExceededException", 400, (429, "rate_limit_error", "service_quota_exceeded_exception")),
        ("ModelTimeoutException", 408, (504, "timeout_error", None)),
        ("ModelErrorException", 424, (502, "api_error", None)),
        ("ModelStreamErrorException", 424, (502, "api_error", None)),
        ("ServiceUnavailableException", 503, (503, "overloaded_error", None)),
        ("InternalServerException", 500, (500, "api_error", None)),
        ("InternalServerException", 507, (507, "api_error", None)),
        ("BrandNewException", 418, (418, "invalid_request_error", "brand_new_exception")),
        ("BrandNewException", 509, (509, "api_error", "brand_new_exception")),
    ],
)
def test_exceptions(name: str, status: int, expected: tuple[int, str, str | None]) -> None:
    headers = {"x-amzn-errortype": f"{name}:http://internal.amazon.com/coral/x/"}
    assert fields(from_response(status, headers, b'{"message":"m"}')) == (*expected, "m")


@pytest.mark.parametrize(
    "message",
    [
        "Input is too long for requested model.",
        "The model returned the following errors: prompt is too long: 1 tokens > 200000 maximum",
        "Too many input tokens. Max input tokens: 8192",
        "input length and `max_tokens` exceed context limit: 199 + 9 > 200, decrease input length",
        "Input Tokens Exceeded: Number of input tokens exceeds maximum length. Please update the input to try again.",
        "This model's maximum prompt length is 131072 but the request contains 537812 tokens.",
        "Your input exceeds the context window of this model. Please adjust your input and try again.",
        "Prompt contains 65673 tokens and 0 draft tokens, too large for model with 32768 maximum context length",
        "Invalid request: Your request exceeded model token limit: 131072",
        "Requested token count exceeds the model's maximum context length of 262144 tokens.",
        "too many tokens: total number of tokens in the prompt cannot exceed 4096",
        "invalid params, context window exceeds limit (2013)",
        "The input token count (1196265) exceeds the maximum number of tokens allowed (1048575).",
    ],
)
def test_conversation_that_exceeds_the_context_window_has_openais_code(message: str) -> None:
    body = json.dumps({"message": message}).encode()
    error = from_response(400, {"x-amzn-errortype": "ValidationException"}, body)
    assert error.code == "context_length_exceeded"


@pytest.mark.parametrize(
    "message",
    [
        "The maximum tokens you requested exceeds the model limit of 4096. Try again with a lower value.",
        "Invalid 'tools[0].function.name': string too long. Expected a string with maximum length 64.",
        "The image at messages.0.content.0.image exceeds the limit of 3750000 bytes.",
        "The value at toolConfig.tools.0.toolSpec.description is too long.",
    ],
)
def test_another_limit_is_not_that_of_the_context_window(message: str) -> None:
    body = json.dumps({"message": message}).encode()
    assert from_response(400, {"x-amzn-errortype": "ValidationException"}, body).code is None


@pytest.mark.parametrize(
    ("headers", "body", "expected"),
    [
        (
            {},
            b"<html>no</html>",
            (503, "api_error", "upstream_error", "the upstream answered 503 with a body that is not JSON"),
        ),
        ({}, b"", (503, "api_error", "upstream_error", "the upstream answered 503 with a body that is not JSON")),
        ({}, b"[]", (503, "api_error", "upstream_error", "the upstream answered 503 with a body that is not JSON")),
        ({}, b"\xff", (503, "api_error", "upstream_error", "the upstream answered 503 with a body that is not JSON")),
        ({}, b"{}", (503, "api_error", None, "Bedrock answered 503")),
        (
            {"x-amzn-errortype": "ServiceUnavailableException"},
            b'{"Message":"capital"}',
            (503, "overloaded_error", None, "capital"),
        ),
        (
            {},
            b'{"__type":"com.amazon#ThrottlingException","message":"m"}',
            (429, "rate_limit_error", "throttling_exception", "m"),
        ),
    ],
)
def test_bodies(headers: dict[str, str], body: bytes, expected: tuple[int, str, str | None, str]) -> None:
    assert fields(from_response(503, headers, body)) == expected


def test_body_that_is_not_json_has_the_same_type_for_every_status() -> None:
    assert fields(from_response(404, {}, b"<html>no</html>"))[:3] == (404, "api_error", "upstream_error")


def test_error_does_not_quote_the_canonical_request() -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html"""
    sentence = "The request signature we calculated does not match the signature you provided."
    quoted = "The Canonical String for this request should have been\n'POST\n/\n\nx-amz-security-token:secret\n'"
    body = json.dumps({"message": f"{sentence}\n\n{quoted}"}).encode()
    error = from_response(403, {"x-amzn-errortype": "InvalidSignatureException"}, body)
    assert fields(error) == (401, "authentication_error", "invalid_signature_exception", sentence)


@pytest.mark.parametrize(
    "raw",
    ["ThrottlingException", "throttlingException", "a.b#ThrottlingException:http://x", "Throttling", " throttling "],
)
def test_spellings_of_exception_names(raw: str) -> None:
    assert exception_name(raw) == "ThrottlingException"


@pytest.mark.parametrize(
    ("headers", "payload", "expected"),
    [
        (
            {":message-type": "exception", ":exception-type": "throttlingException"},
            b'{"message":"m"}',
            (429, "rate_limit_error", "throttling_exception", "m"),
        ),
        (
            {":message-type": "exception", ":exception-type": "ModelStreamErrorException"},
            b"not json",
            (502, "api_error", None, "ModelStreamErrorException"),
        ),
        (
            {":message-type": "Exception", ":exception-type": "throttlingException"},
            b'{"message":"m"}',
            (429, "rate_limit_error", "throttling_exception", "m"),
        ),
        ({":message-type": "exception"}, b"", (502, "api_error", None, "the stream failed")),
        (
            {":message-type": "error", ":error-code": "InternalServer", ":error-message": "m"},
            b"",
            (500, "api_error", None, "m"),
        ),
    ],
)
def test_frames_that_are_errors(
    headers: dict[str, bool | int | bytes | str], payload: bytes, expected: tuple[int, str, str | None, str]
) -> None:
    assert fields(from_frame(Frame(headers, payload))) == expected


def test_event_is_not_an_error() -> None:
    assert from_frame(Frame({":message-type": "event", ":event-type": "messageStop"}, b"{}")) is None
