"""Who sends a request, by what Envoy says, and whether a policy lets them in."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw_extproc.callers import (
    ANONYMOUS,
    Caller,
    Callers,
    Verified,
    authentication_fault,
    client_of,
    identity_headers,
    is_admitted,
)
from aigw_extproc.config.addresses import Address, Upstream
from aigw_extproc.config.policies import (
    ApiKeys,
    Authorization,
    AuthorizationRule,
    ClaimMatch,
    ExtAuth,
    Policy,
    TokenMatch,
    TokenPlace,
    TokenProvider,
    Tokens,
    key_digest,
    password_digest,
)

PLACES = (TokenPlace(header="authorization", prefix="Bearer "), TokenPlace(header="x-api-key"))


def provider(name: str = "login", key: str = "default/door/login/0", **fields: Any) -> TokenProvider:
    return TokenProvider(name=name, key=key, keys="{}", places=PLACES, **fields)


def tokens(*providers: TokenProvider, **fields: Any) -> Policy:
    return Policy(name="default/door", tokens=Tokens(providers=providers or (provider(),), **fields))


def caller(policy: Policy, headers: dict[str, str] | None = None, **verified: Any) -> Caller:
    return Callers([policy]).identify(headers or {}, Verified(**verified))


def with_claims(policy: Policy, **claims: Any) -> Caller:
    return caller(policy, tokens={"default/door/login/0/0": {"sub": "alice", **claims}})


def test_a_valid_token_is_known_in_any_place() -> None:
    policy = tokens()
    for index in range(2):
        sender = caller(policy, tokens={f"default/door/login/0/{index}": {"sub": "alice"}})
        assert is_admitted(policy, sender)
        assert (client_of(policy, sender), sender.client) == ("alice", "alice")


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"default/door/login/1/0": {"sub": "alice"}},
        {"default/door/login/0/2": {"sub": "alice"}},
        {"default/other/login/0/0": {"sub": "alice"}},
        {"default/door/login/0": {"sub": "alice"}},
        {"login": {"sub": "alice"}},
    ],
    ids=str,
)
def test_claims_of_another_provider_or_of_older_settings_count_for_nothing(metadata: dict[str, Any]) -> None:
    policy = tokens()
    assert not is_admitted(policy, caller(policy, tokens=metadata))


def fault(policy: Policy, sender: Caller) -> str | None:
    error = authentication_fault(policy, sender)
    return None if error is None else error.message


INVALID = {"default/door/login/0/0!": {"code": 3.0, "message": "Jwt is expired"}}
NOT_A_TOKEN = {"default/door/login/0/0!": {"code": 4.0, "message": "Jwt is not in the form…"}}
REQUIRED = "a token is required, as 'Authorization: Bearer TOKEN'"


@pytest.mark.parametrize(
    ("metadata", "required", "optional"),
    [
        ({}, REQUIRED, None),
        (NOT_A_TOKEN, REQUIRED, None),
        (INVALID, "the token is not valid: Jwt is expired", "the token is not valid: Jwt is expired"),
        ({**INVALID, "default/door/login/0/1": {"sub": "alice"}}, None, None),
    ],
    ids=["none", "not a token", "expired", "one of two"],
)
def test_tokens_that_are_required_and_optional(
    metadata: dict[str, Any], required: str | None, optional: str | None
) -> None:
    for policy, expected in ((tokens(), required), (tokens(optional=True), optional)):
        assert fault(policy, caller(policy, tokens=metadata)) == expected


@pytest.mark.parametrize(
    ("claim", "claims", "client"),
    [
        ("email", {"email": "alice@example.com"}, "alice@example.com"),
        ("user.id", {"user": {"id": 7.0}}, "7"),
        ("https://a.example/id", {"https://a.example/id": "x"}, "x"),
        ("email", {}, ""),
        ("email", {"email": ["a", "b"]}, ""),
        ("email", {"email": "a\r\nx-team: gold"}, ""),
        ("email", {"email": "x" * 300}, ""),
        ("sub.id", {"sub": "alice"}, ""),
    ],
    ids=str,
)
def test_the_claim_with_the_clients_id(claim: str, claims: dict[str, Any], client: str) -> None:
    policy = tokens(client_claim=claim)
    assert with_claims(policy, **claims).client == client


def test_headers_with_claims() -> None:
    named = provider(claim_headers=(("x-team", "team.name"), ("x-level", "level"), ("x-list", "roles")))
    policy = tokens(named)
    sender = with_claims(policy, team={"name": "search"}, level=2.5, roles=["a"])
    assert identity_headers(policy, sender) == {"x-team": "search", "x-level": "2.5", "x-aigw-client": "alice"}


def test_a_header_on_which_two_tokens_differ_is_left_out() -> None:
    first = provider(claim_headers=(("x-team", "team"),))
    second = provider("second", "default/door/second/0", claim_headers=(("x-team", "team"),))
    policy = tokens(first, second)
    metadata = {"default/door/login/0/0": {"team": "gold"}, "default/door/second/0/1": {"team": "silver"}}
    assert "x-team" not in identity_headers(policy, caller(policy, tokens=metadata))
    metadata["default/door/second/0/1"] = {}
    assert "x-team" not in identity_headers(policy, caller(policy, tokens=metadata))


def authorized(*rules: AuthorizationRule, allow: bool = False, by_token: bool = False) -> Policy:
    known = Tokens(providers=(provider(),)) if by_token else None
    return Policy(name="default/door", tokens=known, authorization=Authorization(rules=rules, allow=allow))


def claim(name: str, value: str, *, listed: bool = False) -> TokenMatch:
    wanted = ClaimMatch(name=name, values=frozenset({value}), listed=listed)
    return TokenMatch(provider="login", claims=(wanted,))


INSIDE = AuthorizationRule(allow=True, networks=(ip_network("10.0.0.0/8"), ip_network("2001:db8::/32")))
NOT_THERE = AuthorizationRule(allow=False, networks=(ip_network("10.6.6.0/24"),))


@pytest.mark.parametrize(
    ("address", "admitted"),
    [
        ("10.1.2.3", True),
        ("[2001:db8::1]", True),
        ("[::ffff:10.1.2.3]", True),
        ("10.6.6.6", False),
        ("11.0.0.1", False),
        ("[::1]", False),
        ("", False),
        ("@/run/socket", False),
        ("10.1.2.3:80", False),
    ],
)
def test_networks(address: str, admitted: bool) -> None:
    policy = authorized(NOT_THERE, INSIDE)
    assert is_admitted(policy, caller(policy, address=address)) is admitted


def test_an_unknown_address_is_not_admitted_by_default() -> None:
    policy = authorized(NOT_THERE, allow=True)
    assert is_admitted(policy, caller(policy, address="11.0.0.1"))
    assert not is_admitted(policy, caller(policy))


@pytest.mark.parametrize(
    ("match", "claims", "admitted"),
    [
        (TokenMatch(provider="login", scopes=("a", "b")), {"scope": "b c a"}, True),
        (TokenMatch(provider="login", scopes=("a",)), {"scp": ["a"]}, True),
        (TokenMatch(provider="login", scopes=("a",)), {"scope": "ab"}, False),
        (TokenMatch(provider="login", scopes=("a",)), {"scope": {"a": "a"}}, False),
        (TokenMatch(provider="other", scopes=("a",)), {"scope": "a"}, False),
        (claim("a.b", "1"), {"a": {"b": 1.0}}, True),
        (claim("a", "true"), {"a": True}, True),
        (claim("a", "x"), {"a": ["x"]}, False),
        (claim("a", "x", listed=True), {"a": ["y", "x"]}, True),
        (claim("a", "x", listed=True), {"a": "x"}, False),
    ],
    ids=str,
)
def test_scopes_and_claims(match: TokenMatch, claims: dict[str, Any], admitted: bool) -> None:
    policy = authorized(AuthorizationRule(allow=True, token=match), by_token=True)
    assert is_admitted(policy, with_claims(policy, **claims)) is admitted


def test_every_condition_of_a_rule_must_hold() -> None:
    rule = AuthorizationRule(
        allow=True,
        headers=(("x-aigw-client", frozenset({"alice"})),),
        networks=(ip_network("10.0.0.0/8"),),
        token=TokenMatch(provider="login", scopes=("a",)),
    )
    policy = authorized(rule, by_token=True)

    def admitted(**changes: Any) -> bool:
        claims = {"sub": changes.get("sub", "alice"), "scope": changes.get("scope", "a")}
        address = changes.get("address", "10.0.0.1")
        return is_admitted(policy, caller(policy, tokens={"default/door/login/0/0": claims}, address=address))

    assert admitted()
    assert not admitted(sub="bob")
    assert not admitted(scope="b")
    assert not admitted(address="11.0.0.1")


def test_an_authorization_service_that_was_not_asked() -> None:
    upstream = Upstream(cluster="a", host="a", addresses=(Address(host="a", port=1),))
    policy = Policy(name="default/door", ext_auth=ExtAuth(key="default/door/1", upstream=upstream, grpc=True))
    assert not is_admitted(policy, ANONYMOUS)
    assert not is_admitted(policy, caller(policy, asked={"default/door/0": True}))
    assert is_admitted(policy, caller(policy, asked={"default/door/1": True}))


USERS = Policy(
    name="default/door",
    # echo -n PASSWORD | openssl sha1
    keys=ApiKeys(
        clients={password_digest(b"foo", bytes.fromhex("62cdb7020ff920e5aa642c3d4066950dd1f01f4d")): "foo"}, basic=True
    ),
)


@pytest.mark.parametrize(
    ("value", "client"),
    [
        ("Basic Zm9vOmJhcg==", "foo"),  # foo:bar
        ("basic  Zm9vOmJhcg== ", "foo"),
        ("Basic Zm9vOmJheg==", ""),  # foo:baz
        ("Basic YmFyOmJhcg==", ""),  # bar:bar
        ("Basic Zm9v", ""),  # foo
        ("Basic ", ""),
        ("Basic §", ""),
        ("Bearer Zm9vOmJhcg==", ""),
        ("Basic Zm9vOntTSEF9WXMyM0FnLzVJT1dxWkN3OVFHYVZEZEh3SDAwPQ==", ""),  # foo:{SHA}…, the hash itself
    ],
)
def test_passwords(value: str, client: str) -> None:
    sender = caller(USERS, {"authorization": value})
    assert sender.client == client
    assert (fault(USERS, sender) is None) is bool(client)


def test_no_key_has_the_digest_of_a_password() -> None:
    hashed = bytes(20)
    assert password_digest(b"a", hashed) != key_digest("\xffa\0" + hashed.decode())


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(
    claims=st.dictionaries(st.sampled_from(["sub", "scope", "scp", "roles", "team"]) | st.text(max_size=5), JSON),
    address=st.text(max_size=30),
)
def test_no_claim_raises_an_error(claims: dict[str, Any], address: str) -> None:
    """Nor does any become a header with control characters."""
    match = TokenMatch(provider="login", scopes=("a",), claims=claim("roles.x", "a").claims)
    rules = (NOT_THERE, AuthorizationRule(allow=True, token=match))
    policy = Policy(
        name="default/door",
        tokens=Tokens(providers=(provider(claim_headers=(("x-team", "team"),)),)),
        authorization=Authorization(rules=rules),
    )
    sender = caller(policy, tokens={"default/door/login/0/0": claims}, address=address)
    is_admitted(policy, sender)
    values = identity_headers(policy, sender).values()
    assert all(char.isprintable() or char == "\t" for value in values for char in value)
