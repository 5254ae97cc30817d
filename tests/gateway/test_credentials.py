"""Requests through the whole gateway, signed from every source; the simulator takes what was really issued."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from aigw_extproc.simulator.settings import DEMO_ACCESS_KEY_ID, DEMO_SECRET_ACCESS_KEY, Settings
from tests.aws.parts import OTHER_ROLE, ROLE, Agent, Sts, account, running_agent, running_provider, running_sts
from tests.envoy_config.running import wait_for
from tests.gateway.conftest import NewGateway
from tests.gateway.policies import FILE_IN_SECRET, Mount, aws, secret, signed
from tests.gateway.resources import Document, backend, credentials_file, ref, route, rule, write
from tests.gateway.running import Gateway, error
from tests.gateway.test_reload import PROMISED, problems, requests_all_the_time, seconds_until
from tests.simulator.running import RunningSimulator, running_simulator

NO_CREDENTIALS = error(
    "the gateway has no AWS credentials at the moment; its log says why", "api_error", "upstream_credentials"
)
BEARER = "canary-of-a-bedrock-key"


@pytest.fixture(scope="module")
def sts() -> Iterator[Sts]:
    with running_sts() as running:
        yield running


@pytest.fixture(scope="module")
def agent() -> Iterator[Agent]:
    with running_agent() as running:
        yield running


@pytest.fixture(scope="module")
def bedrock(agent: Agent) -> Iterator[RunningSimulator]:
    with running_simulator(account(agent, bearer_tokens=frozenset({BEARER}))) as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """For token files and mounted Secrets, away from the resources."""
    (tmp_path / "mounts").mkdir()
    return tmp_path / "mounts"


def irsa(folder: Path, sts: Sts, session_name: str) -> dict[str, str]:
    """What EKS's webhook puts into a pod's environment, and STS's address."""
    (folder / "token").write_text("first.projected.token")
    return {
        "AWS_ROLE_ARN": ROLE,
        "AWS_ROLE_SESSION_NAME": session_name,
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(folder / "token"),
        "AWS_ENDPOINT_URL_STS": sts.url,
        "AWS_REGION": "us-east-1",
    }


def only(gateway: Gateway) -> dict[str, object]:
    """The only source that /readyz tells of, without its time."""
    [details] = gateway.processor.readiness()["credentials"]
    return {name: value for name, value in details.items() if name != "expires_in"}


def standing(gateway: Gateway) -> list[dict[str, object]]:
    """What /readyz tells of sources that can be used."""
    return [entry for entry in gateway.processor.readiness()["credentials"] if entry["usable"]]


def ambient(port: int) -> list[Document]:
    return [route("models", rule(ref())), *signed("bedrock", port, awsCredentials=aws())]


# --- IRSA ---------------------------------------------------------------------------------------------------------


def test_irsa_and_a_token_that_is_rotated(
    new_gateway: NewGateway, bedrock: RunningSimulator, sts: Sts, folder: Path
) -> None:
    environment = irsa(folder, sts, "irsa-gateway")
    gateway = new_gateway(*ambient(bedrock.port), simulator=bedrock, environment=environment)
    assert gateway.chat().status_code == 200
    assert len(sts.issued("irsa-gateway")) == 1
    with requests_all_the_time(gateway, "nova") as statuses:
        took = seconds_until(
            lambda: len(sts.issued("irsa-gateway")) == 2,
            after=lambda: (folder / "token").write_text("second.projected.token"),
        )
    assert took < PROMISED
    assert set(statuses) == {200}
    assert only(gateway) == {
        "source": "default chain",
        "method": "assume-role-with-web-identity",
        "usable": True,
        "error": None,
    }


def test_each_worker_asks_once(new_gateway: NewGateway, bedrock: RunningSimulator, sts: Sts, folder: Path) -> None:
    environment = irsa(folder, sts, "irsa-workers")
    gateway = new_gateway(*ambient(bedrock.port), simulator=bedrock, environment=environment, workers=2)
    with requests_all_the_time(gateway, "nova") as statuses:
        wait_for(lambda: True if len(statuses) > 50 else None, what="requests")
    assert set(statuses) == {200}
    assert len(sts.issued("irsa-workers")) == 2
    assert gateway.processor.metric("aigw_credential_refreshes_total", source="default chain", result="ok") == 2
    told = wait_for(lambda: details if len(details := standing(gateway)) == 2 else None, what="both workers' word")
    assert {entry["method"] for entry in told} == {"assume-role-with-web-identity"}
    assert len({entry["pid"] for entry in told}) == 2


# --- Pod Identity -------------------------------------------------------------------------------------------------


