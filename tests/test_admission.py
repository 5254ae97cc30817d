"""Who may come in: API keys against rules, before the body is read and when the rule is known."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw_extproc.config.policies import ApiKeys, Authorization, AuthorizationRule, Policy
from aigw_extproc.config.snapshot import MODEL_HEADER, HeaderMatch, Rule, Snapshot
from aigw_extproc.exchange.machine import Exchange
from aigw_extproc.exchange.messages import Action, Continue, ForwardRequest, Reply, RequestBody, RequestHeaders
from aigw_extproc.routing import Router
from tests.test_exchange import BACKEND, NOW, POST

KEY_A, KEY_B = "aigw_of-team-a", "aigw_of-team-b"
BODY = {"messages": [{"role": "user", "content": [{"type": "text", "text": "Hi."}]}]}
IMAGE = {"type": "image_url", "image_url": {"url": "https://pictures.test/cat.png"}}


def keys(policy: str, **clients: str) -> Policy:
    digests = {sha256(key.encode()).digest(): client.replace("_", "-") for client, key in clients.items()}
    return Policy(name=policy, keys=ApiKeys(clients=digests, forward_header="x-client-id"))


def denying(policy: Policy, *clients: str, name: str | None = None) -> Policy:
    """The policy, with these clients kept out."""
    rule = AuthorizationRule(allow=False, headers=(("x-aigw-client", frozenset(clients)),))
    return replace(policy, name=name or policy.name, authorization=Authorization(rules=(rule,), allow=True))


def found_in(policy: Policy, **places: tuple[str, ...]) -> Policy:
    """The policy, with keys in these places too."""
    assert policy.keys is not None
    return replace(policy, keys=replace(policy.keys, **places))  # type: ignore[arg-type] # fields of the same type


A, B = keys("default/a", team_a=KEY_A), keys("default/b", team_b=KEY_B)


def rule(model: str, allowed: Policy | None, *conditions: HeaderMatch) -> Rule:
    match = (HeaderMatch(name=MODEL_HEADER, value=model), *conditions)
    return Rule(name=f"rule/{model}", matches=(match,), backends=(BACKEND,), policy=allowed, owned_by="us", created=0)


TWO = (rule("model-a", A), rule("model-b", B))
PARTLY_OPEN = (*TWO, rule("open", None))


class Sent:
    """An exchange of one request, through its two phases."""

    def __init__(
        self, *rules: Rule, model: str = "model-b", path: str = "/v1/chat/completions", **headers: str
    ) -> None:
        self.exchange = Exchange(Router(Snapshot(rules=rules)), pick=0.0)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.at_headers = self._receive(RequestHeaders({**POST, ":path": path, **named}, end_of_stream=False))
        self.content: object = BODY["messages"]
        self.model = model

    def _receive(self, event: RequestHeaders | RequestBody) -> Action:
        return self.exchange.receive(event, now=NOW)

    def body(self, **fields: object) -> Action:
        assert self.at_headers == Continue()
        return self._receive(RequestBody(json.dumps({"model": self.model, **BODY, **fields}).encode()))


def refusal(action: Action) -> tuple[int, dict[str, object]]:
    assert isinstance(action, Reply)
    return action.status, json.loads(action.body)


def forbidden(model: str) -> tuple[int, dict[str, object]]:
    detail = {
        "message": f"this API key may not use the model '{model}'",
        "type": "permission_error",
        "param": "model",
        "code": "permission_denied",
    }
    return 403, {"error": detail}


def unauthenticated(message: str) -> tuple[int, dict[str, object]]:
    detail = {"message": message, "type": "authentication_error", "param": None, "code": "invalid_api_key"}
    return 401, {"error": detail}


WRONG = unauthenticated("the API key is not valid for this gateway")
NONE = unauthenticated("an API key is required, as 'Authorization: Bearer KEY' or 'x-api-key: KEY'")


@pytest.mark.parametrize(
    "forged",
    [
        {},
        {"x-ai-eg-model": "model-a"},
        {"x-aigw-client": "team-b"},
        {"x-client-id": "team-b"},
        {"x-ai-eg-backend": "default/bedrock"},
        {"x-envoy-original-path": "/v1/models"},
        {"x-api-key": "junk"},
        {"x-api-key": sha256(KEY_B.encode()).hexdigest()},
        {"x-api-key": f"sha256:{sha256(KEY_B.encode()).hexdigest()}"},
        {"cookie": f"key={KEY_B}"},
        {":path": f"/v1/chat/completions?key={KEY_B}"},
    ],
    ids=str,
)
@pytest.mark.parametrize("rules", [TWO, PARTLY_OPEN], ids=["two", "partly open"])
def test_the_key_of_one_route_is_not_valid_for_another(rules: tuple[Rule, ...], forged: dict[str, str]) -> None:
    sent = Sent(*rules, authorization=f"Bearer {KEY_A}", **forged)
    # The image would be fetched if the request were translated.
    action = sent.body(messages=[{"role": "user", "content": [IMAGE]}])
    assert refusal(action) == forbidden("model-b")
    assert sent.exchange.outcome.backend is None
    assert sent.exchange.outcome.client == "team-a"


def test_a_rule_that_matches_the_client_gets_ours_and_never_the_clients_own() -> None:
    mine = HeaderMatch(name="x-aigw-client", value="team-b")
    rules = (rule("shared", B, mine), rule("shared", A))
    sent = Sent(*rules, model="shared", authorization=f"Bearer {KEY_A}", x_aigw_client="team-b")
    assert isinstance(sent.body(), ForwardRequest)
    assert sent.exchange.outcome.client == "team-a"
    sent = Sent(*rules, model="shared", authorization=f"Bearer {KEY_B}")
    assert isinstance(sent.body(), ForwardRequest)
    assert sent.exchange.outcome.client == "team-b"


def test_without_policies_a_clients_own_header_is_not_matched() -> None:
    mine = HeaderMatch(name="x-aigw-client", value="team-b")
    sent = Sent(rule("model-b", None, mine), x_aigw_client="team-b")
    assert refusal(sent.body())[0] == 404


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": f"Bearer {KEY_B}"},
        {"authorization": f"bearer  {KEY_B} "},
        {"authorization": KEY_B},
        {"x-api-key": KEY_B},
        {"x-api-key": KEY_B, "authorization": "Bearer junk"},
        {"x-api-key": "junk", "authorization": f"Bearer {KEY_B}"},
        {"authorization": f"Bearer junk, Bearer {KEY_B}"},
        {"x-api-key": KEY_A, "authorization": f"Bearer {KEY_B}"},
    ],
    ids=str,
)
def test_a_valid_key(headers: dict[str, str]) -> None:
    sent = Sent(*TWO, **headers)
    action = sent.body()
    assert isinstance(action, ForwardRequest)
    assert sent.exchange.outcome.client == action.client == "team-b"


def test_the_client_is_named_upstream_and_its_key_is_not() -> None:
    headers = {"x-api-key": KEY_B, "x-client-id": "forged", "x-aigw-client": "forged", "cookie": f"k={KEY_B}"}
    action = Sent(*TWO, path=f"/v1/chat/completions?k={KEY_B}", **headers).body()
    assert isinstance(action, ForwardRequest)
    assert dict(action.set_headers)["x-client-id"] == "team-b"
    assert {"x-api-key", "x-aigw-client", "cookie"} <= set(action.remove_headers)
    assert KEY_B not in str(action.set_headers)


def test_a_rule_without_policy_names_no_client_upstream() -> None:
    action = Sent(*PARTLY_OPEN, model="open", x_client_id="forged").body()
    assert isinstance(action, ForwardRequest)
    assert "x-client-id" in action.remove_headers
    assert "x-client-id" not in dict(action.set_headers)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, NONE),
        ({"authorization": "Bearer ", "x-api-key": ""}, NONE),
        ({"authorization": "Bearer junk"}, WRONG),
        ({"x-api-key": "aigw_" + "x" * 60_000}, WRONG),
    ],
    ids=["none", "empty", "wrong", "too long"],
)
def test_no_valid_key_is_refused_before_the_body(headers: dict[str, str], expected: object) -> None:
    sent = Sent(*TWO, **headers)
    assert refusal(sent.at_headers) == expected
    assert isinstance(sent.at_headers, Reply)
    assert ("www-authenticate", "Bearer") in sent.at_headers.headers


@pytest.mark.parametrize(("headers", "expected"), [({}, NONE), ({"authorization": "Bearer junk"}, WRONG)])
def test_where_some_rule_is_open_the_body_decides(headers: dict[str, str], expected: object) -> None:
    assert refusal(Sent(*PARTLY_OPEN, **headers).body()) == expected
    assert isinstance(Sent(*PARTLY_OPEN, model="open", **headers).body(), ForwardRequest)


@pytest.mark.parametrize("path", ["/v1/messages", "/anthropic/v1/messages", "/anthropic/v1/models"])
def test_anthropics_clients_get_anthropics_errors(path: str) -> None:
    status, body = refusal(Sent(*TWO, path=path, x_api_key="junk").at_headers)
    assert status == 401
    assert body == {
        "type": "error",
        "error": {"type": "authentication_error", "message": "the API key is not valid for this gateway"},
        "request_id": "our-id",
    }


@pytest.mark.parametrize("path", ["/v1/nowhere", "/", "/v1/models", "/v1/models/model-a"])
def test_every_path_needs_a_key_if_all_rules_do(path: str) -> None:
    assert refusal(Sent(*TWO, path=path).at_headers) == NONE


@pytest.mark.parametrize(
    ("rules", "key", "expected"),
    [
        (TWO, KEY_A, ["model-a"]),
        (PARTLY_OPEN, KEY_B, ["model-b", "open"]),
        (PARTLY_OPEN, "junk", ["open"]),
    ],
)
def test_the_list_of_models_is_that_of_the_client(rules: tuple[Rule, ...], key: str, expected: list[str]) -> None:
    sent = Sent(*rules, path="/v1/models", authorization=f"Bearer {key}", **{":method": "GET"})
    status, body = refusal(sent.at_headers)
    assert (status, [model["id"] for model in body["data"]]) == (200, expected)  # type: ignore[attr-defined] # a list


def test_keys_are_found_where_the_policy_says() -> None:
    there = found_in(B, headers=("x-key",), params=("api key",), cookies=("session",))
    for headers in (
        {"x-key": KEY_B},
        {"cookie": f'a=b; session="{KEY_B}"'},
        {"cookie": f"a=b, session={KEY_B}"},
        {":path": f"/v1/chat/completions?x=1&api+key={KEY_B}"},
    ):
        sent = Sent(rule("model-b", there), **headers)
        assert isinstance(sent.body(), ForwardRequest), headers
    assert refusal(Sent(rule("model-b", there), **{"x-other": KEY_B}).at_headers) == NONE


def test_a_key_of_two_policies_has_the_clients_id_of_each() -> None:
    same = keys("default/c", other_name=KEY_B)
    rules = (rule("model-b", B), rule("model-c", same))
    for model, client in (("model-b", "team-b"), ("model-c", "other-name")):
        sent = Sent(*rules, model=model, x_api_key=KEY_B)
        assert sent.exchange.outcome.client == ""
        assert isinstance(sent.body(), ForwardRequest)
        assert sent.exchange.outcome.client == client


def test_only_so_many_keys_are_tried() -> None:
    junk = ", ".join(f"Bearer {number}" for number in range(8))
    assert refusal(Sent(*TWO, authorization=f"{junk}, Bearer {KEY_B}").at_headers) == WRONG


def test_a_policy_without_keys_lets_nobody_in() -> None:
    nobody = Policy(name="default/nobody", keys=ApiKeys(clients={}))
    assert refusal(Sent(rule("model-b", nobody), authorization=f"Bearer {KEY_B}").at_headers) == WRONG


def test_a_client_that_is_denied_is_known_but_may_not() -> None:
    both = keys("default/both", team_a=KEY_A, team_b=KEY_B)
    rules = (rule("model-a", denying(both, "team-b")), rule("model-c", replace(both, name="default/all")))
    sent = Sent(*rules, model="model-a", x_api_key=KEY_B)
    assert refusal(sent.body()) == forbidden("model-a")
    assert isinstance(Sent(*rules, model="model-a", x_api_key=KEY_A).body(), ForwardRequest)
    assert isinstance(Sent(*rules, model="model-c", x_api_key=KEY_B).body(), ForwardRequest)
    _, listed = refusal(Sent(*rules, path="/v1/models", x_api_key=KEY_B, **{":method": "GET"}).at_headers)
    assert [model["id"] for model in listed["data"]] == ["model-c"]  # type: ignore[attr-defined] # a list


def test_a_client_that_every_rule_denies_is_not_asked_for_a_key() -> None:
    alone = denying(B, "team-b")
    assert refusal(Sent(rule("model-b", alone), x_api_key=KEY_B).body()) == forbidden("model-b")


def test_digests_are_not_shown() -> None:
    assert sha256(KEY_A.encode()).hexdigest() not in repr(A)
    assert "team-a" not in repr(A)


NAMES = st.sampled_from(
    [
        "authorization",
        "x-api-key",
        "cookie",
        "x-ai-eg-model",
        "x-aigw-client",
        "x-client-id",
        ":path",
        ":authority",
        "x-key",
    ]
)
VALUES = st.text(max_size=60) | st.sampled_from(
    ["model-a", "team-b", f"Bearer {KEY_A}", f"k={KEY_B[:-1]}", f"/v1/chat/completions?k={KEY_A}", "Bearer ,,, Bearer"]
)


@given(headers=st.dictionaries(NAMES | st.text(min_size=1, max_size=20), VALUES, max_size=8))
def test_no_header_opens_a_rule_of_another_client(headers: dict[str, str]) -> None:
    """Nor does any raise an error that is not foreseen."""
    there = found_in(B, headers=("x-key",), params=("k",), cookies=("k",))
    router = Router(Snapshot(rules=(rule("model-a", A), rule("model-b", there))))
    exchange = Exchange(router, pick=0.0)
    sent = {**POST, **headers, "x-api-key": KEY_A, ":path": "/v1/chat/completions" + headers.get(":path", "")[20:]}
    action = exchange.receive(RequestHeaders(sent, end_of_stream=False), now=NOW)
    if action == Continue():
        action = exchange.receive(RequestBody(json.dumps({"model": "model-b", **BODY}).encode()), now=NOW)
    assert isinstance(action, Reply)
    assert action.status in {403, 404, 405, 415}


# --- hosts ------------------------------------------------------------------------------------------------------

LOCAL = ("localhost", "127.0.0.1", "[::1]")
NAMED = replace(PARTLY_OPEN[2], hostnames=("models.example", "*.teams.example"))


def at_host(host: str, *, path: str = "/v1/chat/completions", allowed: tuple[str, ...] = LOCAL) -> Action:
    exchange = Exchange(Router(Snapshot(rules=(NAMED,)), allowed), pick=0.0)
    return exchange.receive(RequestHeaders({**POST, ":path": path, ":authority": host}, end_of_stream=False), now=NOW)


@pytest.mark.parametrize(
    "host",
    [
        *("localhost:1975", "LocalHost", "127.0.0.1:1975", "[::1]:1975", "[::1]"),
        *("models.example", "a.teams.example:8080"),
    ],
)
def test_local_hosts_and_those_of_rules_are_served(host: str) -> None:
    assert at_host(host) == Continue()


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "evil.example:1975", "", "localhost.evil.example", "localhost.", "localhost@evil.example"),
        *("127.0.0.1.evil.example", "[::2]:1975", "teams.example", "models.example.evil.example"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/models"])
def test_a_page_of_a_site_whose_name_leads_here_is_refused(host: str, path: str) -> None:
    status, body = refusal(at_host(host, path=path))
    assert (status, body["error"]["code"]) == (403, "host_not_allowed")  # type: ignore[index] # the shape of an error


def test_without_a_list_every_host_is_served() -> None:
    assert at_host("evil.example", allowed=()) == Continue()
