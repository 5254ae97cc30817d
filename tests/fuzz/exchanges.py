"""Complete exchanges with strange headers, requests and answers, as `random` chooses them.

An exchange must end with a response that Envoy can send: never with a 500 or an exception.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from random import Random
from typing import Any

import msgspec

from aigw_extproc.aws.identity import DefaultChain
from aigw_extproc.bedrock.eventstream import CONTENT_TYPE
from aigw_extproc.config.pattern import Pattern
from aigw_extproc.config.snapshot import (
    MODEL_HEADER,
    AwsAuth,
    Backend,
    BodyMutation,
    HeaderMatch,
    RequestCredentials,
    Rule,
    Schema,
    Snapshot,
)
from aigw_extproc.errors import CredentialsUnavailable
from aigw_extproc.exchange.machine import Exchange
from aigw_extproc.exchange.messages import (
    Action,
    Continue,
    CredentialsReady,
    ForwardRequest,
    MediaReady,
    NeedCredentials,
    NeedMedia,
    NeedUpstream,
    ReplaceBody,
    Reply,
    RequestBody,
    RequestHeaders,
    ResponseBody,
    ResponseHeaders,
    StreamResponse,
    UpstreamReady,
)
from aigw_extproc.extproc import codec
from aigw_extproc.routing import Router
from aigw_extproc.translate.contract import Fetched, FetchFailed, Media, UpstreamResponse
from aigw_extproc.translate.registry import ENDPOINTS, TRANSLATIONS
from tests.fuzz.mutations import SHORT, changed, frames, with_values
from tests.test_admission import keys
from tests.test_exchange import BACKEND, KEYS, NOW, POST
from tests.translate import buffered_goldens, goldens

KEY = "aigw_key"
CLIENTS = keys("default/p", team_a=KEY)
MODELS = (
    *("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "us.amazon.nova-2-lite-v1:0", "mistral.mistral-large-2407-v1:0"),
    *("amazon.titan-embed-text-v2:0", "cohere.embed-v4:0", "amazon.nova-canvas-v1:0", "cohere.rerank-v3-5:0"),
    *("stability.sd3-5-large-v1:0", "unknown.model", *[None] * 6),
)
SCHEMAS = {each.name: [schema for name, schema in TRANSLATIONS if name == each.name] for each in ENDPOINTS.values()}
PATHS = (
    *ENDPOINTS,
    *ENDPOINTS,
    *ENDPOINTS,
    "/v1/models",
    "/v1/models/a%2Fb",
    "/anthropic/v1/models",
    "/",
    "",
    "//",
    "/v1/%00",
)
MEDIA = Media(media_type="image/png", base64="iVBORw0KGgo=")
STRANGE_HEADERS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (":method", ("GET", "OPTIONS", "")),
    (":authority", ("", "a.example", "user@a.example", "[::1]", "a.example.", "é" * 300)),
    ("content-type", ("", "text/plain", "application/json; charset=\xff", "application/x+json", "multipart/form-data")),
    ("content-encoding", ("gzip", "identity", "\0")),
    ("content-length", ("-1", "9" * 400, "0x10", "\u0663")),
    ("origin", ("null", "https://evil.example")),
    ("sec-fetch-site", ("cross-site", "none")),
    ("authorization", ("Bearer ", f"Bearer {KEY}", "Basic \xff", "Bearer a, Bearer b", "x" * 5000)),
    ("x-api-key", (KEY, "", "\ud800".encode("utf-8", "replace").decode())),
    ("x-aigw-client", ("team-a",)),
    ("x-aigw-aws-access-key-id", ("AKID", " ")),
    ("x-aigw-aws-secret-access-key", ("secret", "\r\n")),
    ("anthropic-version", ("2023-06-01", "")),
    ("anthropic-beta", ("context-1m-2025-08-07, ,x", "," * 3000, "é")),
    ("x-request-id", ("", "a" * 3000)),
    ("x-ai-eg-model", ("m",)),
    ("cookie", ("a=b; c", "")),
)
STRANGE_ANSWERS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (":status", ("200", "400", "403", "413", "429", "500", "503", "999", "204")),
    ("content-type", ("", "application/json", CONTENT_TYPE, "text/event-stream", "text/html\xff")),
    ("x-amzn-errortype", ("ThrottlingException:http://x", "ValidationException", "é" * 200, ":")),
    ("x-amzn-requestid", ("", "é")),
    ("x-amzn-bedrock-input-token-count", ("-1", "9" * 5000, "x")),
    ("retry-after", ("-1", "soon")),
    ("set-cookie", ("a=b",)),
    ("x-aigw-dropped-params", ("forged",)),
    ("x-aigw-local-reply", ("1", "UF,URX x", " ")),
)


def exchange(random: Random) -> None:
    """Run one exchange to its end, and check each answer."""
    path = random.choice(PATHS)
    machine = Exchange(_router(path, random), pick=random.random())
    action = _asked(machine, path, random)
    if isinstance(action, ForwardRequest):
        _check(machine, "request_body", action)
        _answered(machine, action, random)


def _asked(machine: Exchange, path: str, random: Random) -> Action:
    """Send the request, and return what is to be done with it."""
    headers = POST | {":path": random.choice((path, path, path + "?" + "k=v&" * 9))} | _some(STRANGE_HEADERS, random)
    action = machine.receive(RequestHeaders(headers, end_of_stream=random.random() < 0.02), now=NOW)
    if not isinstance(action, Continue):
        _check(machine, "request_headers", action)
        return action
    action = machine.receive(RequestBody(_request(path, random)), now=NOW)
    if isinstance(action, NeedMedia):
        fetched: list[Fetched] = [MEDIA, FetchFailed(reason="is gone")]
        action = machine.receive(MediaReady({url: random.choice(fetched) for url in action.urls}), now=NOW)
    if isinstance(action, NeedCredentials):
        found = random.random() < 0.9
        action = machine.receive(CredentialsReady(KEYS), now=NOW) if found else machine.fail(_NO_CREDENTIALS)
    if isinstance(action, NeedUpstream):
        responses = [UpstreamResponse(status=200, headers={}, body=_answer(random)) for _ in action.calls]
        action = machine.receive(UpstreamReady(tuple(responses)), now=NOW)
    if not isinstance(action, ForwardRequest):
        _check(machine, "request_body", action)
    return action


def _answered(machine: Exchange, forwarded: ForwardRequest, random: Random) -> None:
    """Send the upstream's answer, in pieces if it is streamed."""
    accept = dict(forwarded.set_headers).get("accept", "application/json")
    headers = {":status": "200", "content-type": accept, "x-amzn-requestid": "R"}
    if random.random() < 0.3:
        headers |= _some(STRANGE_ANSWERS, random)
    action = machine.receive(ResponseHeaders(headers, end_of_stream=random.random() < 0.02), now=NOW)
    _check(machine, "response_headers", action)
    streamed = isinstance(action, StreamResponse)
    if not (streamed or (isinstance(action, Continue) and not action.final)):
        return
    data = _stream(accept, random) if streamed and random.random() < 0.9 else _answer(random)
    cut = random.randint(0, len(data)) if streamed else 0
    for piece, last in ((data[:cut], False), (data[cut:], True)) if streamed else ((data, True),):
        _check(machine, "response_body", machine.receive(ResponseBody(piece, end_of_stream=last), now=NOW))


