"""Attempts: exchanges of one backend of a rule, which say when Envoy is to try another."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from aigw_extproc.config.snapshot import Backend, Rule, Schema, Snapshot
from aigw_extproc.config.traffic import Failover, Retry
from aigw_extproc.errors import CredentialsUnavailable, GatewayError, InternalError, Overloaded
from aigw_extproc.exchange.machine import Exchange
from aigw_extproc.exchange.messages import (
    Action,
    AttemptHeaders,
    Begin,
    Chunk,
    Continue,
    Delegate,
    ForwardRequest,
    Keep,
    NeedStored,
    PassHeaders,
    Reply,
    RequestBody,
    RequestHeaders,
    ResponseBody,
    ResponseHeaders,
    StoredReady,
    Wait,
)
from aigw_extproc.routing import Router
from aigw_extproc.simulator.frames import exception
from aigw_extproc.translate.contract import Stored
from tests.test_exchange import BACKEND, BODY, NOW, POST, STREAM_BODY, request, send
from tests.test_stored import COMPLETE, EVENTS
from tests.translate.goldens import frames

RETRY = ("x-ai-eg-retry", "1")
ANSWERED = ("x-ai-eg-answered", BACKEND.name)
STREAM = "application/vnd.amazon.eventstream"
DEFAULT = Retry(retries=1)
POLICY = Retry(
    retries=5, triggers=frozenset({"connect-failure", "retriable-status-codes"}), status_codes=frozenset({500})
)
"""That of the reference's example."""


def attempt(retry: Retry = DEFAULT, *backends: Backend, keeps: bool = False, **headers: str) -> Exchange:
    """An exchange of an attempt at the first backend."""
    used = backends or (BACKEND, BACKEND)
    hosts = tuple(f"{index}.attempt" for index, _ in enumerate(used))
    failover = Failover(cluster="r", hosts=hosts, retry=retry)
    rule = Rule(name="default/r/rule/0", backends=used, owned_by="us", created=7, failover=failover)
    machine = Exchange(Router(Snapshot(rules=(rule,), buffer_limit=1000)), pick=0.0, keeps=keeps)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    assert send(machine, AttemptHeaders(POST | {"x-ai-eg-model": "m"} | named, "0.attempt")) == Continue()
    return machine


def sent(body: bytes = BODY, retry: Retry = DEFAULT) -> Exchange:
    machine = attempt(retry)
    assert isinstance(send(machine, RequestBody(body)), ForwardRequest)
    return machine


def headers(status: int = 200, content_type: str = "application/json", **others: str) -> ResponseHeaders:
    named = {name.replace("_", "-"): value for name, value in others.items()}
    return ResponseHeaders({":status": str(status), "content-type": content_type, **named}, end_of_stream=False)


def last(body: bytes) -> ResponseBody:
    return ResponseBody(body, end_of_stream=True)


def marks(action: Action) -> dict[str, str]:
    """The headers for Envoy and the request's own exchange."""
    assert isinstance(action, (Reply, PassHeaders))
    pairs = action.headers if isinstance(action, Reply) else action.set_headers
    return {name: value for name, value in pairs if name.startswith("x-ai-eg-")}


def test_a_request_is_delegated_as_it_is() -> None:
    failover = Failover(cluster="default/r/rule/0", hosts=("0.attempt",), retry=DEFAULT)
    rule = Rule(name="r", backends=(BACKEND,), owned_by="us", created=7, failover=failover)
    machine = Exchange(Router(Snapshot(rules=(rule,))), pick=0.0)
    assert send(machine, *request()) == Delegate(
        set_headers=(("x-ai-eg-model", "m"), ("x-ai-eg-backend", "default/r/rule/0"), ("x-ai-eg-attempts", "true")),
        rule="default/r/rule/0",
        model="m",
    )
    action = send(machine, headers(503, x_ai_eg_code="some_code", x_ai_eg_answered="b"))
    internal = ("x-ai-eg-retry", "x-ai-eg-broken", "x-ai-eg-code", "x-ai-eg-answered", "x-aigw-local-reply")
    assert action == PassHeaders(remove_headers=internal, backend="b", final=True)
    assert (machine.outcome.status, machine.outcome.code, machine.outcome.backend) == (503, "some_code", None)


