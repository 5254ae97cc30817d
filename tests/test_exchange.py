"""The state machine of one exchange: events in, actions out; and which events fit which phase."""

from __future__ import annotations

import gzip
import json
import tracemalloc
import zlib
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from time import process_time
from typing import get_args

import msgspec
import pytest

from aigw_extproc.aws.identity import Credentials, DefaultChain
from aigw_extproc.config.limits import Limit, Quotas
from aigw_extproc.config.snapshot import (
    MODEL_HEADER,
    Address,
    AwsAuth,
    Backend,
    BackendSettings,
    BodyMutation,
    HeaderMatch,
    HeaderMutation,
    Rule,
    Schema,
    Snapshot,
    Upstream,
)
from aigw_extproc.config.traffic import Failover, Retry
from aigw_extproc.errors import InternalError, UpstreamTimeout
from aigw_extproc.exchange.compression import MAX_BYTES
from aigw_extproc.exchange.machine import Exchange
from aigw_extproc.exchange.messages import (
    Action,
    AttemptHeaders,
    Chunk,
    Continue,
    CredentialsReady,
    Event,
    ForwardRequest,
    LimitsReady,
    MediaReady,
    NeedCredentials,
    NeedLimits,
    NeedMedia,
    NeedUpstream,
    Pings,
    ReplaceBody,
    Reply,
    RequestBody,
    RequestHeaders,
    ResponseBody,
    ResponseHeaders,
    StoredReady,
    StreamResponse,
    UpstreamReady,
)
from aigw_extproc.exchange.phases import Phase, UnexpectedEvent
from aigw_extproc.limits.counting import Verdict
from aigw_extproc.routing import Router
from aigw_extproc.translate.clients.models import MODEL_PATHS
from aigw_extproc.translate.contract import Media, Stored, UpstreamResponse
from aigw_extproc.translate.registry import ENDPOINTS
from aigw_extproc.wire import MAX_FIELDS, MAX_MEMBERS
from tests.translate.goldens import frames

NOW = 1_440_938_160.0
PLACES = " or ".join(", ".join((*ENDPOINTS, *MODEL_PATHS)).rsplit(", ", 1))
KEYS = Credentials(access_key_id="AKID", secret_access_key="secret")
UPSTREAM = Upstream(cluster="default/bedrock", host="bedrock.test", addresses=(Address(host="bedrock.test", port=443),))
BODY = b'{"model":"m","messages":[{"role":"user","content":"Hi."}]}'
STREAM_BODY = BODY[:-1] + b',"stream":true}'
POST = {
    ":method": "POST",
    ":path": "/v1/chat/completions?x=1",
    ":authority": "gateway",
    "content-type": "application/json",
    "x-request-id": "our-id",
}
BACKEND = Backend(
    name="default/b/route/r/rule/0/ref/0",
    schema=Schema(name="AWSBedrock"),
    upstream=UPSTREAM,
    auth=AwsAuth(region="us-east-1", source=KEYS),
)


FAILOVER = Failover(cluster="default/r/rule/0", hosts=("a.attempt",), retry=Retry(retries=1))


def exchange(backend: Backend = BACKEND, failover: Failover | None = None) -> Exchange:
    rule = Rule(
        name="default/r/rule/0",
        matches=((HeaderMatch(name=MODEL_HEADER, value="m"),),),
        backends=(backend,),
        owned_by="us",
        created=7,
        failover=failover,
    )
    return Exchange(Router(Snapshot(rules=(rule,))), pick=0.0, keeps=True)


def send(machine: Exchange, *events: object) -> Action:
    """Feed events and return the last action."""
    action: Action | None = None
    for event in events:
        action = machine.receive(event, now=NOW)  # type: ignore[arg-type] # every event is fed through here
    assert action is not None
    return action


def request(body: bytes = BODY, **headers: str) -> tuple[RequestHeaders, RequestBody]:
    return RequestHeaders(POST | headers, end_of_stream=False), RequestBody(body)


def response(status: str = "200", *, end_of_stream: bool = False, **headers: str) -> ResponseHeaders:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return ResponseHeaders({":status": status, "x-amzn-requestid": "R", **named}, end_of_stream)


def error(action: Action) -> dict[str, object]:
    assert isinstance(action, Reply)
    return {"status": action.status, "details": action.details, **json.loads(action.body)["error"]}


def test_a_request_is_not_kept_while_the_upstream_works() -> None:
    one = exchange()
    one.receive(RequestHeaders(POST, end_of_stream=False), now=NOW)
    tracemalloc.start()
    try:
        body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "x" * 1_000_000}]}).encode()
        assert isinstance(one.receive(RequestBody(body), now=NOW), ForwardRequest)
        del body
        assert tracemalloc.get_traced_memory()[0] < 100_000
    finally:
        tracemalloc.stop()