def _check(machine: Exchange, phase: str, action: Action) -> None:
    """Check that the codec can encode an answer, and that it is none of a defect."""
    assert codec.encode(phase, action)
    if isinstance(action, Reply):
        assert 200 <= action.status < 1000
        assert "internal" not in action.details
        json.loads(action.body)
    if isinstance(action, ForwardRequest | Reply | ReplaceBody | StreamResponse):
        for name, value in action.headers if isinstance(action, Reply) else action.set_headers:
            assert not {"\r", "\n", "\0"} & set(name + value), (name, value)
    assert machine.outcome.operation


def _some(strange: tuple[tuple[str, tuple[str, ...]], ...], random: Random) -> dict[str, str]:
    count = random.choice((0, 0, 0, 0, 0, 0, 1, 2, 4))
    return {name: random.choice(values) for name, values in random.sample(strange, count)}


# --- configuration ----------------------------------------------------------------------------------------------

_NO_CREDENTIALS = CredentialsUnavailable("none")


@cache
def _backends(schema: str) -> tuple[Backend, ...]:
    """Every model on a schema, in the clients' words or the operator's, signed in each way."""
    schemed = replace(BACKEND, schema=Schema(name=schema, prefix="v1" if schema == "OpenAI" else ""))
    mutation = BodyMutation(set=(("team", msgspec.Raw(b'"a"')),), remove=("metadata",))
    auths = (BACKEND.auth, AwsAuth(region="us-east-1", source=DefaultChain(), override=RequestCredentials()))
    plain = tuple(replace(schemed, model_override=model, auth=auth) for model in MODELS for auth in auths)
    return (*plain, *(replace(backend, body_mutation=mutation) for backend in plain))