def test_pod_identity_and_a_token_that_is_rotated(
    new_gateway: NewGateway, bedrock: RunningSimulator, agent: Agent, folder: Path
) -> None:
    token = folder / "pod-token"
    token.write_text(agent.token)
    gateway = new_gateway(*ambient(bedrock.port), simulator=bedrock, environment=agent.environment(token))
    assert gateway.chat().status_code == 200
    assert only(gateway)["method"] == "container-role"
    before = len(agent.issued)

    def rotate() -> None:
        agent.token = "second-token"
        token.write_text("second-token")

    assert seconds_until(lambda: len(agent.issued) > before, after=rotate) < PROMISED
    assert gateway.chat().status_code == 200


def test_across_the_end_of_credentials_each_worker_renews_once(new_gateway: NewGateway, folder: Path) -> None:
    token = folder / "pod-token"
    with running_agent() as agent, running_simulator(account(agent)) as account_of_agent:
        agent.lifetime = 12  # renewed with three seconds left, then with three left of the next twelve
        token.write_text(agent.token)
        environment = agent.environment(token)
        documents = ambient(account_of_agent.port)
        gateway = new_gateway(*documents, simulator=account_of_agent, environment=environment, workers=2)
        begun = wait_for(lambda: time.time() if agent.issued else None, what="a worker's first ones")
        wait_for(lambda: True if len(agent.issued) == 2 else None, what="both workers' first ones")
        first_end = time.time() + agent.lifetime
        with requests_all_the_time(gateway, "nova") as statuses:
            wait_for(lambda: True if time.time() > first_end else None, what="their end", seconds=20)
        assert time.time() - begun < 17, "too slow to tell the second renewal from the first"
    assert set(statuses) == {200}
    assert len(agent.issued) == 4


@contextmanager
def served_by_agent(
    new_gateway: NewGateway, folder: Path, *, lifetime: float | None = None
) -> Iterator[tuple[Gateway, Agent]]:
    """Start an agent whose credentials live `lifetime` seconds, and a gateway that has served a request with them."""
    token = folder / "pod-token"
    with running_agent() as agent, running_simulator(account(agent)) as account_of_agent:
        agent.lifetime = agent.lifetime if lifetime is None else lifetime
        token.write_text(agent.token)
        environment = agent.environment(token)
        gateway = new_gateway(*ambient(account_of_agent.port), simulator=account_of_agent, environment=environment)
        assert gateway.chat().status_code == 200
        yield gateway, agent


def test_an_agent_that_goes_away(new_gateway: NewGateway, folder: Path) -> None:
    """Its last credentials serve until they end; then requests fail, at once, and say why."""
    with served_by_agent(new_gateway, folder, lifetime=8) as (gateway, agent):
        agent.stop()
        end = time.time() + agent.lifetime
        statuses: list[tuple[float, int]] = []

        def refused() -> httpx.Response | None:
            response = gateway.chat()
            statuses.append((time.time(), response.status_code))
            return response if response.status_code == 503 else None

        last = wait_for(refused, what="a refusal", seconds=20)
        assert last.json() == NO_CREDENTIALS
        served = [moment for moment, status in statuses if status == 200]
        assert {status for _, status in statuses} == {200, 503}
        assert end - 4 < max(served) < end
        begun = time.monotonic()
        assert [gateway.chat().status_code for _ in range(10)] == [503] * 10
        assert time.monotonic() - begun < 5
        details = only(gateway)
        assert details["usable"] is False
        assert "Connection refused" in str(details["error"]) or "Could not connect" in str(details["error"])
        assert gateway.processor.metric("aigw_signing_failures_total") >= 11


def test_an_agent_that_comes_back(new_gateway: NewGateway, folder: Path) -> None:
    """Requests are served soon after it is well, however long it was not."""
    with served_by_agent(new_gateway, folder, lifetime=8) as (gateway, agent):
        agent.token = "not-the-pods"
        wait_for(lambda: True if gateway.chat().status_code == 503 else None, what="a refusal", seconds=20)

        def recover() -> None:
            agent.token = (folder / "pod-token").read_text()

        assert seconds_until(lambda: gateway.chat().status_code == 200, after=recover) < 5


def test_credentials_that_are_revoked(new_gateway: NewGateway, folder: Path) -> None:
    """One request learns of it; the next one waits for new credentials."""
    with served_by_agent(new_gateway, folder) as (gateway, agent):
        agent.issued.clear()  # the account knows them no more
        assert [gateway.chat().status_code for _ in range(5)] == [401, 200, 200, 200, 200]
        assert len(agent.issued) == 1


# --- what is configured -------------------------------------------------------------------------------------------