def test_a_request_goes_upstream_in_one_action() -> None:
    machine = exchange()
    headers, body = request(
        **{"authorization": "Bearer sk-1", "cookie": "a=b", "traceparent": "00-1", "x-api-key": "k"}
    )
    assert send(machine, headers) == Continue()
    action = send(machine, body)
    assert isinstance(action, ForwardRequest)
    signature = dict(action.set_headers).pop("authorization")
    assert signature.startswith("AWS4-HMAC-SHA256 Credential=AKID/20150830/us-east-1/bedrock/aws4_request, ")
    assert {name: value for name, value in action.set_headers if name != "authorization"} == {
        ":path": "/model/m/converse",
        "content-type": "application/json",
        "content-length": "57",
        "accept": "application/json",
        "user-agent": "aigw-extproc",
        "x-ai-eg-model": "m",
        "x-ai-eg-backend": "default/bedrock",
        "x-ai-eg-idle": "unlimited",
        "x-envoy-upstream-rq-timeout-ms": "3600000",
        "x-amz-date": "20150830T123600Z",
    }
    assert set(action.remove_headers) == {"cookie", "x-api-key"}
    assert action.body == b'{"messages":[{"role":"user","content":[{"text":"Hi."}]}]}'
    assert (action.backend, action.model) == (BACKEND.name, "m")


def test_the_model_override_goes_upstream_and_the_clients_name_comes_back() -> None:
    machine = exchange(_with(model_override="real"))
    action = send(machine, *request())
    assert isinstance(action, ForwardRequest)
    assert dict(action.set_headers)[":path"] == "/model/real/converse"
    assert dict(action.set_headers)["x-ai-eg-model"] == "m"
    answer = b'{"output":{"message":{"role":"assistant","content":[{"text":"x"}]}},"stopReason":"end_turn"}'
    replaced = send(machine, response(), ResponseBody(answer, end_of_stream=True))
    assert isinstance(replaced, ReplaceBody)
    assert json.loads(replaced.body)["model"] == "m"


def _with(**changes: object) -> Backend:
    fields = {name: getattr(BACKEND, name) for name in BACKEND.__slots__}
    return Backend(**{**fields, **changes})


def test_the_operators_mutations_are_applied_before_signing() -> None:
    backend = _with(
        header_mutation=HeaderMutation(set=(("x-team", "search"),), remove=("user-agent", "traceparent")),
        body_mutation=BodyMutation(set=(("guardrailConfig", msgspec.Raw(b'{"a":1}')),), remove=("messages",)),
    )
    action = send(exchange(backend), *request(traceparent="00-1"))
    assert isinstance(action, ForwardRequest)
    assert dict(action.set_headers)["x-team"] == "search"
    assert "user-agent" not in dict(action.set_headers)
    assert action.remove_headers == ("traceparent",)
    assert action.body == b'{"guardrailConfig":{"a":1}}'
    assert dict(action.set_headers)["content-length"] == str(len(action.body))


def test_credentials_that_are_not_configured_are_needed() -> None:
    auth = AwsAuth(region="eu-west-1", source=DefaultChain())
    machine = exchange(_with(auth=auth))
    assert send(machine, *request()) == NeedCredentials(auth)
    action = send(machine, CredentialsReady(KEYS))
    assert isinstance(action, ForwardRequest)
    assert "/eu-west-1/bedrock/" in dict(action.set_headers)["authorization"]


def test_a_backend_without_auth_gets_no_signature() -> None:
    action = send(exchange(_with(auth=None)), *request(authorization="Bearer sk-1"))
    assert isinstance(action, ForwardRequest)
    assert "authorization" not in dict(action.set_headers)
    assert action.remove_headers == ("authorization",)


def test_a_stream_is_translated_in_chunks() -> None:
    machine = exchange()
    send(machine, *request(STREAM_BODY))
    begun = send(machine, response(content_type="application/vnd.amazon.eventstream", content_length="9"))
    assert begun == StreamResponse(
        set_headers=(("content-type", "text/event-stream"), ("cache-control", "no-cache"), ("x-request-id", "our-id"))
    )
    start = frames([["messageStart", {"role": "assistant"}]])
    rest = frames([["messageStop", {"stopReason": "end_turn"}], ["metadata", {"usage": {"outputTokens": 3}}]])
    first = send(machine, ResponseBody(start[:10], end_of_stream=False))
    assert first == Chunk(body=b"", final=False)
    second = send(machine, ResponseBody(start[10:] + rest, end_of_stream=False))
    assert isinstance(second, Chunk)
    assert second.body.endswith(b"data: [DONE]\n\n")
    assert send(machine, ResponseBody(b"", end_of_stream=True)) == Chunk(body=b"", final=True)
    assert machine.outcome.usage is not None
    assert machine.outcome.usage.output_tokens == 3