def _router(path: str, random: Random) -> Router:
    """A rule for any model, or for names with a letter; sometimes for clients with a key only."""
    backend = random.choice(_backends(random.choice(SCHEMAS[ENDPOINTS[path].name]) if path in ENDPOINTS else "OpenAI"))
    policy = CLIENTS if random.random() < 0.1 else None
    named = HeaderMatch(name=MODEL_HEADER, value=".*[a-z].*", pattern=Pattern(".*[a-z].*"))
    matches = ((named,),) if random.random() < 0.1 else ()
    rule = Rule(name="r", matches=matches, backends=(backend,), policy=policy, owned_by="us", created=0)
    return Router(Snapshot(rules=(rule,)))


# --- bodies -----------------------------------------------------------------------------------------------------


@cache
def _requests() -> Mapping[str, list[Any]]:
    """Valid and invalid requests by path."""
    requests: dict[str, list[Any]] = {path: [] for path in ENDPOINTS}
    for pair in goldens.PAIRS:
        requests[pair.path] += [goldens.read(case)["request"] for case in goldens.cases("requests", pair)]
    for case in buffered_goldens.cases():
        golden = buffered_goldens.read(case)
        requests[golden["path"]].append(golden["request"])
    requests["/v1/messages/count_tokens"] += requests["/v1/messages"]
    return {path: found or requests["/v1/messages"] for path, found in requests.items()}


@cache
def _answers() -> list[Any]:
    answers = [goldens.read(case)["response"] for pair in goldens.PAIRS for case in goldens.cases("responses", pair)]
    for case in buffered_goldens.cases():
        answers += [one["body"] for one in buffered_goldens.read(case).get("responses", [])]
    return [*answers, {"message": "Too many tokens"}, {"error": {"type": "a", "message": "b"}}, {"inputTokens": 7}]


@cache
def _encoded(values: str, path: str = "") -> list[bytes]:
    found = _answers() if values == "answers" else _requests()[path]
    return [data for data in (json.dumps(value).encode() for value in found) if len(data) < SHORT]


def _request(path: str, random: Random) -> bytes:
    path = path if path in ENDPOINTS and random.random() < 0.95 else random.choice(list(ENDPOINTS))
    if random.random() < 0.4:
        return changed(_encoded("requests", path), random)
    request = random.choice(_requests()[path])
    request = request if random.random() < 0.3 else with_values(request, random)
    if random.random() < 0.3:
        request = {**request, "stream": True}
    return json.dumps(request).encode()


def _answer(random: Random) -> bytes:
    if random.random() < 0.4:
        return changed(_encoded("answers"), random)
    return json.dumps(with_values(random.choice(_answers()), random)).encode()


def _stream(accept: str, random: Random) -> bytes:
    if accept == CONTENT_TYPE:
        data = frames(random)
        return data if random.random() < 0.8 else changed([data], random)
    ends = (b"\n\n", b"\r\n\r\n", b"\n")
    events = b"".join(b"data: " + _answer(random) + random.choice(ends) for _ in range(random.randint(0, 6)))
    return events + random.choice((b"data: [DONE]\n\n", b"", b"data:"))
