"""Requests that are refused: the explanation has the answer that the client gets, and says what to do."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aigw_extproc.callers import NOTHING
from aigw_extproc.config.policies import ApiKeys, Policy, TokenPlace, TokenProvider, Tokens, key_digest
from aigw_extproc.config.snapshot import MODEL_HEADER, HeaderMatch, Rule
from aigw_extproc.envoy.local_replies import REPLIES
from aigw_extproc.exchange.machine import Exchange
from aigw_extproc.exchange.messages import Continue, NeedStored, Reply, RequestBody, RequestHeaders, StoredReady
from aigw_extproc.explain.request import client_request
from aigw_extproc.routing import Router
from aigw_extproc.translate.contract import Stored
from tests.explain.samples import CHAT, explained, question, router
from tests.test_exchange import BACKEND, NOW

CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
MESSAGES, RESPONSES = "/v1/messages", "/v1/responses"
USER = {"role": "user", "content": "Hi."}
PIXEL = "data:image/png;base64,!"
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}


def chat(*messages: Any, **fields: Any) -> dict[str, Any]:
    return {"model": CLAUDE, "messages": list(messages) or [USER], **fields}


def user(*parts: Any) -> dict[str, Any]:
    return chat({"role": "user", "content": list(parts)})


def message(**fields: Any) -> dict[str, Any]:
    return {"model": CLAUDE, "max_tokens": 9, "messages": [USER], **fields}


BROKEN: list[tuple[str, Any, str]] = [
    # path, body, the field that the next step names; `-` for the body as a whole
    (CHAT, b"", "-"),
    (CHAT, b'{"model": "nova", ', "-"),
    (CHAT, b"[]", "-"),
    (CHAT, b"null", "-"),
    (CHAT, b'"nova"', "-"),
    (CHAT, b'{"model": "nova", "messages": [{"role": "user", "content": "\xf4"}]}', "-"),
    (CHAT, b'{"messages": []}', "-"),
    (CHAT, chat() | {"model": 5}, "model"),
    (CHAT, chat() | {"model": ""}, "model"),
    (CHAT, chat() | {"model": "a\nb"}, "model"),
    (CHAT, {"model": CLAUDE}, "-"),
    (CHAT, {"model": CLAUDE, "messages": []}, "messages"),
    (CHAT, chat() | {"messages": "Hello!"}, "messages"),
    (CHAT, chat({"role": "robot", "content": "b"}), "messages[0].role"),
    (CHAT, chat({"role": "user", "content": 1}), "messages[0].content"),
    (CHAT, chat({"role": "user", "content": ""}), "messages"),
    (CHAT, chat({"role": "assistant", "content": "a"}), "messages[0]"),
    (CHAT, chat({"role": "system", "content": "a"}), "messages"),
    (CHAT, chat(temperature="hot"), "temperature"),
    (CHAT, chat(temperature=-1), "temperature"),
    (CHAT, chat(top_p=-1), "top_p"),
    (CHAT, chat(max_tokens=0), "max_tokens"),
    (CHAT, chat(n=2), "n"),
    (CHAT, chat(stop=7), "stop"),
    (CHAT, chat(stream="yes"), "stream"),
    (CHAT, chat(tools="f"), "tools"),
    (CHAT, chat(tools=[{"type": "function"}]), "tools[0]"),
    (CHAT, chat(tools=[TOOL], tool_choice={"type": "function", "function": {"name": "g"}}), "tool_choice"),
    (CHAT, chat(USER, {"role": "tool", "tool_call_id": "c", "content": "1"}), "messages[1]"),
    (CHAT, chat(USER, {"role": "assistant", "tool_calls": [CALL]}, USER, tools=[TOOL]), "messages[1]"),
    (CHAT, chat(USER, {"role": "assistant", "tool_calls": [CALL | {"function": {"name": "f", "arguments": "["}}]}), ""),
    (CHAT, user({"type": "hologram"}), "messages[0].content[0]"),
    (CHAT, user({"type": "image_url", "image_url": {"url": "ftp://a/b"}}), "messages[0].content[0]"),
    (CHAT, user({"type": "image_url", "image_url": {"url": PIXEL}}), "messages[0].content[0]"),
    (CHAT, user({"type": "image_url"}), "messages[0].content[0]"),
    (CHAT, user({"type": "file", "file": {"file_id": "f"}}), "messages[0].content[0]"),
    (CHAT, user({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "scroll"}}), "messages[0].content"),
    (CHAT, chat(response_format={"type": "poem"}), "response_format"),
    (CHAT, chat(response_format={"type": "json_schema"}), "response_format"),
    (CHAT, chat(reasoning_effort="enormous"), "reasoning_effort"),
    (CHAT, chat(aws={"unknown": 1}), "aws"),
    (MESSAGES, message(max_tokens="9"), "max_tokens"),
    (MESSAGES, message(messages=[]), "messages"),
    (MESSAGES, {"model": CLAUDE, "messages": [USER]}, "-"),
    (MESSAGES, message(messages=[{"role": "robot", "content": "a"}]), "messages[0].role"),
    (MESSAGES, message(thread={"id": "t"}), "messages"),
    (MESSAGES, message(thinking={"type": "enabled", "budget_tokens": 1}), "thinking"),
    (RESPONSES, {"model": CLAUDE}, ""),
    (RESPONSES, {"model": CLAUDE, "input": 7}, "input"),
    (RESPONSES, {"model": CLAUDE, "input": []}, "input"),
    (RESPONSES, {"model": CLAUDE, "input": [{"type": "hologram"}]}, "input[0]"),
    (RESPONSES, {"model": CLAUDE, "input": "a", "text": {"format": {"type": "poem"}}}, "text"),
    ("/v1/completions", {"model": CLAUDE, "prompt": 5}, "prompt"),
    ("/v1/embeddings", {"model": CLAUDE, "input": "a"}, "model"),
    ("/v1/embeddings", {"model": "amazon.titan-embed-text-v2:0"}, ""),
    ("/v1/images/generations", {"model": "amazon.nova-canvas-v1:0", "prompt": "a", "n": 0}, "n"),
    ("/v1/rerank", {"model": "cohere.rerank-v3-5:0", "query": "a", "documents": []}, "documents"),
    ("/tokenize", {"model": CLAUDE}, ""),
]


def test_there_are_fifty() -> None:
    assert len(BROKEN) >= 50


@pytest.mark.parametrize(("path", "body", "field"), BROKEN)
def test_a_broken_request(path: str, body: Any, field: str) -> None:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    explanation = explained(data, path=path)
    refusal = explanation.refusal or (explanation.backends[0].refusal if explanation.backends else None)
    reply = asked(router(), path, data)
    assert refusal is not None
    assert not explanation.served
    assert (refusal.status, bytes(refusal.body)) == (reply.status, reply.body)
    assert refusal.status == 400
    assert refusal.message in reply.body.decode().replace('\\"', '"').replace("\\\\", "\\")
    named = refusal.next_step.partition("`")[2].partition("`")[0]
    assert refusal.next_step
    assert named.startswith(field) if field != "-" else not named


def asked(rules: Router, path: str, body: bytes, **headers: str) -> Reply:
    """The gateway's own answer."""
    request = client_request(body, path=path, headers=headers.items())
    machine = Exchange(rules, pick=0.0, keeps=True)
    action = machine.receive(RequestHeaders(request.headers, not body, NOTHING), now=NOW)
    if isinstance(action, Continue):
        action = machine.receive(RequestBody(body), now=NOW)
    if isinstance(action, NeedStored):
        action = machine.receive(StoredReady(Stored(new_id="0")), now=NOW)
    assert isinstance(action, Reply)
    return action