def test_a_stream_that_fails_is_recorded_with_its_error() -> None:
    machine = exchange()
    send(machine, *request(STREAM_BODY), response(content_type="application/vnd.amazon.eventstream"))
    send(machine, ResponseBody(frames([["throttlingException", {"message": "Slow down."}]]), end_of_stream=True))
    assert machine.outcome.status == 200
    assert machine.outcome.error is not None
    assert machine.outcome.error.code == "throttling_exception"


def test_a_defect_in_a_stream_is_an_event_of_the_stream() -> None:
    """After a reply, Envoy would cut the connection."""
    machine = exchange()
    send(machine, *request(STREAM_BODY), response(content_type="application/vnd.amazon.eventstream"))
    defect = InternalError()
    action = machine.fail(defect)
    assert isinstance(action, Chunk)
    assert json.loads(action.body.removeprefix(b"data: "))["error"]["code"] == "internal_error"
    assert send(machine, ResponseBody(b"whatever", end_of_stream=False)) == Chunk(body=b"", final=False)
    assert send(machine, ResponseBody(b"", end_of_stream=True)) == Chunk(body=b"", final=True)
    assert (machine.outcome.status, machine.outcome.error) == (200, defect)


def test_a_streaming_request_answered_with_json_is_a_bad_gateway() -> None:
    action = send(exchange(), *request(STREAM_BODY), response(content_type="application/json"))
    assert error(action) == {
        "status": 502,
        "details": "aigw_upstream_error",
        "message": "the upstream answered a streaming request with application/json",
        "type": "api_error",
        "param": None,
        "code": "upstream_error",
    }


def test_an_error_of_bedrocks_keeps_its_request_id_and_retry_after() -> None:
    failed = response("429", x_amzn_errortype="ThrottlingException:http://internal", retry_after="3")
    action = send(exchange(), *request(), failed, ResponseBody(b'{"message":"Slow down."}', end_of_stream=True))
    assert isinstance(action, Reply)
    assert (action.status, action.details) == (429, "aigw_throttling_exception")
    assert action.headers == (
        ("content-type", "application/json"),
        ("x-amzn-requestid", "R"),
        ("retry-after", "3"),
        ("x-request-id", "our-id"),
    )
    assert json.loads(action.body) == {
        "error": {
            "message": "Slow down.",
            "type": "rate_limit_error",
            "param": None,
            "code": "throttling_exception",
        }
    }


def test_an_answer_without_a_body_is_answered_at_its_headers() -> None:
    action = send(exchange(), *request(), response("503", end_of_stream=True))
    assert error(action)["message"] == "the upstream answered 503 with a body that is not JSON"


FROM_UPSTREAM = {
    "set-cookie": "session=1",
    "alt-svc": 'h3=":443"',
    "x-aigw-dropped-params": "forged",
    "access-control-allow-origin": "*",
    "x-amzn-bedrock-input-token-count": "1",
    "date": "now",
    "retry-after": "3",
    "request-id": "theirs",
    "x-ratelimit-limit-tokens": "9",
    "anthropic-ratelimit-tokens-limit": "9",
    "openai-processing-ms": "9",
    "www-authenticate": "Bearer",
}
NOT_FOR_CLIENTS = tuple(FROM_UPSTREAM)[:5]
FOR_CLIENTS = {name: FROM_UPSTREAM[name] for name in tuple(FROM_UPSTREAM)[6:]}


def test_of_the_upstreams_headers_only_listed_ones_reach_the_client() -> None:
    body = b'{"output":{"message":{"role":"assistant","content":[]}}}'
    answered = response(**FROM_UPSTREAM)
    replaced = send(exchange(), *request(), answered, ResponseBody(body, end_of_stream=True))
    assert isinstance(replaced, ReplaceBody)
    assert replaced.remove_headers == NOT_FOR_CLIENTS
    streamed = send(
        exchange(), *request(STREAM_BODY), response(**FROM_UPSTREAM, content_type="application/vnd.amazon.eventstream")
    )
    assert isinstance(streamed, StreamResponse)
    assert streamed.remove_headers == ("content-length", *NOT_FOR_CLIENTS)


def test_a_reply_repeats_the_upstreams_headers_for_clients() -> None:
    failed = response("429", **FROM_UPSTREAM)
    reply = send(exchange(), *request(), failed, ResponseBody(b'{"message":"Slow down."}', end_of_stream=True))
    assert isinstance(reply, Reply)
    own = {"content-type": "application/json", "x-amzn-requestid": "R", "x-request-id": "our-id"}
    assert dict(reply.headers) == FOR_CLIENTS | own