def test_roles_keys_and_tokens_of_every_kind(
    new_gateway: NewGateway, bedrock: RunningSimulator, sts: Sts, folder: Path
) -> None:
    """One gateway, a backend for each; an environment that would sign as somebody whom nobody knows."""
    role = {"roleArn": ROLE, "externalId": "tenant-7", "sessionName": "on-top", "durationSeconds": 900}
    chained = {"roleArn": OTHER_ROLE, "sessionName": "on-profile"}
    profile = (
        f"[default]\nrole_arn = {ROLE}\nrole_session_name = of-secret\nsource_profile = base\n"
        f"[base]\n{credentials_file(DEMO_ACCESS_KEY_ID, DEMO_SECRET_ACCESS_KEY).partition(chr(10))[2]}"
    )
    with running_provider() as provider:
        oidc = {
            "provider": {"issuer": provider.url},
            "clientID": provider.client_id,
            "clientSecret": {"name": "client"},
        }
        exchange = {"oidc": oidc, "awsRoleArn": ROLE}
        of_profile = {"credentialsFile": {"secretRef": {"name": "profile"}}}
        documents = [
            route("models", *(rule(ref(name), model=name) for name in ("keys", "role", "chain", "oidc", "key"))),
            *signed("keys", bedrock.port, awsCredentials=aws(**FILE_IN_SECRET)),
            *signed("role", bedrock.port, awsCredentials=aws(**FILE_IN_SECRET), role=role),
            *signed("chain", bedrock.port, awsCredentials=aws(**of_profile), role=chained),
            *signed("oidc", bedrock.port, awsCredentials=aws(oidcExchangeToken=exchange)),
            *signed("key", bedrock.port, type="APIKey", apiKey={"secretRef": {"name": "key"}}),
            secret("keys", credentials=credentials_file(DEMO_ACCESS_KEY_ID, DEMO_SECRET_ACCESS_KEY)),
            secret("profile", credentials=profile),
            secret("client", **{"client-secret": provider.client_secret}),
            secret("key", apiKey=f"{BEARER}\n"),
        ]
        wrong = {
            **irsa(folder, sts, "never"),
            "AWS_ACCESS_KEY_ID": "AKIDOFNOBODY",
            "AWS_SECRET_ACCESS_KEY": "s",
            "AWS_PROFILE": "lost",
            "AWS_BEARER_TOKEN_BEDROCK": "nobodys-key",
        }
        gateway = new_gateway(*documents, simulator=bedrock, environment=wrong)
        names = ("keys", "role", "chain", "oidc", "key")
        assert {name: gateway.chat(name).status_code for name in names} == dict.fromkeys(names, 200)
    assert [one.external_id for one in sts.issued("on-top")] == ["tenant-7"]
    assert [len(sts.issued(name)) for name in ("of-secret", "on-profile", "ai-gateway-oidc", "never")] == [1, 1, 1, 0]


# --- a request's own ----------------------------------------------------------------------------------------------

OWN = {"x-aigw-aws-access-key-id": DEMO_ACCESS_KEY_ID, "x-aigw-aws-secret-access-key": DEMO_SECRET_ACCESS_KEY}
STRANGER = {"x-aigw-aws-access-key-id": "AKIDSTRANGER", "x-aigw-aws-secret-access-key": "canary-of-a-stranger"}


@pytest.fixture(scope="module")
def overridable(start_gateway: NewGateway, bedrock: RunningSimulator) -> Gateway:
    """Three models: signed with a key that works, with the request's own if there is one, with its own only."""
    file = aws(**FILE_IN_SECRET)
    own = {"fromRequestHeaders": {}}
    own_only = {"fromRequestHeaders": {"fallbackToConfigured": False}}
    return start_gateway(
        route("models", *(rule(ref(name), model=name) for name in ("fixed", "either", "own"))),
        *signed("fixed", bedrock.port, awsCredentials=file),
        *signed("either", bedrock.port, awsCredentials=file, credentialOverride=own),
        *signed("own", bedrock.port, awsCredentials=aws(), credentialOverride=own_only),
        secret("keys", credentials=credentials_file(DEMO_ACCESS_KEY_ID, DEMO_SECRET_ACCESS_KEY)),
        simulator=bedrock,
    )


@pytest.mark.parametrize(
    ("model", "headers", "status"),
    [
        ("fixed", {}, 200),
        ("fixed", STRANGER, 200),
        ("either", {}, 200),
        ("either", STRANGER, 401),
        ("either", OWN, 200),
        ("either", {**OWN, "x-aigw-aws-session-token": "of-nobody"}, 401),
        ("either", dict.fromkeys(OWN, ""), 200),
        ("own", {}, 401),
        ("own", OWN, 200),
        ("own", STRANGER, 401),
    ],
)
def test_whose_credentials_sign(overridable: Gateway, model: str, headers: dict[str, str], status: int) -> None:
    assert overridable.chat(model, headers=headers).status_code == status


