"""No secret of any source is anywhere to be seen: what is configured, what is issued, and what it is issued for.

Envoy stays at its own log level: at debug it writes every header of a request down, a Bedrock API key as well.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.aws.parts import ROLE, Provider, Sts, account, running_agent, running_provider, running_sts
from tests.envoy_config.running import wait_for
from tests.gateway.conftest import NewGateway
from tests.gateway.policies import FILE_IN_SECRET, Mount, aws, secret, signed
from tests.gateway.resources import Document, ref, route, rule
from tests.gateway.running import Gateway
from tests.gateway.test_canary import arguments
from tests.simulator.running import running_simulator

MODELS = ("keys", "profile", "role", "oidc", "refused", "key", "ambient", "own")
SESSIONS = ("irsa", "of-profile", "on-top", "ai-gateway-oidc")
CANARIES = {
    "keys": "canary/of+keys=1",
    "profile": "canary/of+profile=2",
    "external id of a profile": "canary:of-an-external-id",
    "client secret": "canary-of-a-client-secret",
    "access token": "canary-of-an-access-token",
    "API key": "canary-of-a-bedrock-key",
    "web identity token": "canary.of.a.projected.token",
    "a request's own": "canary/of+a+request=3",
    "a request's own session": "canary/of+a+session=4",
    "pod's token": "canary-of-a-pods-token",
}
OWN = {
    "x-aigw-aws-access-key-id": "AKIDOFREQUEST",
    "x-aigw-aws-secret-access-key": CANARIES["a request's own"],
    "x-aigw-aws-session-token": CANARIES["a request's own session"],
}


@dataclass(frozen=True, kw_only=True)
class Seen:
    """Everything that anybody could read of gateways that have signed from every source, and failed to."""

    answers: str
    logs: str
    admin: str
    envoy: str
    arguments: str


@pytest.fixture(scope="module")
def issued() -> set[str]:
    """The secret keys and session tokens that were handed out, once `seen` has been made."""
    return set()


@pytest.fixture(scope="module")
def seen(start_gateway: NewGateway, tmp_path_factory: pytest.TempPathFactory, issued: set[str]) -> Iterator[Seen]:
    mounts = tmp_path_factory.mktemp("mounts")
    with (
        running_sts() as sts,
        running_agent() as agent,
        running_provider() as provider,
        running_simulator(account(agent, bearer_tokens=frozenset({CANARIES["API key"]}))) as bedrock,
    ):
        lay_out_mounts(mounts)
        first = start_gateway(
            *documents(bedrock.port, provider),
            simulator=bedrock,
            secrets=mounts,
            environment=irsa(tmp_path_factory.mktemp("irsa"), sts),
        )
        token = tmp_path_factory.mktemp("pod") / "token"
        token.write_text(CANARIES["pod's token"])
        agent.token = CANARIES["pod's token"]
        ambient = [route("models", rule(ref())), *signed("bedrock", bedrock.port, awsCredentials=aws())]
        second = start_gateway(*ambient, simulator=bedrock, environment=agent.environment(token))
        texts = [put_through_a_lot(first), *(second.chat().text for _ in range(2))]
        refuse(second, token)
        for name in SESSIONS:
            for session in sts.issued(name):
                issued.update((session.secret_access_key, session.session_token))
        issued.update(keys[name] for keys in agent.issued for name in ("SecretAccessKey", "Token"))
        yield gather(texts, first, second)


def irsa(folder: Path, sts: Sts) -> dict[str, str]:
    (folder / "token").write_text(CANARIES["web identity token"])
    return {
        "AWS_ROLE_ARN": ROLE,
        "AWS_ROLE_SESSION_NAME": "irsa",
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(folder / "token"),
        "AWS_ENDPOINT_URL_STS": sts.url,
    }


def lay_out_mounts(folder: Path) -> None:
    keys = f"aws_access_key_id = AKID\naws_secret_access_key = {CANARIES['profile']}\n"
    role = f"role_arn = {ROLE}\nrole_session_name = of-profile\nsource_profile = base\n"
    external = f"external_id = {CANARIES['external id of a profile']}\n"
    Mount(folder / "profile", credentials=f"[default]\n{role}{external}[base]\n{keys}")
    Mount(folder / "key", apiKey=f"{CANARIES['API key']}\n")


def documents(port: int, provider: Provider) -> list[Document]:
    def oidc(client: str) -> Document:
        where = {"provider": {"issuer": provider.url}, "clientID": "gateway", "clientSecret": {"name": client}}
        return aws(oidcExchangeToken={"oidc": where, "awsRoleArn": ROLE})

    in_profile = aws(credentialsFile={"secretRef": {"name": "profile"}})
    keys = f"[default]\naws_access_key_id = AKID\naws_secret_access_key = {CANARIES['keys']}\n"
    return [
        route("models", *(rule(ref(name), model=name) for name in MODELS)),
        *signed("keys", port, awsCredentials=aws(**FILE_IN_SECRET)),
        *signed("profile", port, awsCredentials=in_profile),
        *signed("role", port, awsCredentials=aws(**FILE_IN_SECRET), role={"roleArn": ROLE, "sessionName": "on-top"}),
        *signed("oidc", port, awsCredentials=oidc("client")),
        *signed("refused", port, awsCredentials=oidc("wrong-client")),
        *signed("key", port, type="APIKey", apiKey={"secretRef": {"name": "key"}}),
        *signed("ambient", port, awsCredentials=aws()),
        *signed("own", port, awsCredentials=aws(), credentialOverride={"fromRequestHeaders": {}}),
        secret("keys", credentials=keys),
        secret("client", **{"client-secret": CANARIES["client secret"]}),
        secret("wrong-client", **{"client-secret": f"{CANARIES['client secret']}-but-wrong"}),
    ]


def put_through_a_lot(gateway: Gateway) -> str:
    responses = {name: gateway.chat(name, headers=OWN if name == "own" else None) for name in MODELS}
    # Nobody knows the keys in the first Secret, nor the request's own.
    assert {name: response.status_code for name, response in responses.items()} == {
        **dict.fromkeys(MODELS, 200),
        "keys": 401,
        "refused": 503,
        "own": 401,
    }
    responses["half"] = gateway.chat("own", headers=dict([*OWN.items()][1:]))
    return "".join(f"{response.headers}{response.text}" for response in responses.values())


def refuse(gateway: Gateway, token: Path) -> None:
    """Lets the agent refuse the pod's token."""
    token.write_text(CANARIES["pod's token"] + "-but-wrong")
    wait_for(lambda: gateway.processor.readiness()["credentials"][0]["error"], what="the refusal", seconds=20)


