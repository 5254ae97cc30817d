"""Completeness of the tests of rules: a request breaks each of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aigw_extproc.simulator.model_families import capabilities_of
from aigw_extproc.simulator.rules import MODEL_RULES, RULES
from aigw_extproc.simulator.rules.problems import ModelRequest
from tests.simulator import (
    test_rules,
    test_rules_of_caching,
    test_rules_of_families,
    test_rules_of_output,
    test_rules_of_reasoning,
)

OF_MODELS = (test_rules_of_caching, test_rules_of_families, test_rules_of_output, test_rules_of_reasoning)


def broken() -> Iterator[tuple[str, dict[str, Any]]]:
    for conversation, _ in test_rules.BROKEN.values():
        yield "", conversation
    for module in OF_MODELS:
        for model, conversation, *_ in module.BROKEN.values():
            yield model, conversation


def first_broken_rule(model: str, conversation: dict[str, Any]) -> str:
    request = ModelRequest(conversation=conversation, model_id=model, family=capabilities_of(model), streamed=False)
    of_all = (rule.__name__ for rule in RULES if conversation.get("messages") or not model for _ in rule(conversation))
    of_model = (rule.__name__ for rule in MODEL_RULES for _ in rule(request))
    return next(of_all, None) or next(of_model)


def test_every_rule_is_broken_by_a_request() -> None:
    names = {first_broken_rule(model, conversation) for model, conversation in broken()}
    assert names == {rule.__name__ for rule in (*RULES, *MODEL_RULES)}
