"""Tests for credentials of the default chain, and for the client's error if there are none."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from aigw_extproc.aws.credentials import CredentialCache
from aigw_extproc.aws.identity import Credentials, DefaultChain
from aigw_extproc.config.builtin import region_configuration
from aigw_extproc.config.snapshot import AwsAuth, Upstream
from aigw_extproc.errors import CredentialsUnavailable
from aigw_extproc.exchange.messages import UpstreamCall
from aigw_extproc.extproc.pb import ext_proc_pb2 as pb
from aigw_extproc.extproc.processor import Processor
from aigw_extproc.routing import Router
from aigw_extproc.translate.contract import Fetched, UpstreamResponse

AUTH = AwsAuth(region="us-east-1", source=DefaultChain())
KEYS = Credentials(access_key_id="AKIDOFTEST", secret_access_key="chain-secret", session_token="chain-token")
INI = "[default]\naws_access_key_id = AKIDOFFILE\naws_secret_access_key = file-secret\n"


@pytest.fixture(autouse=True)
def no_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove every source of credentials: environment, files and instance metadata."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEYS.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEYS.secret_access_key)
    monkeypatch.setenv("AWS_SESSION_TOKEN", str(KEYS.session_token))
    return monkeypatch


@pytest.mark.usefixtures("environment")
async def test_credentials_in_the_environment() -> None:
    assert await CredentialCache().get(AUTH) == KEYS


async def test_credentials_in_the_shared_file(tmp_path: Path) -> None:
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "credentials").write_text(INI)
    expected = Credentials(access_key_id="AKIDOFFILE", secret_access_key="file-secret")
    assert await CredentialCache().get(AUTH) == expected


NO_CREDENTIALS = "the gateway has no AWS credentials at the moment; its log says why"


async def test_no_credentials_are_an_error(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(CredentialsUnavailable) as raised:
        await CredentialCache().get(AUTH)
    assert raised.value.message == NO_CREDENTIALS
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


async def test_why_a_source_fails_is_only_in_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "lost")
    with pytest.raises(CredentialsUnavailable) as raised:
        await CredentialCache().get(AUTH)
    assert raised.value.message == NO_CREDENTIALS
    assert "lost" in caplog.text


async def test_credentials_are_cached(environment: pytest.MonkeyPatch) -> None:
    cache = CredentialCache()
    first = await cache.get(AUTH)
    environment.setenv("AWS_ACCESS_KEY_ID", "AKIDOFANOTHER")
    assert await cache.get(AUTH) is first


def test_no_secret_is_in_a_repr() -> None:
    assert repr(KEYS) == "Credentials()"


# --- through an exchange ----------------------------------------------------------------------------------------


async def test_the_chains_credentials_sign(environment: pytest.MonkeyPatch) -> None:
    _, forwarded = await answers()
    headers = {one.header.key: one.header.raw_value for one in _mutation(forwarded).set_headers}
    assert headers["x-amz-security-token"] == b"chain-token"
    assert headers["authorization"].startswith(b"AWS4-HMAC-SHA256 Credential=AKIDOFTEST/")


async def test_no_credentials_are_a_503_without_the_reason(caplog: pytest.LogCaptureFixture) -> None:
    before = _failures()
    _, reply = await answers()
    assert reply.immediate_response.status.code == 503
    assert json.loads(reply.immediate_response.body) == {
        "error": {
            "message": NO_CREDENTIALS,
            "type": "api_error",
            "param": None,
            "code": "upstream_credentials",
        }
    }
    assert reply.immediate_response.details == "aigw_upstream_credentials"
    assert _failures() == before + 1
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


async def answers() -> list[pb.ProcessingResponse]:
    """Return the answers to Envoy for a chat completion that goes to us-east-1."""
    router = Router(region_configuration("us-east-1").snapshot)
    processor = Processor(lambda: router, CredentialCache().get, _no_media, _no_upstream)
    with closing(processor.open(_unexpected_message)) as stream:
        return [pb.ProcessingResponse.FromString(await stream.answer(message)) for message in _messages()]


def _messages() -> Iterator[bytes]:
    headers = {":method": "POST", ":path": "/v1/chat/completions", "content-type": "application/json"}
    pairs = [pb.HeaderValue(key=name, raw_value=value.encode()).SerializeToString() for name, value in headers.items()]
    yield pb.ProcessingRequest(request_headers=pb.HttpHeaders(headers=pb.HeaderMap(headers=pairs))).SerializeToString()
    body = b'{"model":"amazon.nova-micro-v1:0","messages":[{"role":"user","content":"Hi."}]}'
    yield pb.ProcessingRequest(request_body=pb.HttpBody(body=body, end_of_stream=True)).SerializeToString()


async def _unexpected_message(message: bytes) -> None:
    raise AssertionError(message)


async def _no_upstream(upstream: Upstream, calls: Sequence[UpstreamCall]) -> tuple[UpstreamResponse, ...]:
    raise AssertionError(calls)


async def _no_media(urls: tuple[str, ...], hosts: tuple[str, ...]) -> Mapping[str, Fetched]:
    raise AssertionError(urls)


def _mutation(answer: pb.ProcessingResponse) -> pb.HeaderMutation:
    return answer.request_body.response.header_mutation


def _failures() -> float:
    return REGISTRY.get_sample_value("aigw_signing_failures_total", {"region": "us-east-1"}) or 0.0
