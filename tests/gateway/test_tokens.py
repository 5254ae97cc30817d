"""JSON Web Tokens through the whole gateway: Envoy verifies them, the processor decides."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import anthropic
import httpx
import openai
import pytest
from joserfc.jwk import RSAKey

from tests.envoy_config.running import wait_for
from tests.gateway.conftest import NewGateway
from tests.gateway.issuer import AUDIENCE, ISSUER, Issuer, running_issuer
from tests.gateway.policies import secret
from tests.gateway.resources import Document, backend, ref, route, rule
from tests.gateway.running import CHAT, Gateway, question
from tests.gateway.test_api_keys import HELLO, anthropic_client, openai_client
from tests.gateway.test_reload import requests_all_the_time
from tests.simulator.running import RunningSimulator

NOVA = "us.amazon.nova-micro-v1:0"
CACHE_SECONDS = 2


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with running_issuer() as running:
        yield running


@pytest.fixture(scope="module")
def other_issuer() -> Iterator[Issuer]:
    with running_issuer() as running:
        yield running


def provider(issuer: Issuer, **fields: Any) -> Document:
    keys = {"uri": issuer.uri, "cacheDuration": f"{CACHE_SECONDS}s"}
    return {"name": "login", "issuer": ISSUER, "audiences": [AUDIENCE], "remoteJWKS": keys, **fields}


def policy(name: str, target: str, **spec: Any) -> Document:
    annotations = spec.pop("annotations", {})
    return {
        "apiVersion": "gateway.envoyproxy.io/v1alpha1",
        "kind": "SecurityPolicy",
        "metadata": {"name": name, "annotations": annotations},
        "spec": {
            "targetRefs": [{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": target}],
            **spec,
        },
    }


def documents(simulator: RunningSimulator, issuer: Issuer, other: Issuer) -> list[Document]:
    """Routes for tokens of one issuer, of another one, with scopes and claims, and for API keys."""
    claims = {"claimToHeaders": [{"header": "X-Team", "claim": "team.name"}], "recomputeRoute": True}
    allowed = {
        "action": "Allow",
        "principal": {
            "jwt": {
                "provider": "login",
                "scopes": ["chat"],
                "claims": [{"name": "roles", "valueType": "StringArray", "values": ["admin", "user"]}],
            }
        },
    }
    return [
        route("a", rule(ref(to=NOVA), model="model-a"), rule(ref(to=NOVA), model="gold", x_team="gold")),
        route("b", rule(ref(to=NOVA), model="model-b")),
        route("scoped", rule(ref(to=NOVA), model="scoped")),
        route("keys", rule(ref(to=NOVA), model="by-key")),
        policy("a", "a", jwt={"providers": [provider(issuer, **claims)]}),
        policy("b", "b", jwt={"providers": [provider(other)]}, annotations={"aigw-extproc/client-claim": "email"}),
        policy("scoped", "scoped", jwt={"providers": [provider(issuer)]}, authorization={"rules": [allowed]}),
        policy("keys", "keys", apiKeyAuth={"credentialRefs": [{"name": "keys"}]}),
        secret("keys", laptop="key-of-laptop"),
        route("users", rule(ref(to=NOVA), model="by-password")),
        policy("users", "users", basicAuth={"users": {"name": "users"}, "forwardUsernameHeader": "x-username"}),
        secret("users", **{".htpasswd": "foo:{SHA}Ys23Ag/5IOWqZCw9QGaVDdHwH00=\n"}),
        *backend("bedrock", simulator.port),
    ]


@pytest.fixture(scope="module")
def guarded(start_gateway: NewGateway, simulator: RunningSimulator, issuer: Issuer, other_issuer: Issuer) -> Gateway:
    return start_gateway(*documents(simulator, issuer, other_issuer))


def asked(gateway: Gateway, token: str, model: str = "model-a", **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return gateway.chat(model, headers={"authorization": f"Bearer {token}", **named})


def test_the_openai_sdk(guarded: Gateway, issuer: Issuer) -> None:
    with openai_client(guarded, issuer.token()) as client:
        assert client.chat.completions.create(model="model-a", messages=HELLO).choices[0].message.content
        assert [model.id for model in client.models.list()] == ["model-a", "gold"]
    with openai_client(guarded, "junk") as client, pytest.raises(openai.AuthenticationError) as wrong:
        client.chat.completions.create(model="model-a", messages=HELLO)
    assert wrong.value.type == "authentication_error"


@pytest.mark.parametrize("place", ["api_key", "auth_token"])
def test_the_anthropic_sdk(guarded: Gateway, issuer: Issuer, place: str) -> None:
    with anthropic_client(guarded, **{place: issuer.token()}) as client:
        assert client.messages.create(model="model-a", max_tokens=10, messages=HELLO).content
    expired = {place: issuer.token(exp=int(time.time()) - 600)}
    with anthropic_client(guarded, **expired) as client, pytest.raises(anthropic.AuthenticationError) as wrong:
        client.messages.create(model="model-a", max_tokens=10, messages=HELLO)
    assert wrong.value.body["error"] == {  # type: ignore[index] # a dictionary
        "type": "authentication_error",
        "message": "the token is not valid: Jwt is expired",
    }


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"exp": 1}, "Jwt is expired"),
        ({"nbf": 4102444800}, "Jwt not yet valid"),
        ({"aud": "another"}, "Audiences in Jwt are not allowed"),
        ({"aud": None}, "Audiences in Jwt are not allowed"),
        ({"iss": "https://evil.example"}, "Jwt issuer is not configured"),
    ],
)
def test_invalid_tokens(guarded: Gateway, issuer: Issuer, claims: dict[str, Any], reason: str) -> None:
    before = len(guarded.simulator.requests())
    response = asked(guarded, issuer.token(**claims))
    assert response.status_code == 401
    assert response.json()["error"] == {
        "message": f"the token is not valid: {reason}",
        "type": "authentication_error",
        "param": None,
        "code": "invalid_token",
    }
    assert response.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert len(guarded.simulator.requests()) == before


def test_a_forged_signature(guarded: Gateway, issuer: Issuer) -> None:
    forger = RSAKey.generate_key(2048, {"kid": issuer.keys[-1].kid})
    assert asked(guarded, issuer.token(forger)).status_code == 401
    unsigned = issuer.token().rpartition(".")[0] + "."
    assert asked(guarded, unsigned).status_code == 401


def test_no_token(guarded: Gateway) -> None:
    response = guarded.chat("model-a")
    assert response.status_code == 401
    assert guarded.client.get("/v1/models").status_code == 401


@pytest.mark.parametrize("forged", [{}, {"x-ai-eg-model": "model-a"}, {"x-aigw-client": "bob"}, {"x-team": "gold"}])
def test_the_token_of_one_route_is_not_valid_for_another(
    guarded: Gateway, issuer: Issuer, forged: dict[str, str]
) -> None:
    before = len(guarded.simulator.requests())
    for model in ("model-b", "by-key"):
        response = guarded.chat(model, headers={"authorization": f"Bearer {issuer.token()}", **forged})
        assert (response.status_code, response.json()["error"]["code"]) == (403, "permission_denied")
    assert guarded.chat("model-a", headers={"x-api-key": "key-of-laptop"}).status_code == 403
    assert len(guarded.simulator.requests()) == before


@pytest.mark.parametrize(
    "headers",
    [
        {"x-api-key": "junk", "authorization": "Bearer {}"},
        {"x-api-key": "{}", "authorization": "Bearer junk"},
        {"x-api-key": "key-of-laptop", "authorization": "Bearer {}"},
    ],
    ids=str,
)
def test_a_valid_token_beside_something_else(guarded: Gateway, issuer: Issuer, headers: dict[str, str]) -> None:
    sent = {name: value.format(issuer.token()) for name, value in headers.items()}
    assert guarded.chat("model-a", headers=sent).status_code == 200


def test_a_token_in_the_query(guarded: Gateway, issuer: Issuer) -> None:
    response = guarded.client.post(f"{CHAT}?access_token={issuer.token()}", json=question("model-a"))
    assert response.status_code == 200


def test_what_the_upstream_and_the_operator_see(guarded: Gateway, issuer: Issuer) -> None:
    token = issuer.token(sub="carol", team={"name": "silver"})
    response = asked(guarded, token, x_team="forged", x_aigw_client="forged")
    received = {name.lower(): value for name, value in guarded.received(response)["headers"]}
    assert received["x-team"] == "silver"
    assert "x-aigw-client" not in received
    assert token not in str(received)
    assert guarded.processor.metric("aigw_client_requests_total", client="carol", status="200") >= 1
    assert token not in guarded.envoy.log.read_text() + guarded.processor.log.read_text()


def test_rules_match_claims_and_never_the_clients_own_headers(guarded: Gateway, issuer: Issuer) -> None:
    gold, silver = issuer.token(team={"name": "gold"}), issuer.token(team={"name": "silver"})
    assert asked(guarded, gold, "gold").status_code == 200
    assert asked(guarded, silver, "gold", x_team="gold").status_code == 404
    assert asked(guarded, issuer.token(), "gold", x_team="gold").status_code == 404


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({"scope": "read chat", "roles": ["user"]}, 200),
        ({"scope": "read", "roles": ["user"]}, 403),
        ({"scope": "chats", "roles": ["user"]}, 403),
        ({"scope": "chat", "roles": ["guest"]}, 403),
        ({"scope": "chat", "roles": "admin"}, 403),
        ({"scope": "chat"}, 403),
        ({}, 403),
    ],
    ids=str,
)
def test_scopes_and_claims(guarded: Gateway, issuer: Issuer, claims: dict[str, Any], status: int) -> None:
    assert asked(guarded, issuer.token(**claims), "scoped").status_code == status


def test_the_claim_of_the_clients_id_is_the_policys(guarded: Gateway, other_issuer: Issuer) -> None:
    assert asked(guarded, other_issuer.token(email="eve@example.com"), "model-b").status_code == 200
    assert guarded.processor.metric("aigw_client_requests_total", client="eve@example.com", status="200") == 1


def test_keys_are_rotated_under_load(guarded: Gateway, issuer: Issuer) -> None:
    """The new key is accepted when Envoy's cache ends at the latest; the old one until it is no longer published."""
    old = issuer.keys[-1]
    assert asked(guarded, issuer.token()).status_code == 200
    with requests_all_the_time(guarded, "model-a", authorization=f"Bearer {issuer.token(old)}") as statuses:
        issuer.rotate()
        begun = time.monotonic()
        wait_for(lambda: asked(guarded, issuer.token()).status_code == 200 or None, what="the new key", seconds=20)
        accepted = time.monotonic() - begun
        enough = len(statuses) + 20
        wait_for(lambda: True if len(statuses) >= enough else None, what="requests after the rotation")
    assert set(statuses) == {200}
    with requests_all_the_time(guarded, "model-a", authorization=f"Bearer {issuer.token()}") as statuses:
        issuer.keys = issuer.keys[-1:]
        wait_for(lambda: asked(guarded, issuer.token(old)).status_code == 401 or None, what="its end", seconds=20)
        enough = len(statuses) + 20
        wait_for(lambda: True if len(statuses) >= enough else None, what="requests after the end")
    assert set(statuses) == {200}
    assert accepted < CACHE_SECONDS + 5


def test_user_names_and_passwords(guarded: Gateway, issuer: Issuer) -> None:
    response = guarded.client.post(CHAT, json=question("by-password"), auth=("foo", "bar"), headers={"x-username": "x"})
    received = {name.lower(): value for name, value in guarded.received(response)["headers"]}
    assert received["x-username"] == "foo"
    wrong = guarded.client.post(CHAT, json=question("by-password"), auth=("foo", "baz"))
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (401, "invalid_password")
    assert wrong.headers["www-authenticate"] == 'Basic realm="gateway"'
    assert guarded.client.post(CHAT, json=question("model-a"), auth=("foo", "bar")).status_code == 403