@pytest.mark.parametrize("marked", [True, False])
def test_envoys_own_reply_passes_unchanged(marked: bool) -> None:
    machine = exchange()
    send(machine, *(request() if marked else request()[:1]))
    marker = {"x_aigw_local_reply": "true"} if marked else {}
    assert send(machine, response("413", **marker)) == Continue()
    assert send(machine, ResponseBody(b"{}", end_of_stream=True)) == Continue(final=True)
    assert machine.outcome.status == 413


def test_dropped_parameters_are_named() -> None:
    machine = exchange()
    send(machine, *request(BODY[:-1] + b',"seed":1,"temperature":2}'))
    answer = b'{"output":{"message":{"role":"assistant","content":[]}}}'
    action = send(machine, response(), ResponseBody(answer, end_of_stream=True))
    assert isinstance(action, ReplaceBody)
    assert dict(action.set_headers)["x-aigw-dropped-params"] == "seed, temperature"


@pytest.mark.parametrize(
    ("headers", "status", "code", "message"),
    [
        ({":path": "/v2/x"}, 404, "unknown_path", f"there is no '/v2/x' here; try {PLACES}"),
        ({":method": "GET"}, 405, "method_not_allowed", "/v1/chat/completions takes POST, not GET"),
        ({":path": "/v1/models"}, 405, "method_not_allowed", "/v1/models takes GET, not POST"),
        (
            {"content-type": "multipart/form-data; boundary=x"},
            415,
            "unsupported_media_type",
            "content-type: expected application/json, got 'multipart/form-data'",
        ),
        (
            {"content-encoding": "br"},
            415,
            "unsupported_media_type",
            "content-encoding: 'br' is not supported here; send the body as it is",
        ),
        (
            {"origin": "https://page.example", "content-type": "text/plain"},
            415,
            "unsupported_media_type",
            "content-type: expected application/json, got 'text/plain'",
        ),
        (
            {"sec-fetch-site": "cross-site", "content-type": "text/plain+json"},
            415,
            "unsupported_media_type",
            "content-type: expected application/json, got 'text/plain+json'",
        ),
    ],
)
def test_requests_that_cannot_be_served_are_refused_at_their_headers(
    headers: dict[str, str], status: int, code: str, message: str
) -> None:
    reply = error(send(exchange(), RequestHeaders(POST | headers, end_of_stream=False)))
    assert (reply["status"], reply["code"], reply["message"]) == (status, code, message)


@pytest.mark.parametrize("page", [{"origin": "null"}, {"sec-fetch-site": "cross-site"}])
def test_a_web_page_has_to_say_that_it_sends_json(page: dict[str, str]) -> None:
    """A browser sends a body without a content-type to another site without asking it first."""
    untyped = {name: value for name, value in POST.items() if name != "content-type"}
    assert send(exchange(), RequestHeaders(untyped, end_of_stream=False)) == Continue()
    assert error(send(exchange(), RequestHeaders(untyped | page, end_of_stream=False)))["status"] == 415
    assert send(exchange(), RequestHeaders(POST | page, end_of_stream=False)) == Continue()


def test_a_page_of_the_same_site_is_a_client_like_any_other() -> None:
    headers = POST | {"sec-fetch-site": "same-origin", "content-type": "application/vnd.api+json"}
    assert send(exchange(), RequestHeaders(headers, end_of_stream=False)) == Continue()


def test_a_request_without_a_body_is_refused_at_its_headers() -> None:
    reply = error(send(exchange(), RequestHeaders(POST, end_of_stream=True)))
    assert reply["message"] == "the request body is empty; a JSON object is expected"


def test_a_name_is_bounded_before_rules_match_it() -> None:
    """Neither a pattern nor the text of an error gets more of it than a model's name can have."""
    reply = error(send(exchange(), *request(json.dumps({"model": "claude" * 60_000}).encode())))
    assert (reply["status"], reply["message"]) == (
        400,
        "model: expected 1 to 2048 characters, none of them a control character",
    )


def with_fields(count: int) -> bytes:
    """BODY with this many fields that no API has."""
    return BODY[:-1] + b"".join(b',"f%d":0' % number for number in range(count)) + b"}"


def test_a_body_of_too_many_parts_is_refused_before_it_is_decoded() -> None:
    reply = error(send(exchange(), *request(with_fields(MAX_MEMBERS))))
    assert (reply["status"], reply["code"], reply["message"]) == (
        400,
        "request_too_large",
        "the request body has more than 100,000 members of objects; send fewer or shorter messages and tools",
    )


def test_too_many_fields_are_refused() -> None:
    reply = error(send(exchange(), *request(with_fields(MAX_FIELDS))))
    assert (reply["status"], reply["message"]) == (400, "Expected `object` of length <= 1000")