def test_they_go_no_further_than_the_gateway(overridable: Gateway) -> None:
    received = overridable.received(overridable.chat("own", headers=OWN))
    assert [name for name, _ in received["headers"] if name.startswith("x-aigw")] == []
    for log in (overridable.processor.log, overridable.envoy.log):
        assert DEMO_SECRET_ACCESS_KEY not in log.read_text()


def test_a_request_without_its_own_is_told_what_it_needs(overridable: Gateway) -> None:
    assert overridable.chat("own").json() == error(
        "this model needs AWS credentials in the headers x-aigw-aws-*", "authentication_error", "missing_credentials"
    )


def test_a_request_with_half_of_them_is_refused(overridable: Gateway) -> None:
    response = overridable.chat("either", headers={"x-aigw-aws-access-key-id": "AKID"})
    name = "x-aigw-aws-secret-access-key"
    message = f"{name}: missing beside the other headers of AWS credentials"
    assert (response.status_code, response.json()) == (400, error(message, "invalid_request_error", None, name))


def test_a_source_that_only_fails_to_fall_back_is_never_asked(overridable: Gateway) -> None:
    assert overridable.processor.readiness()["credentials"] == []


# --- mounted Secrets ----------------------------------------------------------------------------------------------


@dataclass
class Keys(dict[str, str]):
    """Secrets by access key id, and which of them were asked for."""

    seen: list[str] = field(default_factory=list)

    def get(self, key: str, default: str | None = None) -> str | None:  # type: ignore[override] # of one type only
        self.seen.append(key)
        return super().get(key, default)


@pytest.fixture(params=["keys", "default/keys"], ids=["by name", "by namespace"])
def mounted(request: pytest.FixtureRequest, new_gateway: NewGateway, folder: Path) -> Iterator[tuple[Gateway, Mount]]:
    """A gateway whose Secret is mounted."""
    known = Keys()
    known.update(AKIDFIRST="first-secret", AKIDSECOND="second-secret")
    mount = Mount(folder / request.param, credentials=credentials_file("AKIDFIRST", "first-secret"))
    with running_simulator(Settings(credentials=known)) as simulator:
        documents = [
            route("models", rule(ref())),
            *signed("bedrock", simulator.port, awsCredentials=aws(**FILE_IN_SECRET)),
        ]
        yield new_gateway(*documents, simulator=simulator, secrets=folder), mount


def seen(gateway: Gateway) -> list[str]:
    credentials = gateway.simulator.settings.credentials
    assert isinstance(credentials, Keys)
    return credentials.seen


def test_a_mounted_secret_that_is_swapped(mounted: tuple[Gateway, Mount]) -> None:
    gateway, mount = mounted
    assert gateway.chat().status_code == 200
    for key_id, text in (("AKIDSECOND", "second-secret"), ("AKIDFIRST", "first-secret")):
        with requests_all_the_time(gateway, "nova") as statuses:
            took = seconds_until(
                lambda key_id=key_id: seen(gateway)[-1] == key_id,
                after=lambda key_id=key_id, text=text: mount.swap(credentials=credentials_file(key_id, text)),
            )
        assert took < PROMISED
        assert set(statuses) == {200}


def test_a_mounted_secret_that_is_broken(mounted: tuple[Gateway, Mount]) -> None:
    gateway, mount = mounted
    mount.swap(credentials="[default]\naws_access_key_id = AKIDFIRST\naws_secret_access_ke = canary-of-a-typo\n")
    shown = wait_for(lambda: problems(gateway) or None, what="the problem")
    assert gateway.chat().status_code == 200
    missing = "in section [default] of the credentials file 'aws_secret_access_key' is missing"
    assert [text.rpartition(": ")[2] for text in shown] == [f"{missing}; did you mean 'aws_secret_access_ke'?"]
    assert "canary" not in "".join(shown) + gateway.processor.log.read_text()
    mount.swap(credentials=credentials_file("AKIDSECOND", "second-secret"))
    wait_for(lambda: True if not problems(gateway) else None, what="the problem to go away")
    assert gateway.chat().status_code == 200


def test_a_secret_among_the_resources_that_changes(new_gateway: NewGateway) -> None:
    known = Keys()
    known.update(AKIDFIRST="first-secret", AKIDSECOND="second-secret")
    with running_simulator(Settings(credentials=known)) as simulator:
        models = route("models", rule(ref()))
        first = backend("bedrock", simulator.port, key_id="AKIDFIRST", secret="first-secret")
        second = backend("bedrock", simulator.port, key_id="AKIDSECOND", secret="second-secret")
        gateway = new_gateway(models, *first, simulator=simulator)
        with requests_all_the_time(gateway, "nova") as statuses:
            wait_for(lambda: known.seen or None, what="a request")
            took = seconds_until(
                lambda: known.seen[-1] == "AKIDSECOND", after=lambda: write(gateway.resources, models, *second)
            )
        assert took < PROMISED
        assert set(statuses) == {200}
