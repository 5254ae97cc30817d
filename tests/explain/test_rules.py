"""Why a rule applies, and why the others do not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw_extproc.config.pattern import Pattern
from aigw_extproc.config.snapshot import MODEL_HEADER, HeaderMatch, Rule, Snapshot
from aigw_extproc.errors import ModelNotFound
from aigw_extproc.explain.rules import verdicts
from aigw_extproc.routing import Router
from tests.explain.samples import explained, question, router
from tests.test_exchange import BACKEND


def rule(number: int, *matches: tuple[HeaderMatch, ...], hosts: tuple[str, ...] = ()) -> Rule:
    name = f"default/r/rule/{number}"
    return Rule(name=name, hostnames=hosts, matches=matches, backends=(BACKEND,), owned_by="us", created=7)


def model(name: str) -> HeaderMatch:
    return HeaderMatch(name=MODEL_HEADER, value=name)


def like(pattern: str) -> HeaderMatch:
    return HeaderMatch(name=MODEL_HEADER, value=pattern, pattern=Pattern(pattern))


PREMIUM = HeaderMatch(name="x-tier", value="premium")
RULES = (
    rule(0, (model("nova"),)),
    rule(1, (model("nova"), PREMIUM)),
    rule(2, (model("claude"),), (like("claude-.*"),)),
    rule(3, (model("nova"),)),
    rule(4, (model("nova"),), hosts=("a.example", "*.b.example")),
    rule(5, (like("n.*"), HeaderMatch(name="x-team", value="a"))),
)


@pytest.mark.parametrize(
    ("headers", "chosen", "reasons"),
    [
        (
            {},
            0,
            (
                "the model is nova",
                "there is no header x-tier",
                "the model is not claude; the model does not match claude-.*",
                "it matches too, but comes later",
                "it is for the host a.example or *.b.example, not for localhost",
                "there is no header x-team",
            ),
        ),
        (
            {"x_tier": "premium"},
            1,
            (
                "it matches too, with fewer conditions (1, not 2)",
                "the model is nova and x-tier is premium",
                "the model is not claude; the model does not match claude-.*",
                "it matches too, with fewer conditions (1, not 2)",
                "it is for the host a.example or *.b.example, not for localhost",
                "there is no header x-team",
            ),
        ),
        (
            {"x_tier": "free", "host": "x.b.example:1975"},
            4,
            (
                "it matches too, but the other one names the host more exactly",
                "x-tier is not premium",
                "the model is not claude; the model does not match claude-.*",
                "it matches too, but the other one names the host more exactly",
                "the model is nova",
                "there is no header x-team",
            ),
        ),
    ],
)
def test_every_rule_has_a_reason(headers: dict[str, str], chosen: int, reasons: tuple[str, ...]) -> None:
    explanation = explained(question("nova"), rules=router(*RULES), **headers)
    assert [verdict.chosen for verdict in explanation.verdicts].index(True) == chosen
    assert tuple(verdict.reason for verdict in explanation.verdicts) == reasons


def test_a_rule_without_conditions() -> None:
    assert [verdict.reason for verdict in explained(question()).verdicts] == ["it takes every request"]


CONDITIONS = st.sampled_from([model("nova"), model("other"), like("n.*"), PREMIUM])
MATCHES = st.lists(st.lists(CONDITIONS, max_size=2, unique_by=lambda one: one.name).map(tuple), max_size=2).map(tuple)
HOSTS = st.lists(st.sampled_from(["a.b.c", "*.b.c", "*.c", "d"]), max_size=2, unique=True).map(tuple)


@given(
    rules=st.lists(st.tuples(MATCHES, HOSTS), max_size=5),
    name=st.sampled_from(["nova", "other", "x"]),
    tier=st.sampled_from([None, "premium", "free"]),
    host=st.sampled_from(["a.b.c", "x.b.c", "d", "e"]),
)
def test_the_verdicts_agree_with_the_router(
    rules: list[tuple[tuple[tuple[HeaderMatch, ...], ...], tuple[str, ...]]], name: str, tier: str | None, host: str
) -> None:
    made = [rule(number, *matches, hosts=hosts) for number, (matches, hosts) in enumerate(rules)]
    headers = {":authority": host} | ({"x-tier": tier} if tier else {})
    chosen = routed(tuple(made), name, headers)
    found = list(verdicts(made, chosen, name, headers))
    assert [verdict.rule for verdict in found if verdict.chosen] == ([chosen] if chosen else [])
    for one, verdict in zip(made, found, strict=True):
        alone = routed((replace(one),), name, headers) == one.name
        assert alone == (verdict.chosen or verdict.reason.startswith("it matches too"))


def routed(rules: tuple[Rule, ...], name: str, headers: dict[str, str]) -> str:
    try:
        return Router(Snapshot(rules=rules)).choose(name, headers).rule
    except ModelNotFound:
        return ""
