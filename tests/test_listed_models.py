"""The models that rules list, and the ids that names stand for."""

from __future__ import annotations

from typing import Any

import pytest

from aigw_extproc.aws.identity import BearerToken, DefaultChain
from aigw_extproc.bedrock.models import AvailableModel
from aigw_extproc.callers import Caller
from aigw_extproc.config.pattern import Pattern
from aigw_extproc.config.policies import ApiKeys, Policy
from aigw_extproc.config.snapshot import (
    MODEL_HEADER,
    Address,
    AwsAuth,
    Backend,
    BackendSettings,
    HeaderMatch,
    ModelSource,
    RequestCredentials,
    RoutedModel,
    Rule,
    Schema,
    Snapshot,
    Upstream,
)
from aigw_extproc.routing import Router

UPSTREAM = Upstream(cluster="c", host="bedrock.test", addresses=(Address(host="bedrock.test", port=1),))
AUTH = AwsAuth(region="us-east-1", source=DefaultChain())
SOURCE = ModelSource(upstream=UPSTREAM, auth=AUTH)
OPUS = AvailableModel(id="us.anthropic.claude-opus-7", name="Claude Opus 7", released=70, legacy=True)
NOVA = AvailableModel(id="us.amazon.nova-9-v1:0", name="Nova 9", released=9)
LISTS = {SOURCE: (OPUS, NOVA)}
ANTHROPIC = {"settings": BackendSettings(anthropic_names=True)}


def backend(schema: str = "AWSBedrock", **fields: Any) -> Backend:
    return Backend(**{"name": "b", "schema": Schema(name=schema), "upstream": UPSTREAM, "auth": AUTH, **fields})


def rule(*models: str, name: str = "r", created: int = 0, policy: Policy | None = None, **fields: Any) -> Rule:
    """A rule for models; `~` begins a pattern."""
    matches = tuple((_condition(model),) for model in models)
    backends = (fields.pop("backend", None) or backend(**fields),)
    return Rule(name=name, matches=matches, backends=backends, owned_by="us", created=created, policy=policy)


def _condition(model: str) -> HeaderMatch:
    pattern = Pattern(model[1:]) if model.startswith("~") else None
    return HeaderMatch(name=MODEL_HEADER, value=model.lstrip("~"), pattern=pattern)


def router(*rules: Rule, lists: Any = LISTS) -> Router:
    return Router(Snapshot(rules=rules), lists=lists)


def ids(*rules: Rule, lists: Any = LISTS) -> list[str]:
    return [model.id for model in router(*rules, lists=lists).models({})]


def test_a_rule_for_any_model_lists_what_the_account_offers() -> None:
    assert router(rule()).models({}) == (
        RoutedModel(id=OPUS.id, owned_by="us", created=70, name="Claude Opus 7 (US)", legacy=True),
        RoutedModel(id=NOVA.id, owned_by="us", created=9, name="Nova 9 (US)"),
    )


def test_a_rule_with_a_pattern_lists_the_models_that_match() -> None:
    assert ids(rule(r"~us\.amazon\..*")) == [NOVA.id]
    assert ids(rule(r"~amazon\..*", "~.*opus.*")) == [OPUS.id]


def test_every_pattern_of_a_match_has_to_match() -> None:
    both = (_condition("~us.*"), _condition("~.*nova.*"))
    assert ids(Rule(name="r", matches=(both,), backends=(backend(),), owned_by="", created=0)) == [NOVA.id]


def test_a_rule_that_names_models_lists_these_alone_with_the_facts_about_them() -> None:
    rules = (rule("gpt", name="a", model_override=NOVA.id), rule("us.anthropic.claude-opus-4-8", "own", name="b"))
    assert router(*rules).models({}) == (
        RoutedModel(id="gpt", owned_by="us", created=9, name="Nova 9"),
        RoutedModel(id="us.anthropic.claude-opus-4-8", owned_by="us", created=1779926400, name="Claude Opus 4.8"),
        RoutedModel(id="own", owned_by="us", created=0),
    )


def test_a_configured_date_wins_for_models_that_a_rule_names() -> None:
    assert [model.created for model in router(rule("us.amazon.nova-micro-v1:0", created=5)).models({})] == [5]


def test_without_lists_the_built_in_one_of_the_region_is_used() -> None:
    assert "us.amazon.nova-micro-v1:0" in ids(rule(), lists={})
    assert "amazon.nova-micro-v1:0" in ids(rule(), lists={})
    own = AwsAuth(region="eu-west-1", source=DefaultChain(), override=RequestCredentials(fallback=False))
    assert "eu.amazon.nova-micro-v1:0" in ids(rule(auth=own))


def test_a_backend_that_replaces_the_model_or_speaks_another_api_lists_nothing() -> None:
    assert ids(rule(model_override="x")) == []
    assert ids(rule(schema="OpenAI")) == []


def test_the_schema_of_claude_lists_claude_alone() -> None:
    assert ids(rule(schema="AWSAnthropic")) == [OPUS.id]


def test_a_model_is_listed_once() -> None:
    assert ids(rule(NOVA.id, name="a"), rule(name="b")) == [NOVA.id, OPUS.id]


def test_a_client_sees_the_models_that_it_may_use() -> None:
    policy = Policy(name="p", keys=ApiKeys(clients={b"digest": "a"}))
    guarded = router(rule("~.*nova.*", policy=policy, name="a"), rule("~.*opus.*", name="b"))
    assert [model.id for model in guarded.models({}, Caller(clients={"p": "a"}))] == [NOVA.id, OPUS.id]
    assert [model.id for model in guarded.models({})] == [OPUS.id]


def test_anthropics_names_are_listed_and_stand_for_the_regions_profile() -> None:
    named = router(rule(**ANTHROPIC))
    first, *others = named.models({})
    assert (first.id, first.name, first.legacy, first.aliases) == (
        "claude-opus-7",
        "Claude Opus 7",
        True,
        ("claude-opus-7-latest",),
    )
    assert [model.id for model in others] == [OPUS.id, NOVA.id]
    assert named.listed.id_of(backend(**ANTHROPIC), "claude-opus-7-20271231") == OPUS.id


def test_a_configured_name_may_be_anthropics_too() -> None:
    named = backend(**ANTHROPIC, model_override="claude-opus-7")
    assert router(rule("best", backend=named)).listed.id_of(named, "best") == OPUS.id


def test_without_the_setting_names_stay_as_they_are() -> None:
    assert router(rule()).listed.id_of(backend(), "claude-opus-7") == "claude-opus-7"


@pytest.mark.parametrize(
    ("rules", "wanted"),
    [
        ((rule(),), (SOURCE,)),
        ((rule(), rule("~x", name="b")), (SOURCE,)),
        ((rule("x"),), ()),
        ((rule("x", **ANTHROPIC),), (SOURCE,)),
        ((rule(model_override="x"),), ()),
        ((rule(schema="OpenAI"),), ()),
        ((rule(auth=None),), ()),
    ],
)
def test_only_lists_that_are_of_use_are_wanted(rules: tuple[Rule, ...], wanted: tuple[ModelSource, ...]) -> None:
    assert router(*rules).listed.sources == wanted


def test_accounts_differ_by_their_credentials() -> None:
    other = AwsAuth(region="us-east-1", source=BearerToken(token="t"))
    assert router(rule(), rule(name="b", auth=other)).listed.sources == (
        SOURCE,
        ModelSource(upstream=UPSTREAM, auth=other),
    )