def gather(texts: list[str], *gateways: Gateway) -> Seen:
    def all_of(path: str) -> str:
        return "".join(gateway.processor.admin.get(path).text for gateway in gateways)

    return Seen(
        answers="".join(texts),
        logs="".join(gateway.processor.log.read_text() + gateway.envoy.log.read_text() for gateway in gateways),
        admin=all_of("/metrics") + all_of("/readyz"),
        envoy="".join(gateway.envoy.admin.get("/config_dump").text for gateway in gateways),
        arguments="".join(arguments(str(gateway.resources.parent)) for gateway in gateways),
    )


def shows(text: str, canary: str) -> bool:
    """Whether it is in there, as it is or encoded."""
    encoded = quote(canary, safe=""), base64.b64encode(canary.encode()).decode().rstrip("=")
    return any(form in text for form in (canary, *encoded))


def test_what_is_configured_is_nowhere(seen: Seen) -> None:
    places = asdict(seen)
    assert [name for name, text in places.items() if not text] == []
    found = [
        (what, where) for where, text in places.items() for what, canary in CANARIES.items() if shows(text, canary)
    ]
    assert found == []


def test_what_is_issued_is_nowhere(seen: Seen, issued: set[str]) -> None:
    assert len(issued) >= 10
    places = asdict(seen)
    assert [where for where, text in places.items() for one in issued if shows(text, one)] == []


def test_what_was_looked_at_is_what_was_meant(seen: Seen) -> None:
    assert " DEBUG " in seen.logs
    for method in ("assume-role-with-web-identity", "container-role", "oidc", "assume-role (configuration)"):
        assert f"method={method}" in seen.logs
    assert "the OpenID provider answered 401" in seen.logs
    assert "aigw_credential_refreshes_total" in seen.admin
    assert " serve " in seen.arguments
