"""Tests for aigw_extproc.extproc.processor: streams as Envoy drives them, in process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence

import grpc
import pytest
from google.protobuf.struct_pb2 import Struct

from aigw_extproc import metrics
from aigw_extproc.aws.identity import Credentials, DefaultChain, Identity
from aigw_extproc.config.snapshot import (
    MODEL_HEADER,
    Address,
    AwsAuth,
    Backend,
    HeaderMatch,
    Rule,
    Schema,
    Snapshot,
    Upstream,
)
from aigw_extproc.errors import CredentialsUnavailable
from aigw_extproc.exchange.messages import UpstreamCall
from aigw_extproc.exchange.spending import SpentTokens
from aigw_extproc.extproc.pb import ext_proc_pb2 as pb
from aigw_extproc.extproc.processor import Processor
from aigw_extproc.routing import Router
from aigw_extproc.translate.contract import Fetched, Media, UpstreamResponse
from tests.extproc.servicer import EnvoyStream, changed, headers

KEYS = Credentials(access_key_id="AKID", secret_access_key="secret")
UPSTREAM = Upstream(cluster="default/bedrock", host="bedrock.test", addresses=(Address(host="bedrock.test", port=443),))
AUTH = AwsAuth(region="us-east-1", source=DefaultChain())
BACKEND = Backend(name="default/b/route/r/rule/0/ref/0", schema=Schema(name="AWSBedrock"), upstream=UPSTREAM, auth=AUTH)
RULE = Rule(
    name="default/r/rule/0",
    matches=((HeaderMatch(name=MODEL_HEADER, value="m"),),),
    backends=(BACKEND,),
    owned_by="us",
    created=7,
)
CHAT = {"model": "m", "messages": [{"role": "user", "content": "Hi."}]}
POST = headers(__method="POST", __path="/v1/chat/completions", __authority="gateway", content_type="application/json")
ANSWER = {
    "output": {"message": {"role": "assistant", "content": [{"text": "Hello!"}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 1, "outputTokens": 2, "totalTokens": 3},
}


class Surroundings:
    """What a processor asks for while an exchange waits."""

    def __init__(self, *, keys: bool = True) -> None:
        self.keys = keys
        self.rejected: list[Identity] = []
        self.spent: list[SpentTokens] = []

    async def credentials(self, auth: AwsAuth) -> Identity:
        await asyncio.sleep(0)
        if not self.keys:
            raise CredentialsUnavailable("none")
        return KEYS

    async def media(self, urls: tuple[str, ...], hosts: tuple[str, ...]) -> Mapping[str, Fetched]:
        return {url: Media(media_type="image/png", base64="iVBORw0KGgo=") for url in urls}

    async def upstream(self, upstream: Upstream, calls: Sequence[UpstreamCall]) -> tuple[UpstreamResponse, ...]:
        raise AssertionError(calls)

    def reject(self, auth: AwsAuth, identity: Identity) -> None:
        self.rejected.append(identity)

    def watch(self, _exchange: object, _timeline: object, spent: SpentTokens | None) -> None:
        if spent is not None:
            self.spent.append(spent)

    def open(self) -> EnvoyStream:
        router = Router(Snapshot(rules=(RULE,)))
        asked = (self.credentials, self.media, self.upstream, self.reject)
        return EnvoyStream(Processor(lambda: router, *asked, watch=self.watch))


def body(value: object, *, end: bool = True) -> pb.HttpBody:
    return pb.HttpBody(body=json.dumps(value).encode(), end_of_stream=end)


def active() -> float:
    [metric] = metrics.ACTIVE_EXCHANGES.collect()
    return metric.samples[0].value


def test_a_chat_from_its_headers_to_its_end() -> None:
    before = active()
    stream = Surroundings().open()
    assert stream.send(request_headers=POST).HasField("request_headers")
    assert active() == before + 1
    forwarded = stream.send(request_body=body(CHAT)).request_body.response
    assert changed(forwarded.header_mutation)[":path"] == "/model/m/converse"
    assert "AKID/" in changed(forwarded.header_mutation)["authorization"]
    assert json.loads(forwarded.body_mutation.body) == {"messages": [{"role": "user", "content": [{"text": "Hi."}]}]}
    head = headers(__status="200", content_type="application/json")
    assert stream.send(response_headers=head).HasField("response_headers")
    answered = stream.send(response_body=body(ANSWER)).response_body.response
    assert json.loads(answered.body_mutation.body)["choices"][0]["message"]["content"] == "Hello!"
    assert stream.status() is grpc.StatusCode.OK
    assert active() == before


def test_a_refusal_ends_the_stream() -> None:
    stream = Surroundings().open()
    stream.send(request_headers=POST)
    reply = stream.send(request_body=body({**CHAT, "model": "unknown"})).immediate_response
    assert reply.status.code == 404
    assert stream.status() is grpc.StatusCode.OK


def test_a_client_that_leaves_ends_the_exchange() -> None:
    before = active()
    stream = Surroundings().open()
    stream.send(request_headers=POST)
    stream.leave()
    assert stream.status() is grpc.StatusCode.OK
    assert active() == before


def test_without_credentials_the_request_is_refused() -> None:
    stream = Surroundings(keys=False).open()
    stream.send(request_headers=POST)
    reply = stream.send(request_body=body(CHAT)).immediate_response
    assert (reply.status.code, json.loads(reply.body)["error"]["message"]) == (503, "none")


def test_images_are_fetched_while_the_request_waits() -> None:
    stream = Surroundings().open()
    stream.send(request_headers=POST)
    image = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    asked = {**CHAT, "messages": [{"role": "user", "content": [image]}]}
    forwarded = stream.send(request_body=body(asked)).request_body.response.body_mutation.body
    assert json.loads(forwarded)["messages"][0]["content"] == [
        {"image": {"format": "png", "source": {"bytes": "iVBORw0KGgo="}}}
    ]
    stream.leave()
    assert stream.status() is grpc.StatusCode.OK


def test_credentials_that_aws_rejects_are_reported() -> None:
    surroundings = Surroundings()
    stream = surroundings.open()
    stream.send(request_headers=POST)
    stream.send(request_body=body(CHAT))
    error = headers(__status="403", content_type="application/json", x_amzn_errortype="ExpiredTokenException")
    stream.send(response_headers=error)
    stream.send(response_body=body({"message": "expired"}))
    assert surroundings.rejected == [KEYS]


def test_a_message_without_a_phase_is_an_error_of_the_call() -> None:
    stream = Surroundings().open()
    with pytest.raises(ValueError, match="No more responses!"):
        stream.send()
    assert stream.status() is grpc.StatusCode.UNKNOWN


# --- what was spent ---------------------------------------------------------------------------------------------


def test_what_was_spent_is_given_out_once_and_is_in_the_last_answer() -> None:
    surroundings = Surroundings()
    stream = surroundings.open()
    stream.send(request_headers=POST)
    stream.send(request_body=body(CHAT))
    assert not stream.send(response_headers=headers(__status="200")).HasField("dynamic_metadata")
    answered = stream.send(response_body=body(ANSWER))
    assert stream.status() is grpc.StatusCode.OK
    [spent] = surroundings.spent
    assert (spent.counts.input_tokens, spent.counts.output_tokens, spent.estimated) == (1, 2, False)
    metadata = answered.dynamic_metadata["io.envoy.ai_gateway"]
    assert isinstance(metadata, Struct)
    assert (metadata["usage_input_tokens"], metadata["usage_output_tokens"]) == (1, 2)


def test_what_a_client_that_leaves_has_spent_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="aigw_extproc.extproc.processor")
    surroundings = Surroundings()
    stream = surroundings.open()
    stream.send(request_headers=POST)
    sent = stream.send(request_body=body(CHAT)).request_body.response.body_mutation.body
    stream.leave()
    assert stream.status() is grpc.StatusCode.OK
    [spent] = surroundings.spent
    tokens = -(-len(sent) // 4)
    assert (spent.counts.input_tokens, spent.counts.output_tokens, spent.estimated) == (tokens, 0, True)
    assert caplog.messages == [
        f"exchange broken off: client= model=m backend=default/b input_tokens={tokens} output_tokens=0 estimated=true"
    ]


def test_what_was_refused_has_spent_nothing() -> None:
    surroundings = Surroundings()
    stream = surroundings.open()
    stream.send(request_headers=POST)
    stream.send(request_body=body({**CHAT, "model": "unknown"}))
    assert stream.status() is grpc.StatusCode.OK
    assert surroundings.spent == []