NOVA = Rule(
    name="default/r/rule/0",
    matches=((HeaderMatch(name=MODEL_HEADER, value="nova"),),),
    backends=(BACKEND,),
    owned_by="us",
    created=7,
)


def test_an_unknown_model_has_a_neighbour() -> None:
    refusal = explained(question("novae"), rules=router(NOVA)).refusal
    assert refusal is not None
    assert (refusal.status, refusal.code, refusal.param) == (404, "model_not_found", "model")
    assert refusal.next_step == (
        "did you mean nova? Use a model of GET /v1/models, or let a rule match 'novae' in x-ai-eg-model"
    )


@pytest.mark.parametrize(
    ("changed", "status", "step"),
    [
        ({"path": "/v1/chat/completion"}, 404, "did you mean /v1/chat/completions?"),
        ({"path": "/"}, 404, "use one of the paths in the message"),
        ({"method": "PUT"}, 405, "use POST"),
        ({"content_type": "text/plain"}, 415, "send JSON with `content-type: application/json`"),
        ({"content_encoding": "br"}, 415, "send JSON with `content-type: application/json`"),
    ],
)
def test_the_way_of_asking(changed: dict[str, str], status: int, step: str) -> None:
    refusal = explained(question(), **changed).refusal
    assert refusal is not None
    assert (refusal.status, refusal.next_step[: len(step)]) == (status, step)


def test_a_body_that_is_too_large_as_envoy_says_it() -> None:
    refusal = explained(question(), rules=router(buffer_limit=20)).refusal
    assert refusal is not None
    assert (refusal.status, refusal.code) == (413, REPLIES[0].code)
    assert refusal.message == REPLIES[0].message.format(buffer_limit=20)


def test_a_host_that_is_not_allowed() -> None:
    refusal = explained(question(), rules=Router(router().snapshot, ["a.example"]), host="b.example").refusal
    assert refusal is not None
    assert refusal.status == 403
    assert refusal.next_step == "use a host that the gateway answers to, or add it with --allow-host"


# --- who may come in --------------------------------------------------------------------------------------------

KEYS = Policy(name="default/keys", keys=ApiKeys(clients={key_digest("key"): "alice"}))
PROVIDER = TokenProvider(name="p", key="p/1", keys="{}", places=(TokenPlace(header="authorization"),))


def guarded(policy: Policy) -> Router:
    return router(Rule(name="default/r/rule/0", backends=(BACKEND,), policy=policy, owned_by="us", created=7))


@pytest.mark.parametrize(
    ("policy", "headers", "code"),
    [
        (KEYS, {}, "invalid_api_key"),
        (KEYS, {"authorization": "Bearer other"}, "invalid_api_key"),
        (Policy(name="default/tokens", tokens=Tokens(providers=(PROVIDER,))), {}, "invalid_token"),
    ],
)
def test_a_client_that_is_not_let_in_sees_the_rest_as_if_it_were(
    policy: Policy, headers: dict[str, str], code: str
) -> None:
    explanation = explained(question(), rules=guarded(policy), **headers)
    assert explanation.refusal is not None
    assert (explanation.refusal.status, explanation.refusal.code) == (401, code)
    assert (explanation.admitted, explanation.served) == (False, False)
    assert [backend.requests[0].path for backend in explanation.backends] == ["/model/nova/converse"]


def test_a_client_with_a_key_is_named() -> None:
    explanation = explained(question(), rules=guarded(KEYS), authorization="Bearer key")
    assert (explanation.client, explanation.admitted, explanation.served) == ("alice", True, True)
