"""Selection of faults, and their effect on a response. test_delivery has their effect on the wire."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from aigw_extproc.simulator import http_messages
from aigw_extproc.simulator.errors import ServiceError
from aigw_extproc.simulator.faults import FAULTS, NO_FAULT, Fault, list_faults, selected_fault
from aigw_extproc.simulator.http_messages import AwaitAcknowledgement, Pause, Reset
from aigw_extproc.simulator.operations import respond
from aigw_extproc.simulator.settings import Settings
from tests.simulator.signing import HELLO, NOW, signed

SETTINGS = Settings(clock=NOW.timestamp)
STREAM = http_messages.stream([b"one", b"two", b"three"])


def converse(fault: str) -> http_messages.HttpResponse:
    return respond(signed(path=f"/model/simulator.{fault}/converse"), SETTINGS)


def outcome(response: http_messages.HttpResponse) -> tuple[int, str, Any]:
    headers = dict(response.headers)
    body = b"".join(step for step in response.steps if isinstance(step, bytes))
    return response.status, headers["x-amzn-errortype"].partition(":")[0], json.loads(body)["message"]


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("throttling", (429, "ThrottlingException", "Too many requests, please wait before trying again.")),
        ("validation", (400, "ValidationException", "The provided request is not valid.")),
        ("too-long", (400, "ValidationException", "Input is too long for requested model.")),
        (
            "access-denied",
            (403, "AccessDeniedException", "You don't have access to the model with the specified model ID."),
        ),
        (
            "not-found",
            (
                404,
                "ResourceNotFoundException",
                "Could not resolve the foundation model from the provided model identifier.",
            ),
        ),
        (
            "timeout",
            (
                408,
                "ModelTimeoutException",
                "Model has timed out in processing the request. Try your request again.",
            ),
        ),
        (
            "model-error",
            (424, "ModelErrorException", "The model encountered an error while processing the request."),
        ),
        (
            "internal",
            (
                500,
                "InternalServerException",
                "The system encountered an unexpected error during processing. Try your request again.",
            ),
        ),
        ("unavailable", (503, "ServiceUnavailableException", "Bedrock is unable to process your request.")),
        (
            "not-ready",
            (429, "ModelNotReadyException", "Model is not ready for inference. Try your request again."),
        ),
        (
            "quota",
            (400, "ServiceQuotaExceededException", "Your request exceeds the service quota for your account."),
        ),
    ],
)
def test_errors_have_their_status_name_and_text(fault: str, expected: tuple[int, str, str]) -> None:
    assert outcome(converse(fault)) == expected


def test_throttling_has_a_retry_after_header() -> None:
    assert dict(converse("throttling-30").headers)["retry-after"] == "30"


def test_an_error_type_has_the_real_suffix() -> None:
    assert dict(converse("validation").headers)["x-amzn-errortype"] == (
        "ValidationException:http://internal.amazon.com/coral/com.amazon.bedrock/"
    )


@pytest.mark.parametrize(
    ("fault", "status", "content_type", "body"),
    [
        (
            "html",
            502,
            "text/html",
            b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>",
        ),
        ("no-output", 200, "application/json", b'{"stopReason":"end_turn"}'),
        ("not-json", 200, "text/plain", b"this is not JSON"),
    ],
)
def test_responses_that_are_not_bedrocks(fault: str, status: int, content_type: str, body: bytes) -> None:
    headers = (("content-type", content_type), ("content-length", str(len(body))))
    assert converse(fault) == http_messages.HttpResponse(status=status, headers=headers, steps=(body,))


def test_an_empty_body() -> None:
    assert converse("empty") == http_messages.HttpResponse(
        status=500, headers=(("content-type", "application/json"), ("content-length", "0")), steps=()
    )


def disturbed(
    name: str, parameter: int, response: http_messages.HttpResponse = STREAM
) -> tuple[http_messages.Step, ...]:
    return FAULTS[name].disturb(response, parameter).steps


def test_truncated_ends_after_some_frames() -> None:
    assert disturbed("truncated", 2) == (b"one", b"two")


def test_reset_comes_after_some_frames() -> None:
    assert disturbed("reset", 1) == (b"one", Pause(seconds=0.1), Reset())


def test_early_close_sends_nothing() -> None:
    assert disturbed("early-close", 0) == (Reset(),)


def test_corrupt_crc_flips_the_last_byte_of_one_frame() -> None:
    assert disturbed("corrupt-crc", 2) == (b"one", b"tw\x90", b"three")


def test_slow_pauses_before_every_frame() -> None:
    pause = Pause(seconds=0.25)
    assert disturbed("slow", 250) == (
        pause,
        b"one",
        pause,
        b"two",
        pause,
        b"three",
    )


def test_hold_waits_before_every_frame_but_the_first() -> None:
    assert disturbed("hold", 0) == (
        b"one",
        AwaitAcknowledgement(),
        b"two",
        AwaitAcknowledgement(),
        b"three",
    )


def test_hang_waits_before_everything() -> None:
    assert disturbed("hang", 0)[:2] == (AwaitAcknowledgement(), b"one")


def test_split_cuts_across_frames() -> None:
    pieces = [step for step in disturbed("split", 4) if isinstance(step, bytes)]
    assert pieces == [b"onet", b"woth", b"ree"]


def test_a_stream_exception_ends_the_stream() -> None:
    first, pause, exception = disturbed("stream-exception", 1)
    assert (first, pause) == (b"one", Pause(seconds=0.1))
    assert isinstance(exception, bytes)
    assert b"modelStreamErrorException" in exception


def test_a_buffered_response_is_truncated_in_its_middle() -> None:
    assert disturbed("truncated", 4, http_messages.buffered(b"123456")) == (b"123",)


def test_a_buffered_response_is_reset_in_its_middle_with_the_full_content_length() -> None:
    response = FAULTS["reset"].disturb(http_messages.buffered(b"123456"), 4)
    assert response.steps == (b"123", Pause(seconds=0.1), Reset())
    assert dict(response.headers)["content-length"] == "6"


def test_a_stream_exception_makes_a_buffered_response_fail() -> None:
    assert outcome(converse("stream-exception")) == (
        424,
        "ModelStreamErrorException",
        "The model failed while it was streaming.",
    )


def test_a_buffered_response_has_no_checksum_to_corrupt() -> None:
    response = http_messages.buffered(b"{}")
    assert FAULTS["corrupt-crc"].disturb(response, 3) == response


def test_long_has_as_many_tokens_as_its_parameter() -> None:
    (body,) = converse("long-12").steps
    assert isinstance(body, bytes)
    assert json.loads(body)["usage"]["outputTokens"] == 12


@pytest.mark.parametrize(
    ("model_id", "header", "fault"),
    [
        ("anthropic.claude-v2", None, NO_FAULT),
        ("simulator.slow", None, replace(FAULTS["slow"], parameter=50)),
        ("simulator.slow-7", None, replace(FAULTS["slow"], parameter=7)),
        ("simulator.stream-exception-first", None, replace(FAULTS["stream-exception-first"], parameter=0)),
        ("simulator.stream-exception-2", None, replace(FAULTS["stream-exception"], parameter=2)),
        ("anthropic.claude-v2", "reset-1", replace(FAULTS["reset"], parameter=1)),
        ("simulator.slow", "html", replace(FAULTS["html"], parameter=0)),
    ],
)
def test_a_fault_is_selected_by_model_or_header(model_id: str, header: str | None, fault: Fault) -> None:
    assert selected_fault(model_id, header) == fault


def test_a_parameter_of_zero_is_valid() -> None:
    assert selected_fault("simulator.reset-0", None) == replace(FAULTS["reset"], parameter=0)


def test_an_unknown_fault_is_an_error() -> None:
    with pytest.raises(ServiceError) as caught:
        selected_fault("simulator.typo", None)
    assert (caught.value.status, caught.value.message) == (
        404,
        "The simulator has no fault named typo: see GET /simulator/faults",
    )


def test_a_wrong_request_gets_its_own_error_under_a_fault() -> None:
    body = {**HELLO, "stream": True}
    response = respond(signed(body, path="/model/simulator.throttling/converse"), SETTINGS)
    assert outcome(response) == (
        400,
        "ValidationException",
        "1 validation error detected: Value at 'stream' failed to satisfy constraint: Member is not known",
    )


def test_every_fault_is_listed() -> None:
    assert [row["model"] for row in list_faults()] == [f"simulator.{name}" for name in FAULTS]


@pytest.mark.parametrize(
    ("fault", "refused"),
    [
        ("access-denied", "AccessDeniedException"),
        ("not-found", "ResourceNotFoundException"),
        ("throttling", "ThrottlingException"),
    ],
)
def test_a_model_that_may_not_be_used_is_refused_before_its_request_is_read(fault: str, refused: str) -> None:
    _, name, _ = outcome(respond(signed({}, path=f"/model/simulator.{fault}/invoke"), SETTINGS))
    assert name == refused