def test_the_most_fields_that_are_accepted_cost_little_and_are_not_all_named() -> None:
    """Five megabytes of them once kept a worker busy for 1.6 s, and all other clients waiting."""
    members = b",".join(b'"m%d":0' % number for number in range(MAX_MEMBERS - MAX_FIELDS - 10))
    body = with_fields(MAX_FIELDS - 3)[:-1] + b',"x":{%b}}' % members

    def seconds(act: Callable[[], object]) -> float:
        begun = process_time()
        act()
        return process_time() - begun

    parsing = min(seconds(lambda: json.loads(body)) for _ in range(3))
    exchanges = [exchange() for _ in range(3)]
    assert min(seconds(lambda: send(each, *request(body))) for each in exchanges) < 15 * parsing  # noqa: B023 - at once
    answer = b'{"output":{"message":{"role":"assistant","content":[]}}}'
    action = send(exchanges[0], response(), ResponseBody(answer, end_of_stream=True))
    assert isinstance(action, ReplaceBody)
    dropped = dict(action.set_headers)["x-aigw-dropped-params"]
    assert (len(dropped), dropped[:8], dropped[-3:]) == (2048, "f0, f1, ", "...")


@pytest.mark.parametrize("mark", ["\u202e", "\u2066", "\u0085", "\u2028", "\x1b"])
def test_a_name_that_would_change_how_a_log_is_shown_is_refused(mark: str) -> None:
    reply = error(send(exchange(), *request(json.dumps({"model": f"m{mark}"}).encode())))
    assert (reply["status"], reply["param"]) == (400, "model")


def test_an_unknown_model_is_not_found() -> None:
    reply = error(send(exchange(), *request(BODY.replace(b'"m"', b'"other"', 1))))
    assert (reply["status"], reply["code"], reply["param"]) == (404, "model_not_found", "model")


def test_a_schema_without_this_endpoint_says_what_to_use() -> None:
    reply = error(send(exchange(_with(schema=Schema(name="Cohere"))), *request()))
    assert reply["message"] == (
        "model: its backend speaks Cohere, which does not support chat; "
        "use a model on AWSAnthropic or AWSBedrock or OpenAI"
    )


def get(path: str, **more: str) -> Reply:
    headers = {":method": "GET", ":path": path, "x-request-id": "our-id", **more}
    action = send(exchange(), RequestHeaders(headers, end_of_stream=True))
    assert isinstance(action, Reply)
    return action


def test_models_are_listed() -> None:
    model = {"id": "m", "object": "model", "created": 7, "owned_by": "us"}
    assert json.loads(get("/v1/models").body) == {"object": "list", "data": [model]}
    assert json.loads(get("/v1/models/m").body) == model


def test_models_are_listed_for_anthropics_clients_too() -> None:
    page = json.loads(get("/v1/models?limit=1", **{"anthropic-version": "2023-06-01"}).body)
    assert (page["first_id"], page["has_more"], page["data"][0]["created_at"]) == ("m", False, "1970-01-01T00:00:07Z")


def test_errors_of_the_list_have_the_shape_of_the_clients_api() -> None:
    reply = get("/v1/models?limit=x", **{"anthropic-version": "2023-06-01"})
    assert (reply.status, reply.details) == (400, "aigw_invalid_request_error")
    assert json.loads(reply.body) == {
        "type": "error",
        "error": {"type": "invalid_request_error", "message": "limit: Expected `int`, got `str`"},
        "request_id": "our-id",
    }
    missing = json.loads(get("/v1/models/x", **{"anthropic-version": "2023-06-01"}).body)
    assert missing["error"]["type"] == "not_found_error"


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/m", "/anthropic/v1/models"])
def test_head_is_answered_where_get_is(path: str) -> None:
    reply = get(path, **{":method": "HEAD"})
    assert (reply.status, reply.details) == (200, "aigw_models")


def test_a_model_that_is_not_configured_is_not_found() -> None:
    reply = get("/v1/models/who%2Fknows")
    assert (reply.status, reply.details) == (404, "aigw_model_not_found")
    assert json.loads(reply.body)["error"]["message"] == "the model 'who/knows' is not configured in this gateway"


TITAN = "amazon.titan-embed-text-v2:0"
BATCH = {":path": "/v1/embeddings", "traceparent": "00-1", "cookie": "a=b"}
BATCH_BODY = b'{"model":"m","input":["a","b"],"user":"u"}'


def embedded(number: float) -> UpstreamResponse:
    body = json.dumps({"embedding": [number], "inputTextTokenCount": 2}).encode()
    return UpstreamResponse(status=200, headers={"x-amzn-requestid": f"R{number}"}, body=body)


