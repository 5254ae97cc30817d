"""Tests for aigw_extproc.routing."""

from dataclasses import replace
from time import perf_counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aigw_extproc.config.pattern import Pattern
from aigw_extproc.config.snapshot import Address, Backend, HeaderMatch, Rule, Schema, Snapshot, Upstream
from aigw_extproc.config.traffic import Failover, Retry
from aigw_extproc.errors import ModelNotFound
from aigw_extproc.routing import Router

UPSTREAM = Upstream(cluster="c", host="h", addresses=(Address(host="h", port=1),))
Match = tuple[HeaderMatch, ...]


def backend(name: str, *, weight: int = 1, priority: int = 0) -> Backend:
    return Backend(name=name, schema=Schema(name="OpenAI"), upstream=UPSTREAM, weight=weight, priority=priority)


def rule(name: str, *matches: Match, hosts: tuple[str, ...] = (), backends: tuple[Backend, ...] = ()) -> Rule:
    return Rule(
        name=name,
        hostnames=hosts,
        matches=matches,
        backends=backends or (backend(name),),
        owned_by="",
        created=0,
    )


def model(value: str) -> HeaderMatch:
    return HeaderMatch(name="x-ai-eg-model", value=value)


def header(name: str, value: str) -> HeaderMatch:
    return HeaderMatch(name=name, value=value)


def like(name: str, pattern: str) -> HeaderMatch:
    return HeaderMatch(name=name, value=pattern, pattern=Pattern(pattern))


def select(rules: list[Rule], requested: str, headers: dict[str, str] | None = None, pick: float = 0.0) -> str:
    return Router(Snapshot(rules=tuple(rules))).select(requested, headers or {}, pick).name


def test_exact_model():
    assert select([rule("a", (model("m"),)), rule("b", (model("n"),))], "n") == "b"


def test_unknown_model():
    with pytest.raises(ModelNotFound) as caught:
        select([rule("a", (model("m"),))], "n")
    assert (str(caught.value), caught.value.param, caught.value.status, caught.value.code) == (
        "no rule routes the model 'n'; GET /v1/models lists the available models",
        "model",
        404,
        "model_not_found",
    )


def test_no_rules_at_all():
    with pytest.raises(ModelNotFound):
        select([], "m")


def test_model_is_case_sensitive():
    with pytest.raises(ModelNotFound):
        select([rule("a", (model("m"),))], "M")


def test_rule_without_matches_accepts_the_rest_at_any_position():
    rules = [rule("rest"), rule("a", (model("m"),))]
    assert (select(rules, "m"), select(rules, "n")) == ("a", "rest")


def test_match_without_conditions_accepts_the_rest_too():
    assert select([rule("rest", ())], "n") == "rest"


def test_any_match_of_a_rule_is_enough():
    rules = [rule("a", (model("m"),), (model("n"),))]
    assert (select(rules, "m"), select(rules, "n")) == ("a", "a")


def test_every_condition_of_a_match_is_needed():
    rules = [rule("a", (model("m"), header("x-tier", "gold"))), rule("b", (model("m"),))]
    assert (select(rules, "m", {"x-tier": "gold"}), select(rules, "m", {"x-tier": "tin"}), select(rules, "m")) == (
        "a",
        "b",
        "b",
    )


def test_more_conditions_go_first():
    rules = [rule("b", (model("m"),)), rule("a", (model("m"), header("x-tier", "gold")))]
    assert select(rules, "m", {"x-tier": "gold"}) == "a"


def test_ties_go_to_the_earlier_rule():
    rules = [rule("a", (like("x-ai-eg-model", "m.*"),)), rule("b", (model("m"),)), rule("c", (model("m"),))]
    assert (select(rules, "m"), select(rules[1:], "m")) == ("a", "b")


def test_regular_expression_must_match_the_entire_value():
    rules = [rule("a", (like("x-ai-eg-model", "us|eu"),)), rule("rest")]
    assert [select(rules, name) for name in ("us", "eu", "use", "aus", "us\n")] == ["a", "a", "rest", "rest", "rest"]


def test_model_header_of_the_client_is_ignored():
    rules = [rule("a", (model("m"),)), rule("rest")]
    assert (select(rules, "n", {"x-ai-eg-model": "m"}), select(rules, "m", {"x-ai-eg-model": "n"})) == ("rest", "a")


