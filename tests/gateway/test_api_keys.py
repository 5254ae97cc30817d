"""API keys through the whole gateway: right, wrong, none, rotated and revoked, with the real SDKs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import httpx
import openai
import pytest

from aigw_extproc.config.files import key_file
from tests.envoy_config.running import wait_for
from tests.gateway.conftest import NewGateway
from tests.gateway.policies import secret
from tests.gateway.resources import Document, backend, ref, route, rule, write
from tests.gateway.running import CHAT, Gateway, question
from tests.gateway.test_reload import PROMISED, requests_all_the_time
from tests.simulator.running import RunningSimulator

NOVA = "us.amazon.nova-micro-v1:0"
HELLO: Any = [{"role": "user", "content": "Hello!"}]


def security_policy(name: str, kind: str, target: str) -> Document:
    """A policy with the keys of the Secret `keys-NAME`."""
    spec = {
        "targetRefs": [{"group": "gateway.networking.k8s.io", "kind": kind, "name": target}],
        "apiKeyAuth": {
            "credentialRefs": [{"name": f"keys-{name}"}],
            "extractFrom": [{"headers": ["Authorization"]}],
            "forwardClientIDHeader": "x-client-id",
        },
    }
    return {
        "apiVersion": "gateway.envoyproxy.io/v1alpha1",
        "kind": "SecurityPolicy",
        "metadata": {"name": name},
        "spec": spec,
    }


def documents(simulator: RunningSimulator, **team_a: str) -> list[Document]:
    """Route `a` for the keys of its own Secret, route `b` for those of the gateway's."""
    gateway = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {"name": "edge"},
        "spec": {},
    }
    return [
        gateway,
        route("a", rule(ref(to=NOVA), model="model-a")),
        route("b", rule(ref(to=NOVA), model="model-b")),
        security_policy("a", "HTTPRoute", "a"),
        security_policy("edge", "Gateway", "edge"),
        secret("keys-a", **team_a),
        secret("keys-edge", **{"team-b": "key-of-b"}),
        *backend("bedrock", simulator.port),
    ]


@pytest.fixture(scope="module")
def guarded(start_gateway: NewGateway, simulator: RunningSimulator) -> Gateway:
    return start_gateway(*documents(simulator, alice="key-of-alice"))


@pytest.fixture
def restored(guarded: Gateway, simulator: RunningSimulator) -> Iterator[Gateway]:
    """The same gateway, with its first keys again at the end."""
    yield guarded
    write(guarded.resources, *documents(simulator, alice="key-of-alice"))
    wait_for(lambda: status(guarded, "key-of-alice") == 200 or None, what="the first keys")


def status(gateway: Gateway, key: str, model: str = "model-a") -> int:
    return gateway.chat(model, headers={"authorization": f"Bearer {key}"}).status_code


def openai_client(gateway: Gateway, key: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=key, max_retries=0, timeout=20)


def anthropic_client(gateway: Gateway, **key: str) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=gateway.url, max_retries=0, timeout=20, **key)  # type: ignore[arg-type] # of text


def test_the_openai_sdk(guarded: Gateway) -> None:
    with openai_client(guarded, "key-of-alice") as client:
        completion = client.chat.completions.create(model="model-a", messages=HELLO)
        assert completion.choices[0].message.content
        assert [model.id for model in client.models.list()] == ["model-a"]
        before = len(guarded.simulator.requests())
        with pytest.raises(openai.PermissionDeniedError) as denied:
            client.chat.completions.create(model="model-b", messages=HELLO)
        assert denied.value.code == "permission_denied"
        assert len(guarded.simulator.requests()) == before
    with openai_client(guarded, "junk") as client, pytest.raises(openai.AuthenticationError) as wrong:
        client.chat.completions.create(model="model-a", messages=HELLO)
    assert (wrong.value.code, wrong.value.type) == ("invalid_api_key", "authentication_error")