def test_a_batch_is_sent_by_the_shell_with_a_signature_for_each_request() -> None:
    action = send(exchange(_with(model_override=TITAN)), *request(BATCH_BODY, **BATCH))
    assert isinstance(action, NeedUpstream)
    assert action.upstream == UPSTREAM
    assert [(call.path, call.body) for call in action.calls] == [
        ("/model/amazon.titan-embed-text-v2%3A0/invoke", b'{"inputText":"a"}'),
        ("/model/amazon.titan-embed-text-v2%3A0/invoke", b'{"inputText":"b"}'),
    ]
    first, second = (dict(call.headers) for call in action.calls)
    assert first.pop("authorization") != second.pop("authorization")
    assert (
        first
        == second
        == {
            "host": "bedrock.test",
            "content-type": "application/json",
            "x-request-id": "our-id",
            "traceparent": "00-1",
            "content-length": "17",
            "accept": "application/json",
            "user-agent": "aigw-extproc",
            "x-amz-date": "20150830T123600Z",
        }
    )


def test_the_operators_mutations_reach_every_request_of_a_batch() -> None:
    backend = _with(
        model_override=TITAN,
        header_mutation=HeaderMutation(set=(("x-team", "search"),), remove=("user-agent", "traceparent")),
        body_mutation=BodyMutation(set=(("normalize", msgspec.Raw(b"false")),)),
    )
    action = send(exchange(backend), *request(BATCH_BODY, **BATCH))
    assert isinstance(action, NeedUpstream)
    assert [call.body for call in action.calls] == [
        b'{"inputText":"a","normalize":false}',
        b'{"inputText":"b","normalize":false}',
    ]
    for call in action.calls:
        assert {"user-agent", "traceparent"}.isdisjoint(dict(call.headers))
        assert dict(call.headers)["x-team"] == "search"


def test_the_responses_to_a_batch_become_one_reply() -> None:
    machine = exchange(_with(model_override=TITAN))
    action = send(machine, *request(BATCH_BODY, **BATCH), UpstreamReady((embedded(1.0), embedded(2.0))))
    assert isinstance(action, Reply)
    assert (action.status, action.details) == (200, "aigw_batch")
    assert dict(action.headers) == {
        "content-type": "application/json",
        "x-amzn-requestid": "R1.0",
        "x-request-id": "our-id",
        "x-aigw-dropped-params": "user",
    }
    assert [one["embedding"] for one in json.loads(action.body)["data"]] == [[1.0], [2.0]]
    assert machine.outcome.usage is not None
    assert (machine.outcome.status, machine.outcome.usage.input_tokens) == (200, 4)


def test_a_failed_request_fails_its_batch() -> None:
    machine = exchange(_with(model_override=TITAN))
    headers = {"x-amzn-requestid": "R", "x-amzn-errortype": "ThrottlingException", "retry-after": "3"}
    failed = UpstreamResponse(status=429, headers=headers, body=b'{"message":"Slow down."}')
    action = send(machine, *request(BATCH_BODY, **BATCH), UpstreamReady((failed,)))
    assert error(action) == {
        "status": 429,
        "details": "aigw_throttling_exception",
        "message": "Slow down.",
        "type": "rate_limit_error",
        "param": None,
        "code": "throttling_exception",
    }
    assert isinstance(action, Reply)
    assert dict(action.headers) | {"retry-after": "3", "x-amzn-requestid": "R"} == dict(action.headers)


def test_a_single_text_is_forwarded_by_envoy() -> None:
    machine = exchange(_with(model_override=TITAN))
    action = send(machine, *request(b'{"model":"m","input":["a"]}', **BATCH))
    assert isinstance(action, ForwardRequest)
    assert action.body == b'{"inputText":"a"}'


ARN = "arn:aws:bedrock:eu-west-1:111122223333:inference-profile/eu.amazon.nova-micro-v1:0"


def test_an_arn_of_another_region_than_the_hosts_is_refused() -> None:
    upstream = replace(UPSTREAM, host="bedrock-runtime.us-east-1.amazonaws.com")
    elsewhere = "this ARN is of eu-west-1, but the backend that serves it is in us-east-1"
    assert error(send(exchange(_with(upstream=upstream, model_override=ARN)), *request())) == {
        "status": 400,
        "details": "aigw_invalid_request_error",
        "message": f"model: {elsewhere}; it needs a rule of its own, with a backend in its region",
        "type": "invalid_request_error",
        "param": "model",
        "code": None,
    }


@pytest.mark.parametrize("host", ["bedrock-runtime.eu-west-1.amazonaws.com", "bedrock.internal:8443"])
def test_an_arn_of_the_hosts_region_goes_upstream(host: str) -> None:
    upstream = replace(UPSTREAM, host=host)
    action = send(exchange(_with(upstream=upstream, model_override=ARN)), *request())
    assert isinstance(action, ForwardRequest)
    assert dict(action.set_headers)[":path"].startswith("/model/arn%3Aaws%3Abedrock%3Aeu-west-1")


