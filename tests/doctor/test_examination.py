"""Tests for aigw_extproc.doctor.examination, against a simulator that checks signatures, and moto's STS."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path

import pytest

from aigw_extproc.aws.identity import BearerToken, DefaultChain
from aigw_extproc.bedrock.converse import encode_model_id
from aigw_extproc.config.snapshot import RequestCredentials, Schema, Snapshot, Tls
from aigw_extproc.doctor import examination, network, probe
from aigw_extproc.doctor.examination import examine
from aigw_extproc.simulator.settings import Settings
from tests.doctor.endpoints import closed_port, endpoint, hanging_up, refusal, silence
from tests.doctor.targets import DEMO, MODEL, backend, by_name, examined, outcomes, rule, snapshot, upstream
from tests.envoy_config.certificates import authority
from tests.simulator.running import RunningSimulator, running_simulator

WRONG = replace(DEMO, secret_access_key="wrong" * 8)
TEMPORARY = replace(DEMO, session_token="canary-session-token")


async def test_all_well(simulator: RunningSimulator) -> None:
    (diagnosis,) = await examine(snapshot(simulator.port))
    assert [(check.name, check.outcome.value) for check in diagnosis.checks] == [
        ("credentials", "ok"),
        ("identity", "ok"),
        ("dns", "skipped"),
        ("tcp", "ok"),
        ("tls", "skipped"),
        ("clock", "ok"),
        ("call", "ok"),
        ("model", "ok"),
    ]
    assert diagnosis.healthy


async def test_details_when_all_is_well(simulator: RunningSimulator) -> None:
    checks = await examined(snapshot(simulator.port))
    assert {name: check.detail for name, check in checks.items()} == {
        "credentials": "configuration: access key AKIA…MPLE, no expiry known",
        "identity": "account 123456789012, arn:aws:sts::123456789012:user/moto",
        "dns": "127.0.0.1 is an IP address",
        "tcp": f"connected to 127.0.0.1:{simulator.port}",
        "tls": "no BackendTLSPolicy: requests are sent in plaintext",
        "clock": "correct to within five seconds",
        "call": "the signature is accepted",
        "model": (
            "available; the empty probe was rejected before anything ran (ValidationException: Malformed "
            "input request: Object missing required field `anthropic_version`, please reformat your input and try "
            "again.)"
        ),
    }


async def test_no_model_runs(simulator: RunningSimulator) -> None:
    before = len(simulator.requests())
    await examine(snapshot(simulator.port))
    assert [request["status"] for request in simulator.requests()[before:]] == [400]


async def test_a_wrong_secret(simulator: RunningSimulator) -> None:
    check = (await examined(snapshot(simulator.port, WRONG)))["call"]
    assert check.outcome.value == "failed"
    assert check.next_step == (
        "the secret access key does not belong to the access key id: copy both again, without white space around them; "
        "a proxy in front of the endpoint must change neither the path nor the Host header"
    )


async def test_models_are_skipped_without_an_accepted_call(simulator: RunningSimulator) -> None:
    check = (await examined(snapshot(simulator.port, WRONG)))["model"]
    assert (check.outcome.value, check.detail) == ("skipped", "the call was not accepted")


async def test_an_unknown_key(simulator: RunningSimulator) -> None:
    check = (await examined(snapshot(simulator.port, replace(DEMO, access_key_id="AKIAUNKNOWNUNKNOWN42"))))["call"]
    assert check.detail == "UnrecognizedClientException: The security token included in the request is invalid."


async def test_an_expired_token() -> None:
    with running_simulator(Settings(expired_session_tokens=frozenset({"canary-session-token"}))) as expiring:
        check = (await examined(snapshot(expiring.port, TEMPORARY)))["call"]
    assert check.detail == "ExpiredTokenException: The security token included in the request is expired"
    assert check.next_step == (
        "get new temporary credentials: run `aws sso login`, restart the pod for a projected token, or put new ones "
        "into the Secret"
    )


async def test_an_api_key() -> None:
    with running_simulator(Settings(bearer_tokens=frozenset({"canary-api-key"}))) as knowing:
        checks = await examined(snapshot(knowing.port, BearerToken(token="canary-api-key")))
    assert [checks[name].detail for name in ("credentials", "identity", "call")] == [
        "configuration: a Bedrock API key, which is sent instead of a signature",
        "STS does not know Bedrock API keys",
        "the API key is accepted",
    ]


async def test_a_wrong_api_key(simulator: RunningSimulator) -> None:
    check = (await examined(snapshot(simulator.port, BearerToken(token="canary-api-key"))))["call"]
    assert check.next_step == "create a new Bedrock API key, in us-east-1: this one is wrong or has expired"


async def test_a_wrong_region(simulator: RunningSimulator) -> None:
    auth = snapshot(simulator.port).rules[0].backends[0].auth
    assert auth is not None
    abroad = backend(upstream(simulator.port), auth=replace(auth, region="eu-west-1"))
    check = (await examined(Snapshot(rules=(rule(abroad),))))["call"]
    assert check.next_step == (
        "requests are signed for eu-west-1, but the endpoint belongs to another region or service: make `region` "
        "in the BackendSecurityPolicy and the Backend's host name the same region"
    )


# --- the clock ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("offset", "skew"),
    [(-900, "15 minutes ahead of the endpoint's clock"), (900, "15 minutes behind the endpoint's clock")],
)
async def test_a_clock_that_invalidates_signatures(offset: float, skew: str) -> None:
    with running_simulator(Settings(clock=lambda: time.time() + offset)) as skewed:
        checks = await examined(snapshot(skewed.port))
    assert checks["clock"].detail == f"{skew}; signatures allow a difference of 5 minutes"
    assert checks["clock"].next_step == checks["call"].next_step
    assert outcomes(checks) | {"clock": "failed", "call": "failed", "model": "skipped"} == outcomes(checks)


async def test_our_own_clock(simulator: RunningSimulator) -> None:
    (diagnosis,) = await examine(snapshot(simulator.port), clock=lambda: time.time() + 3600)
    assert by_name(diagnosis)["clock"].detail == (
        "60 minutes ahead of the endpoint's clock; signatures allow a difference of 5 minutes"
    )


# --- network --------------------------------------------------------------------------------------------------------


async def test_a_name_that_does_not_resolve() -> None:
    unresolved = backend(upstream(443, host="bedrock.invalid"))
    checks = await examined(Snapshot(rules=(rule(unresolved),)))
    assert checks["dns"].detail.startswith("bedrock.invalid: ")
    assert outcomes(checks) == {
        "credentials": "ok",
        "identity": "ok",
        "dns": "failed",
        "tcp": "skipped",
        "tls": "skipped",
        "clock": "skipped",
        "call": "skipped",
        "model": "skipped",
    }


async def test_a_closed_port() -> None:
    with closed_port() as port:
        checks = await examined(snapshot(port))
    assert checks["tcp"].detail == f"127.0.0.1:{port}: Connection refused"
    assert checks["call"].detail == "the endpoint cannot be reached"


async def test_every_check_over_tls(tmp_path: Path) -> None:
    ca = authority(tmp_path)
    reply = refusal("ValidationException", "Malformed input request", 400)
    async with endpoint(reply, tls=ca.server("DNS:bedrock.test")) as port:
        policy = Tls(server_name="bedrock.test", ca_pem=ca.file.read_text())
        checks = await examined(snapshot(port, DEMO, MODEL, tls=policy))
    assert outcomes(checks) | {"tcp": "ok", "tls": "ok", "call": "ok", "model": "ok"} == outcomes(checks)
    assert checks["tls"].detail.startswith("TLSv1.3, certificate for bedrock.test until ")
    assert checks["tls"].detail.endswith(", trusted by the policy's certificates")


async def test_a_certificate_for_another_name(tmp_path: Path) -> None:
    ca = authority(tmp_path)
    async with endpoint(b"", tls=ca.server("DNS:other.test")) as port:
        policy = Tls(server_name="bedrock.test", ca_pem=ca.file.read_text())
        check = (await examined(snapshot(port, DEMO, MODEL, tls=policy)))["tls"]
    assert check.detail == "the certificate is not for bedrock.test"
    assert check.next_step == (
        "set `hostname` in the BackendTLSPolicy to a name in the certificate, or check that the Backend's host is right"
    )


async def test_nothing_is_sent_to_a_server_with_another_name(tmp_path: Path) -> None:
    ca = authority(tmp_path)
    async with endpoint(b"", tls=ca.server("DNS:other.test")) as port:
        policy = Tls(server_name="bedrock.test", ca_pem=ca.file.read_text())
        checks = await examined(snapshot(port, DEMO, MODEL, tls=policy))
    assert (checks["call"].outcome.value, checks["call"].detail) == ("skipped", "the endpoint cannot be reached")


async def test_a_certificate_of_an_unknown_authority(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    ca, other = authority(tmp_path), authority(tmp_path / "other")
    async with endpoint(b"", tls=ca.server("DNS:bedrock.test")) as port:
        policy = Tls(server_name="bedrock.test", ca_pem=other.file.read_text())
        check = (await examined(snapshot(port, DEMO, MODEL, tls=policy)))["tls"]
    assert check.detail.startswith("the certificate is not trusted by the policy's certificates: ")


async def test_tls_to_a_port_without_tls(simulator: RunningSimulator) -> None:
    checks = await examined(snapshot(simulator.port, DEMO, MODEL, tls=Tls(server_name="bedrock.test", ca_pem=None)))
    assert checks["tls"].next_step == (
        "check that the port in the Backend speaks TLS 1.2 or newer: one that speaks plain HTTP needs no "
        "BackendTLSPolicy"
    )


async def test_a_server_that_is_not_bedrock() -> None:
    async with endpoint(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 6\r\n\r\n<html>") as port:
        check = (await examined(snapshot(port)))["call"]
    assert check.detail == "status 502 with a body that is not Bedrock's"


async def test_a_server_that_never_responds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "CALL_SECONDS", 0.3)
    async with silence() as port:
        check = (await examined(snapshot(port)))["call"]
    assert (check.outcome.value, check.detail) == ("failed", "no response within 0.3 s")


@pytest.mark.parametrize("server", [silence, hanging_up])
async def test_a_handshake_that_fails(
    server: Callable[[], AbstractAsyncContextManager[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "HANDSHAKE_SECONDS", 0.3)
    async with server() as port:
        check = (await examined(snapshot(port, DEMO, MODEL, tls=Tls(server_name="bedrock.test"))))["tls"]
    assert check.outcome.value == "failed"
    assert check.detail.startswith("the handshake failed: ")


async def test_a_source_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination, "CREDENTIAL_SECONDS", 0.3)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    held = os.open(pipe, os.O_RDWR)
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").write_text(f"[default]\ncredential_process = cat {pipe}\n")
    with closed_port() as port:
        checks = await examined(snapshot(port, DefaultChain()))
    assert checks["credentials"].detail == "the source did not answer within 0.3 s"
    assert checks["identity"].detail == "there are no credentials"
    pipe.unlink()
    os.close(held)  # ends the process, which finds no pipe when it is started again


async def test_one_model_of_several_without_an_answer() -> None:
    reply = refusal("ValidationException", "Malformed input request", 400)
    async with endpoint(reply, only=f"/model/{encode_model_id(MODEL)}/invoke") as port:
        (diagnosis,) = await examine(snapshot(port, DEMO, MODEL, "other"))
    assert [(check.subject, check.outcome.value) for check in diagnosis.checks if check.name == "model"] == [
        (MODEL, "ok"),
        ("other", "failed"),
    ]


async def test_any_model_denied_is_a_failure() -> None:
    denied = "User: u is not authorized to perform: bedrock:InvokeModel on resource: arn:m"
    async with endpoint(refusal("AccessDeniedException", denied)) as port:
        check = (await examined(Snapshot(rules=(rule(backend(upstream(port)), models=()),))))["model"]
    assert (check.subject, check.outcome.value) == ("any", "failed")


async def test_a_server_that_closes_the_connection() -> None:
    async with endpoint(b"") as port:
        checks = await examined(snapshot(port))
    assert (checks["call"].outcome.value, checks["clock"].detail) == ("failed", "there is no response")


# --- models ---------------------------------------------------------------------------------------------------------


async def test_models_one_by_one(simulator: RunningSimulator) -> None:
    models = (MODEL, "simulator.access-denied", "simulator.not-found", "simulator.throttling")
    (diagnosis,) = await examine(snapshot(simulator.port, DEMO, *models))
    assert [(check.subject, check.outcome.value) for check in diagnosis.checks if check.name == "model"] == [
        (MODEL, "ok"),
        ("simulator.access-denied", "failed"),
        ("simulator.not-found", "failed"),
        ("simulator.throttling", "failed"),
    ]


async def test_a_model_that_needs_a_profile() -> None:
    message = (
        f"Invocation of model ID {MODEL} with on-demand throughput isn\u2019t supported. Retry your request with the "
        "ID or ARN of an inference profile that contains this model."
    )
    async with endpoint(refusal("ValidationException", message, 400)) as port:
        check = (await examined(snapshot(port)))["model"]
    assert check.next_step == (
        f"use an inference profile instead, such as us.{MODEL} (modelNameOverride keeps the model's name for "
        "clients); `aws bedrock list-inference-profiles --region us-east-1` lists them"
    )


async def test_an_arn_of_another_region(simulator: RunningSimulator) -> None:
    arn = "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.anthropic.claude-3-haiku-20240307-v1:0"
    east = replace(upstream(simulator.port), host="bedrock-runtime.us-east-1.amazonaws.com")
    check = (await examined(Snapshot(rules=(rule(backend(east), models=(arn,)),))))["model"]
    assert check.detail == "the ARN is of eu-west-1, and the endpoint in us-east-1: the gateway refuses such requests"


async def test_a_denied_action() -> None:
    arn = "arn:aws:bedrock:us-east-1::foundation-model/m"
    message = (
        f"User: arn:aws:iam::123456789012:user/u is not authorized to perform: bedrock:InvokeModel on resource: {arn} "
        "because no identity-based policy allows the bedrock:InvokeModel action"
    )
    async with endpoint(refusal("AccessDeniedException", message)) as port:
        checks = await examined(snapshot(port))
    assert checks["call"].outcome.value == "ok"
    assert checks["model"].next_step == (
        f"allow bedrock:InvokeModel on {arn} in a policy of this identity; an inference profile needs it for the "
        "profile and for the model in every region that the profile routes to"
    )


async def test_rules_that_take_any_model(simulator: RunningSimulator) -> None:
    check = (await examined(Snapshot(rules=(rule(backend(upstream(simulator.port)), models=()),))))["model"]
    assert (check.subject, check.outcome.value) == ("any", "ok")
    assert check.detail.startswith("tested with amazon.nova-micro-v1:0: available; ")


async def test_any_model_missing_is_no_failure() -> None:
    async with endpoint(refusal("ValidationException", "The provided model identifier is invalid.", 400)) as port:
        check = (await examined(Snapshot(rules=(rule(backend(upstream(port)), models=()),))))["model"]
    assert (check.outcome.value, check.detail) == (
        "skipped",
        "tested with amazon.nova-micro-v1:0: ValidationException: The provided model identifier is invalid.",
    )


# --- no credentials ---------------------------------------------------------------------------------------------------


async def test_without_credentials_the_rest_is_checked(simulator: RunningSimulator) -> None:
    checks = await examined(snapshot(simulator.port, DefaultChain()))
    assert outcomes(checks) == {
        "credentials": "failed",
        "identity": "skipped",
        "dns": "skipped",
        "tcp": "ok",
        "tls": "skipped",
        "clock": "ok",
        "call": "skipped",
        "model": "skipped",
    }


async def test_a_backend_without_signatures(simulator: RunningSimulator) -> None:
    unsigned = backend(upstream(simulator.port), None, schema=Schema(name="OpenAI"))
    checks = await examined(Snapshot(rules=(rule(unsigned),)))
    assert (checks["credentials"].detail, checks["call"].detail) == (
        "requests to this backend are not signed",
        "there is no free test request for a backend of schema OpenAI",
    )


async def test_requests_that_bring_their_own_credentials(simulator: RunningSimulator) -> None:
    auth = snapshot(simulator.port).rules[0].backends[0].auth
    assert auth is not None
    demanding = backend(upstream(simulator.port), auth=replace(auth, override=RequestCredentials(fallback=False)))
    check = (await examined(Snapshot(rules=(rule(demanding),))))["credentials"]
    assert (check.outcome.value, check.detail) == (
        "skipped",
        "every request must bring its own, in headers x-aigw-aws-*",
    )


# --- several, and secrets -----------------------------------------------------------------------------------------


async def test_backends_side_by_side(simulator: RunningSimulator) -> None:
    good = backend(upstream(simulator.port), name="good")
    bad = backend(upstream(simulator.port), WRONG, name="bad")
    diagnoses = await examine(Snapshot(rules=(rule(good, bad),)))
    assert [(one.backend, one.healthy) for one in diagnoses] == [("default/good", True), ("default/bad", False)]


async def test_secrets_in_an_error_are_hidden() -> None:
    quoted = f"Canonical String: x-amz-security-token:{TEMPORARY.session_token} of {TEMPORARY.secret_access_key}"
    async with endpoint(refusal("InvalidSignatureException", quoted)) as port:
        check = (await examined(snapshot(port, TEMPORARY)))["call"]
    assert check.detail == "InvalidSignatureException: Canonical String: x-amz-security-token:[hidden] of [hidden]"
