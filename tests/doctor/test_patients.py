"""Each backend once, with every model that it is asked for."""

from __future__ import annotations

import re

from aigw_extproc.config.snapshot import MODEL_HEADER, HeaderMatch, Rule, Snapshot
from aigw_extproc.doctor.targets import patients
from tests.doctor.patients import backend, rule, upstream

THERE = upstream(443)


def models(*rules: Rule) -> dict[str, tuple[str, ...]]:
    return {patient.name: patient.models for patient in patients(Snapshot(rules=rules))}


def test_models_of_several_rules_once_each() -> None:
    found = models(rule(backend(THERE), models=("a", "b")), rule(backend(THERE), models=("b", "c")))
    assert found == {"default/bedrock": ("a", "b", "c")}


def test_a_model_goes_by_the_name_that_the_backend_knows() -> None:
    assert models(rule(backend(THERE, model_override="us.a"), models=("a", "b"))) == {"default/bedrock": ("us.a",)}


def test_every_backend_of_a_rule() -> None:
    found = models(rule(backend(THERE, name="one"), backend(THERE, name="two"), models=("a",)))
    assert found == {"default/one": ("a",), "default/two": ("a",)}


def test_patterns_and_other_headers_name_no_model() -> None:
    pattern = HeaderMatch(name=MODEL_HEADER, value="us[.].*", pattern=re.compile("us[.].*"))
    tenant = HeaderMatch(name="x-tenant", value="red")
    found = Rule(name="r", matches=((pattern,), (tenant,)), backends=(backend(THERE),), owned_by="tests", created=0)
    assert models(found) == {"default/bedrock": ()}