URL = "https://images.test/a.png"
IMAGE_BODY = json.dumps(
    {"model": "m", "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": URL}}]}]}
).encode()
QUOTA = Limit(name="quota", policy="QuotaPolicy default/quota", limit=1, unit="Day")
LIMITED = _with(quotas=Quotas(others=(QUOTA,)))
LOOKED_UP = _with(auth=AwsAuth(region="us-east-1", source=DefaultChain()))
FRAMES = response(content_type="application/vnd.amazon.eventstream")

ATTEMPT = AttemptHeaders(POST | {"x-ai-eg-model": "m"}, host="a.attempt")
PHASES: dict[str, tuple[Backend, tuple[Event, ...]]] = {
    "Opened": (BACKEND, ()),
    "Accepted": (BACKEND, request()[:1]),
    "Limiting": (LIMITED, request()),
    "Retrieving": (BACKEND, (RequestHeaders({":method": "GET", ":path": "/v1/responses/resp_1"}, end_of_stream=True),)),
    "Parsed": (BACKEND, request(IMAGE_BODY)),
    "Translated": (LOOKED_UP, request()),
    "Forwarded": (BACKEND, request()),
    "Batched": (_with(model_override=TITAN), request(BATCH_BODY, **BATCH)),
    "Answered": (BACKEND, (*request(), response())),
    "Streaming": (BACKEND, (*request(STREAM_BODY), FRAMES)),
    "LocalReply": (BACKEND, (*request(), response("503", x_aigw_local_reply="true"))),
    "Delegated": (BACKEND, request()),
    "Attempting": (BACKEND, (ATTEMPT,)),
    "Sent": (BACKEND, (ATTEMPT, request()[1])),
    "Held": (BACKEND, (ATTEMPT, request()[1], response())),
    "PassedOn": (BACKEND, (ATTEMPT, request()[1], response("503", x_aigw_local_reply="UF"))),
    "Ended": (BACKEND, (*request(STREAM_BODY), FRAMES, ResponseBody(b"", end_of_stream=True))),
}
"""How an exchange comes to each phase."""
EVENTS: tuple[Event, ...] = (
    *request(),
    LimitsReady(NeedLimits(hits=(), limits=(), dues=()), Verdict(False, ())),
    StoredReady(Stored()),
    MediaReady({URL: Media(media_type="image/png", base64="iVBORw0KGgo=")}),
    CredentialsReady(KEYS),
    UpstreamReady((embedded(1.0), embedded(2.0))),
    response(),
    ResponseBody(b"", end_of_stream=False),
    ATTEMPT,
)
EXPECTED = {
    ("Opened", RequestHeaders),
    ("Opened", ResponseHeaders),
    ("Accepted", LimitsReady),
    ("Accepted", RequestBody),
    ("Limiting", LimitsReady),
    ("Accepted", ResponseHeaders),
    ("Retrieving", StoredReady),
    ("Parsed", StoredReady),
    ("Parsed", MediaReady),
    ("Translated", CredentialsReady),
    ("Batched", UpstreamReady),
    ("Forwarded", ResponseHeaders),
    ("Answered", ResponseBody),
    ("Streaming", ResponseBody),
    ("LocalReply", ResponseBody),
    ("Opened", AttemptHeaders),
    ("Attempting", RequestBody),
    ("Delegated", ResponseHeaders),
    ("Sent", ResponseHeaders),
    ("Held", ResponseBody),
    ("PassedOn", ResponseBody),
}
"""All that can happen: docs/notes/envoy-ext-proc.md."""


def exchange_in(phase: str) -> Exchange:
    backend, events = PHASES[phase]
    machine = exchange(backend, FAILOVER if ATTEMPT in events or phase == "Delegated" else None)
    for event in events:
        machine.receive(event, now=NOW)
    return machine


def test_every_phase_and_every_event_is_tried() -> None:
    assert set(PHASES) == {phase.__name__ for phase in get_args(Phase)}
    assert {type(event) for event in EVENTS} == set(get_args(Event))