def test_an_attempt_forwards_the_request_without_retries_of_its_own() -> None:
    action = send(attempt(DEFAULT, x_ai_eg_client="team-a", x_ai_eg_identity_x_user="u"), RequestBody(BODY))
    assert isinstance(action, ForwardRequest)
    assert {("x-envoy-max-retries", "0"), ("x-user", "u"), ("x-ai-eg-model", "m")} <= set(action.set_headers)
    assert {"x-ai-eg-client", "x-ai-eg-identity-x-user"} <= set(action.remove_headers)
    assert action.client == "team-a"


def test_a_whole_answer_waits_for_its_end() -> None:
    machine = sent()
    body = b'{"output":{"message":{"role":"assistant","content":[{"text":"Hi"}]}},"stopReason":"end_turn","usage":'
    assert send(machine, headers(x_amzn_requestid="R")) == Wait()
    assert send(machine, ResponseBody(body, end_of_stream=False)) == Wait()
    action = send(machine, last(b'{"inputTokens":1,"outputTokens":2,"totalTokens":3}}'))
    assert isinstance(action, Reply)
    assert (action.status, action.details, b"Hi" in action.body) == (200, "aigw_answer", True)
    ids = (("x-amzn-requestid", "R"), ("x-request-id", "our-id"))
    assert action.headers == (("content-type", "application/json"), *ids, ANSWERED)
    assert machine.outcome.usage is not None


def test_an_answer_of_which_too_much_would_be_held() -> None:
    machine = sent()
    send(machine, headers())
    action = send(machine, ResponseBody(b"x" * 1001, end_of_stream=False))
    assert isinstance(action, Reply)
    assert (action.status, marks(action)) == (502, {"x-ai-eg-code": "upstream_error", **dict([ANSWERED])})


@pytest.mark.parametrize(
    ("retry", "status", "again"),
    [(DEFAULT, status, True) for status in (429, 503, 529)]
    + [(DEFAULT, status, False) for status in (400, 403, 404, 409, 500, 502, 504)]
    + [(POLICY, 500, True), (POLICY, 429, False), (POLICY, 503, False)]
    + [(replace(DEFAULT, triggers=frozenset({"5xx"})), status, status >= 500) for status in (429, 500, 503)]
    + [(replace(DEFAULT, triggers=frozenset({"gateway-error"})), status, status != 500) for status in (500, 502, 504)]
    + [(replace(DEFAULT, triggers=frozenset({"retriable-4xx"})), status, status == 409) for status in (409, 429)],
)
def test_an_error_is_tried_again_by_its_status(retry: Retry, status: int, again: bool) -> None:
    machine = sent(retry=retry)
    assert send(machine, headers(status)) == Wait()
    action = send(machine, last(b'{"message":"no"}'))
    assert isinstance(action, Reply)
    assert (action.status, RETRY in action.headers) == (status, again)


@pytest.mark.parametrize(
    ("retry", "status", "flags", "again"),
    [
        (DEFAULT, 503, "UF", True),
        (DEFAULT, 503, "UC", True),
        (DEFAULT, 503, "NC", True),
        (DEFAULT, 504, "UT", False),
        (DEFAULT, 504, "SI", False),
        (POLICY, 503, "UF", True),
        (POLICY, 503, "UC", False),
        (replace(DEFAULT, triggers=frozenset({"reset"})), 503, "UF,URX", True),
        (replace(DEFAULT, triggers=frozenset({"gateway-error"})), 504, "UT", True),
        (replace(DEFAULT, triggers=frozenset({"retriable-status-codes"})), 503, "UC", False),
    ],
)
def test_a_reply_of_envoys_is_tried_again_by_its_flags(retry: Retry, status: int, flags: str, again: bool) -> None:
    machine = sent(retry=retry)
    action = send(machine, headers(status, x_aigw_local_reply=f"{flags} gone"))
    said = (ANSWERED, ("x-ai-eg-code", "gone"))
    expected = (RETRY, *said) if again else said
    assert action == PassHeaders(set_headers=expected, remove_headers=("x-aigw-local-reply",))
    assert send(machine, last(b"body")) == Chunk(body=b"body", final=True)
    assert (machine.outcome.status, machine.outcome.code) == (status, "gone")


@pytest.mark.parametrize(
    ("name", "status", "again"),
    [
        ("throttlingException", 429, True),
        ("serviceUnavailableException", 503, True),
        ("validationException", 400, False),
        ("modelStreamErrorException", 502, False),
    ],
)
def test_an_exception_in_the_first_frame_is_an_answer_with_its_status(name: str, status: int, again: bool) -> None:
    machine = sent(STREAM_BODY)
    assert send(machine, headers(content_type=STREAM)) == Wait()
    action = send(machine, ResponseBody(exception(name, "no"), end_of_stream=False))
    assert isinstance(action, Reply)
    assert (action.status, RETRY in action.headers) == (status, again)