@pytest.mark.parametrize(
    ("authority", "expected"),
    [
        ("api.example.com", "exact"),
        ("API.Example.com:8080", "exact"),
        ("b.api.example.com", "long"),
        ("a.b.api.example.com", "long"),
        ("other.example.com", "short"),
        ("example.com", "any"),
        ("notexample.com", "any"),
        ("[::1]:80", "any"),
        ("", "any"),
        ("api.example.com@other.example", "any"),
        ("api.example.com:x@other.example", "any"),
        ("x@api.example.com", "any"),
        ("x@b.api.example.com:80", "any"),
        ("[api.example.com]", "any"),
        ("[b.api.example.com]:80", "any"),
        ("api.example.com.", "any"),
        ("api.example.com.:80", "any"),
        ("api.example.com:80:80", "any"),
        ("api.example.com, other.example", "any"),
    ],
)
def test_more_specific_hostname_goes_first_of_all(authority: str, expected: str):
    rules = [
        rule("any", (model("m"), header("x-a", "1"))),
        rule("short", (model("m"),), hosts=("*.example.com",)),
        rule("long", (model("m"),), hosts=("*.api.example.com",)),
        rule("exact", (), hosts=("other.org", "api.example.com")),
    ]
    assert select(rules, "m", {":authority": authority, "x-a": "1"}) == expected


def test_less_specific_hostname_accepts_what_the_more_specific_one_does_not():
    rules = [rule("a", (model("m"),), hosts=("api.example.com",)), rule("rest", hosts=("*.example.com",))]
    assert select(rules, "n", {":authority": "api.example.com"}) == "rest"


def test_weights():
    rules = [rule("r", backends=(backend("a", weight=1), backend("none", weight=0), backend("b", weight=3)))]
    picks = (0.0, 0.249, 0.25, 0.5, 0.9999999999999999)
    assert [select(rules, "m", pick=pick) for pick in picks] == ["a", "a", "b", "b", "b"]


FAILOVER = Failover(cluster="r", hosts=("a.attempt", "b.attempt"), retry=Retry(retries=1))


def with_failover(first: str, second: str, failover: Failover = FAILOVER) -> Snapshot:
    backends = (backend(first), backend(second, priority=1))
    return Snapshot(rules=(replace(rule("r", backends=backends), failover=failover),))


def test_of_a_rule_with_failover_envoy_chooses_the_backend():
    router = Router(with_failover("first", "second"))
    assert router.choose("m", {}).failover == FAILOVER
    attempts = [router.attempt(host) for host in ("a.attempt", "b.attempt", "c.attempt")]
    assert [attempt and attempt.backend.name for attempt in attempts] == ["first", "second", None]


def test_attempts_of_an_earlier_configuration_are_still_known():
    earlier = Router(with_failover("first", "second"))
    changed = replace(FAILOVER, hosts=("a.attempt", "new.attempt"))
    router = Router(with_failover("changed", "third", changed), previous=earlier)
    attempts = [router.attempt(host) for host in ("a.attempt", "b.attempt", "new.attempt")]
    assert [attempt and attempt.backend.name for attempt in attempts] == ["changed", "second", "third"]


def test_priority_without_weight_is_skipped():
    backends = (backend("first", weight=0), backend("second", priority=1))
    assert select([rule("r", backends=backends)], "m") == "second"


# --- against a direct implementation ----------------------------------------------------------------------------


def specificity(hostnames: tuple[str, ...], host: str) -> int:
    """Return the specificity of the best of these hostnames: its length, exact above all; -1 for no match."""
    if not hostnames:
        return 0
    fits = [1000 for name in hostnames if name == host]
    fits += [len(name) for name in hostnames if name.startswith("*.") and host.endswith(name[1:])]
    return max(fits, default=-1)


def holds(condition: HeaderMatch, requested: str, headers: dict[str, str]) -> bool:
    seen = {**headers, "x-ai-eg-model": requested}
    if condition.name not in seen:
        return False
    value = seen[condition.name]
    return condition.pattern.matches(value) if condition.pattern else value == condition.value


def select_directly(rules: list[Rule], requested: str, headers: dict[str, str]) -> str | None:
    """Select from every match of every rule, without an index."""
    host = headers.get(":authority", "")
    candidates = [
        (-specificity(one.hostnames, host), -len(match), number, position, one.name)
        for number, one in enumerate(rules)
        for position, match in enumerate(one.matches or ((),))
        if specificity(one.hostnames, host) >= 0 and all(holds(c, requested, headers) for c in match)
    ]
    return min(candidates)[-1] if candidates else None