@pytest.mark.parametrize(
    ("phase", "event"),
    list(product(PHASES, EVENTS)),
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_an_event_that_does_not_fit_the_phase_is_a_defect(phase: str, event: Event) -> None:
    machine = exchange_in(phase)
    if (phase, type(event)) in EXPECTED:
        machine.receive(event, now=NOW)
        return
    with pytest.raises(UnexpectedEvent) as unexpected:
        machine.receive(event, now=NOW)
    assert str(unexpected.value) == f"{type(event).__name__} received while the exchange is {phase}"


@pytest.mark.parametrize("phase", PHASES)
def test_an_exchange_can_fail_in_every_phase(phase: str) -> None:
    machine, failure = exchange_in(phase), UpstreamTimeout()
    status = 200 if phase == "Streaming" else 504
    assert isinstance(machine.fail(failure), Chunk if phase == "Streaming" else Reply)
    assert (machine.outcome.status, machine.outcome.error) == (status, failure)


def test_media_are_needed_before_a_request_is_translated() -> None:
    machine = exchange()
    assert send(machine, *request(IMAGE_BODY)) == NeedMedia((URL,))
    action = send(machine, EVENTS[4])
    assert isinstance(action, ForwardRequest)
    assert b"iVBORw0KGgo=" in action.body


def test_a_defect_is_reported_with_all_that_is_known_of_the_exchange(monkeypatch: pytest.MonkeyPatch) -> None:
    def defective(*_: object) -> None:
        raise ZeroDivisionError

    machine = exchange()
    monkeypatch.setattr("aigw_extproc.exchange.request.parse", defective)
    with pytest.raises(ZeroDivisionError):
        send(machine, *request())
    machine.fail(InternalError())
    assert (machine.outcome.operation, machine.outcome.model, machine.outcome.backend) == ("chat", "m", BACKEND)


ANSWER = b'{"output":{"message":{"role":"assistant","content":[{"text":"x"}]}},"stopReason":"end_turn"}'


@pytest.mark.parametrize(("encoding", "compress"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_a_compressed_error_keeps_its_message(encoding: str, compress: Callable[[bytes], bytes]) -> None:
    headers = response("400", content_encoding=encoding, x_amzn_errortype="ValidationException")
    body = compress(b'{"message":"No such thing."}')
    failed = error(send(exchange(), *request(), headers, ResponseBody(body, end_of_stream=True)))
    assert (failed["status"], failed["message"]) == (400, "No such thing.")


def test_a_compressed_answer_is_translated() -> None:
    headers = response(content_encoding="gzip")
    action = send(exchange(), *request(), headers, ResponseBody(gzip.compress(ANSWER), end_of_stream=True))
    assert isinstance(action, ReplaceBody)
    assert json.loads(action.body)["choices"][0]["message"]["content"] == "x"
    assert "content-encoding" in action.remove_headers


@pytest.mark.parametrize(
    ("encoding", "body", "message"),
    [
        ("br", b"x", "the upstream's response is compressed with 'br', which was not asked for"),
        ("gzip", b"plain text", "the upstream's response is not valid gzip"),
        ("gzip", gzip.compress(ANSWER)[:-9], "the upstream's response is incomplete or too large gzip"),
    ],
    ids=["unknown", "damaged", "cut"],
)
def test_a_response_that_cannot_be_decompressed(encoding: str, body: bytes, message: str) -> None:
    headers = response(content_encoding=encoding)
    failed = error(send(exchange(), *request(), headers, ResponseBody(body, end_of_stream=True)))
    assert (failed["status"], failed["message"]) == (502, message)


def test_a_bomb_is_not_decompressed_as_a_whole() -> None:
    bomb = ResponseBody(gzip.compress(bytes(MAX_BYTES + 1)), end_of_stream=True)
    failed = error(send(exchange(), *request(), response(content_encoding="gzip"), bomb))
    assert failed["message"] == "the upstream's response is incomplete or too large gzip"


def test_a_compressed_stream_is_an_error() -> None:
    headers = response(content_type="application/vnd.amazon.eventstream", content_encoding="gzip")
    failed = error(send(exchange(), *request(STREAM_BODY), headers))
    assert (failed["status"], failed["message"]) == (
        502,
        "the upstream's stream is compressed, which was not asked for",
    )


def test_metadata_for_invoke_model_is_a_header() -> None:
    machine = exchange(_with(schema=Schema(name="AWSAnthropic")))
    action = send(machine, *request(BODY[:-1] + b',"user":"u-1"}'))
    assert isinstance(action, ForwardRequest)
    assert dict(action.set_headers)["x-amzn-bedrock-request-metadata"] == '{"user":"u-1"}'


TOOLS = b',"tools":[{"type":"function","function":{"name":"f"}}]'


@pytest.mark.parametrize(
    ("more", "seconds", "pings"),
    [
        (TOOLS, 15.0, Pings(every=15, limit=300)),
        (b',"reasoning_effort":"low"', 15.0, None),  # not known of this model
        (b"", 15.0, None),
        (TOOLS, 0.0, None),
    ],
)
def test_streams_that_may_pause_have_pings(more: bytes, seconds: float, pings: Pings | None) -> None:
    machine = exchange(_with(settings=BackendSettings(ping_seconds=seconds)))
    headers = response(content_type="application/vnd.amazon.eventstream")
    action = send(machine, *request(STREAM_BODY[:-1] + more + b"}"), headers)
    assert isinstance(action, StreamResponse)
    assert action.pings == pings
    assert machine.ping() == b": ping\n\n"


def test_nothing_is_sent_in_the_silence_before_a_stream_or_after_it() -> None:
    machine = exchange()
    assert machine.ping() == b""
    send(machine, *request(STREAM_BODY), response(content_type="application/vnd.amazon.eventstream"))
    machine.fail(UpstreamTimeout())
    assert machine.ping() == b""