def test_a_stream_begins_with_its_first_piece() -> None:
    machine = sent(STREAM_BODY)
    assert send(machine, headers(content_type=STREAM)) == Wait()
    data = frames([["messageStart", {"role": "assistant"}]])
    assert send(machine, ResponseBody(data[:5], end_of_stream=False)) == Wait()
    action = send(machine, ResponseBody(data[5:], end_of_stream=False))
    assert isinstance(action, Begin)
    assert dict(action.start.set_headers)["content-type"] == "text/event-stream"
    assert action.chunk.body.startswith(b"data: ")
    after = send(machine, ResponseBody(exception("throttlingException", "no"), end_of_stream=False))
    assert isinstance(after, Chunk)
    assert b"error" in after.body


@pytest.mark.parametrize("data", [b"", b"x" * 99], ids=["nothing", "no frames"])
def test_a_stream_that_breaks_before_its_first_piece_is_tried_again(data: bytes) -> None:
    machine = sent(STREAM_BODY)
    send(machine, headers(content_type=STREAM))
    action = send(machine, last(data))
    assert isinstance(action, Reply)
    assert (action.status, RETRY in action.headers) == (502, True)


OPENAI = replace(BACKEND, schema=Schema(name="OpenAI", prefix="/v1"), auth=None)
UNFIT = b'{"model":"m","messages":[{"role":"user","content":3}]}'


@pytest.mark.parametrize(("second", "again"), [(OPENAI, True), (BACKEND, False)], ids=["another schema", "the same"])
def test_a_request_that_the_first_schema_refuses(second: Backend, again: bool) -> None:
    action = send(attempt(DEFAULT, BACKEND, second), RequestBody(UNFIT))
    assert isinstance(action, Reply)
    assert (action.status, RETRY in action.headers) == (400, again)


@pytest.mark.parametrize(
    ("failure", "again"),
    [(CredentialsUnavailable("none"), True), (Overloaded("full"), False), (InternalError(), False)],
    ids=lambda value: type(value).__name__,
)
def test_what_fails_in_the_gateway(failure: GatewayError, again: bool) -> None:
    machine = attempt()
    action: Any = machine.fail(failure)
    assert (action.status, RETRY in action.headers) == (failure.status, again)


def test_a_backend_that_is_no_longer_known() -> None:
    machine = Exchange(Router(Snapshot(rules=())), pick=0.0)
    action = machine.receive(AttemptHeaders(POST | {"x-ai-eg-model": "m"}, "gone.attempt"), now=NOW)
    assert isinstance(action, Reply)
    assert action.status == 503


def test_an_attempt_stores_a_response_of_the_client_who_delegated_it() -> None:
    for stream, content_type, body in ((False, "application/json", COMPLETE), (True, STREAM, EVENTS)):
        machine = attempt(keeps=True, **{":path": "/v1/responses", "x-ai-eg-owner": "o"})
        asked = json.dumps({"model": "m", "input": "Hi", "stream": stream}).encode()
        assert send(machine, RequestBody(asked)) == NeedStored(owner="o", ids=())
        assert isinstance(send(machine, StoredReady(Stored(new_id="1"))), ForwardRequest)
        assert send(machine, headers(content_type=content_type)) == Wait()
        action = send(machine, last(body))
        assert isinstance(action, Keep)
        assert (action.owner, action.response.id) == ("o", "resp_1")
        assert isinstance(action.then, Begin if stream else Reply)


def test_no_client_can_name_another_client() -> None:
    failover = Failover(cluster="r", hosts=("0.attempt",), retry=DEFAULT)
    rule = Rule(name="r", backends=(BACKEND,), owned_by="us", created=7, failover=failover)
    machine = Exchange(Router(Snapshot(rules=(rule,))), pick=0.0, keeps=True)
    forged = {"x-ai-eg-owner": "another", "x-ai-eg-client": "another", "x-ai-eg-identity-x-user": "another"}
    own, body = {":path": "/v1/responses", **forged}, b'{"model":"m","input":"Hi"}'
    send(machine, RequestHeaders(POST | own, end_of_stream=False))
    action = send(machine, RequestBody(body))
    assert isinstance(action, Delegate)
    assert set(action.remove_headers) == set(forged)
    assert not set(forged) & set(dict(action.set_headers))