@pytest.mark.parametrize("key", [{"api_key": "key-of-b"}, {"auth_token": "key-of-b"}])
def test_the_anthropic_sdk(guarded: Gateway, key: dict[str, str]) -> None:
    with anthropic_client(guarded, **key) as client:
        message = client.messages.create(model="model-b", max_tokens=10, messages=HELLO)
        assert message.content
        with pytest.raises(anthropic.PermissionDeniedError):
            client.messages.create(model="model-a", max_tokens=10, messages=HELLO)
    junk = dict.fromkeys(key, "junk")
    with anthropic_client(guarded, **junk) as client, pytest.raises(anthropic.AuthenticationError) as wrong:
        client.messages.create(model="model-b", max_tokens=10, messages=HELLO)
    assert wrong.value.body["error"]["type"] == "authentication_error"  # type: ignore[index] # a dictionary


def test_no_key(guarded: Gateway) -> None:
    assert guarded.chat("model-a").status_code == 401
    assert guarded.client.get("/v1/models").status_code == 401


def test_what_the_upstream_and_the_operator_see(guarded: Gateway) -> None:
    headers = {"x-api-key": "key-of-alice", "x-client-id": "forged", "x-aigw-client": "forged"}
    response = guarded.client.post(f"{CHAT}?key=key-of-alice", json=question("model-a"), headers=headers)
    sent = guarded.received(response)
    received = {name.lower(): value for name, value in sent["headers"]}
    assert received["x-client-id"] == "alice"
    assert not {"x-api-key", "x-aigw-client"} & set(received)
    assert "key-of-alice" not in str(sent)
    assert guarded.processor.metric("aigw_client_requests_total", client="alice", status="200") >= 1
    logged = wait_for(
        lambda: next((line for line in guarded.envoy.log.read_text().splitlines() if '"alice"' in line), None),
        what="the access log",
    )
    assert '"api_client":"alice"' in logged
    assert "key-of-alice" not in guarded.envoy.log.read_text() + guarded.processor.log.read_text()


def test_the_access_log_names_the_client_that_is_refused(guarded: Gateway) -> None:
    response = guarded.chat("model-b", headers={"authorization": "Bearer key-of-alice"})
    assert response.status_code == 403
    line = guarded.envoy.access_log(response.headers["x-request-id"])
    assert (line["api_client"], line["details"]) == ("alice", "aigw_permission_denied")


def test_a_key_is_rotated_and_revoked(restored: Gateway, simulator: RunningSimulator) -> None:
    write(restored.resources, *documents(simulator, alice="key-of-alice", new="new-key"))
    begun = time.monotonic()
    wait_for(lambda: status(restored, "new-key") == 200 or None, what="the new key")
    assert time.monotonic() - begun < PROMISED
    assert status(restored, "key-of-alice") == 200
    with requests_all_the_time(restored, "model-a", authorization="Bearer new-key") as statuses:
        write(restored.resources, *documents(simulator, new="new-key"))
        begun = time.monotonic()
        wait_for(lambda: status(restored, "key-of-alice") == 401 or None, what="the end of the old key")
        assert time.monotonic() - begun < PROMISED
        enough = len(statuses) + 20
        wait_for(lambda: True if len(statuses) >= enough else None, what="requests after the change")
    assert set(statuses) == {200}


def test_a_file_of_keys_for_any_model(simulator: RunningSimulator, tmp_path: Path, new_gateway: NewGateway) -> None:
    file = tmp_path / "keys.yaml"
    key = key_file.create(file, "laptop")
    gateway = new_gateway(route("any", rule(ref())), *backend("bedrock", simulator.port), api_keys=file)
    assert status(gateway, key, NOVA) == 200
    assert status(gateway, "junk", NOVA) == 401
    key_file.revoke(file, "laptop")
    begun = time.monotonic()
    wait_for(lambda: status(gateway, key, NOVA) == 401 or None, what="the end of the key")
    assert time.monotonic() - begun < PROMISED
    with pytest.raises(httpx.HTTPStatusError):
        gateway.client.get("/v1/models", headers={"x-api-key": key}).raise_for_status()