MODELS = st.sampled_from(["a", "b", "ab", "abc"])
PATTERNS = st.sampled_from(["a", "a.*", ".*", "b|ab", "[^a]+"])
HOSTS = st.sampled_from(["a.b.c", "b.c", "*.b.c", "*.c", "x.c", "c"])
CONDITIONS = st.one_of(
    MODELS.map(model),
    PATTERNS.map(lambda pattern: like("x-ai-eg-model", pattern)),
    st.tuples(st.sampled_from(["x-a", "x-b"]), MODELS).map(lambda pair: header(*pair)),
    st.tuples(st.sampled_from(["x-a", "x-b"]), PATTERNS).map(lambda pair: like(*pair)),
)
MATCHES = st.lists(CONDITIONS, max_size=3, unique_by=lambda condition: condition.name).map(tuple)


@st.composite
def rule_lists(draw: st.DrawFn) -> list[Rule]:
    parts = draw(st.lists(st.tuples(st.lists(MATCHES, max_size=3), st.lists(HOSTS, max_size=2)), max_size=6))
    return [rule(str(number), *matches, hosts=tuple(hosts)) for number, (matches, hosts) in enumerate(parts)]


@settings(max_examples=5 * settings().max_examples)
@given(
    rules=rule_lists(),
    requested=MODELS,
    headers=st.dictionaries(st.sampled_from(["x-a", "x-b"]), MODELS),
    host=st.sampled_from(["a.b.c", "b.c", "q.b.c", "x.c", "c", "org", ""]),
)
def test_index_selects_the_same_as_the_direct_implementation(
    rules: list[Rule], requested: str, headers: dict[str, str], host: str
):
    headers = {**headers, ":authority": host}
    try:
        selected = select(rules, requested, headers)
    except ModelNotFound:
        selected = None
    assert selected == select_directly(rules, requested, headers)


@given(weights=st.lists(st.integers(0, 5), min_size=1, max_size=5).filter(any), steps=st.integers(20, 60))
def test_shares_follow_the_weights(weights: list[int], steps: int):
    backends = tuple(backend(str(number), weight=weight) for number, weight in enumerate(weights))
    total = sum(weights)
    router = Router(Snapshot(rules=(rule("r", backends=backends),)))
    picks = [router.select("m", {}, (step + 0.5) / (total * steps)).name for step in range(total * steps)]
    assert [picks.count(str(number)) for number in range(len(weights))] == [weight * steps for weight in weights]


@pytest.mark.parametrize(
    ("authority", "listed"),
    [
        ("a.example.com:8443", ["everywhere", "a", "below"]),
        ("A.EXAMPLE.COM", ["everywhere", "a", "below"]),
        ("deep.b.example.com", ["everywhere", "below"]),
        ("example.com", ["everywhere"]),
        ("", ["everywhere"]),
    ],
)
def test_models_of_the_requests_host(authority: str, listed: list[str]) -> None:
    hosts = {"everywhere": (), "a": ("a.example.com",), "below": ("other.example", "*.example.com")}
    rules = tuple(rule(name, (model(name),), hosts=names) for name, names in hosts.items())
    assert [model.id for model in Router(Snapshot(rules=rules)).models({":authority": authority})] == listed


# --- patterns against hostile values ----------------------------------------------------------------------------


def test_a_hostile_value_costs_no_more_than_its_length():
    """Patterns of several wildcards took seconds for 60 kB when they were matched by backtracking."""
    patterns = (".*claude.*sonnet.*", "(a+)+b", "(.*,)*x")
    router = Router(Snapshot(rules=tuple(rule(text, (like("x-tag", text),)) for text in patterns)))

    def seconds(value: str) -> float:
        def once() -> float:
            begun = perf_counter()
            with pytest.raises(ModelNotFound):
                router.select("m", {"x-tag": value}, 0.0)
            return perf_counter() - begun

        return min(once() for _ in range(5))

    for unit in ("claude", "a", ","):
        assert seconds((unit * 60_000)[:60_000]) < 60 * max(seconds((unit * 6_000)[:6_000]), 1e-5)
