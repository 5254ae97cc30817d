"""Tests for aigw_extproc.doctor.targets."""

from __future__ import annotations

import re
from dataclasses import replace

from aigw_extproc.config.snapshot import MODEL_HEADER, BackendSettings, HeaderMatch, Rule, Snapshot
from aigw_extproc.doctor.targets import targets
from tests.doctor.targets import backend, rule, upstream

UPSTREAM = upstream(443)


def models(*rules: Rule) -> dict[str, tuple[str, ...]]:
    return {target.name: target.models for target in targets(Snapshot(rules=rules))}


def test_models_of_several_rules_once_each() -> None:
    rules = rule(backend(UPSTREAM), models=("a", "b")), rule(backend(UPSTREAM), models=("b", "c"))
    assert models(*rules) == {"default/bedrock": ("a", "b", "c")}


def test_model_override_replaces_the_names_of_the_rule() -> None:
    assert models(rule(backend(UPSTREAM, model_override="us.a"), models=("a", "b"))) == {"default/bedrock": ("us.a",)}


def test_anthropics_names_stand_for_ids_of_bedrock() -> None:
    named = replace(backend(UPSTREAM), settings=BackendSettings(anthropic_names=True))
    assert models(rule(named, models=("claude-opus-5-5", "a"))) == {
        "default/bedrock": ("us.anthropic.claude-opus-5-5", "a")
    }


def test_every_backend_of_a_rule() -> None:
    both = rule(backend(UPSTREAM, name="one"), backend(UPSTREAM, name="two"), models=("a",))
    assert models(both) == {"default/one": ("a",), "default/two": ("a",)}


def test_patterns_and_other_headers_name_no_model() -> None:
    pattern = HeaderMatch(name=MODEL_HEADER, value="us[.].*", pattern=re.compile("us[.].*"))
    tenant = HeaderMatch(name="x-tenant", value="red")
    only = Rule(name="r", matches=((pattern,), (tenant,)), backends=(backend(UPSTREAM),), owned_by="tests", created=0)
    assert models(only) == {"default/bedrock": ()}
