"""Tests for costs in configurations: `llmRequestCosts`, those of a GatewayConfig, and prices in annotations."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from aigw_extproc.bedrock.prices import PriceRow, builtin, price
from aigw_extproc.config.compile.costs import CONFIG_ANNOTATION, RESERVED
from aigw_extproc.config.costs import Expression, RequestCost
from aigw_extproc.config.snapshot import Backend
from tests.config.sample import compiled, problems, sample

AT = "AIGatewayRoute default/route: spec.llmRequestCosts"
TOTAL = {"metadataKey": "total", "type": "TotalToken"}


def with_costs(*costs: dict[str, Any], more: tuple[str, ...] = ()) -> str:
    return sample(
        ("  rules:", f"  llmRequestCosts: {yaml.safe_dump(list(costs), default_flow_style=True)}  rules:"), more=more
    )


def cel(expression: str, key: str = "cost") -> dict[str, Any]:
    return {"metadataKey": key, "type": "CEL", "cel": expression}


def gateway_config(*costs: dict[str, Any], name: str = "config") -> str:
    document = {
        "apiVersion": "aigateway.envoyproxy.io/v1beta1",
        "kind": "GatewayConfig",
        "metadata": {"name": name},
        "spec": {"globalLLMRequestCosts": list(costs)},
    }
    return yaml.safe_dump(document)


def gateway(config: str = "config") -> str:
    document = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {"name": "gateway", "annotations": {CONFIG_ANNOTATION: config}},
        "spec": {},
    }
    return yaml.safe_dump(document)


def backend(text: str) -> Backend:
    return compiled(text).snapshot.rules[0].backends[0]


def costs(text: str) -> dict[str, str]:
    """The types of the costs by their keys, expressions by their texts."""
    return {each.key: each.expression.text if each.expression else each.type for each in backend(text).costs}


# --- costs ------------------------------------------------------------------------------------------------------


def test_costs_of_a_route():
    assert backend(with_costs(TOTAL, cel("input_tokens * 2u"))).costs == (
        RequestCost(key="total", type="TotalToken"),
        RequestCost(key="cost", type="CEL", expression=Expression("input_tokens * 2u")),
    )
    assert backend(sample()).costs == ()


def test_a_routes_costs_replace_those_of_the_gateway_by_key():
    general = gateway_config(cel("1u"), {"metadataKey": "input", "type": "InputToken"})
    expected = {"cost": "2u", "input": "InputToken", "total": "TotalToken"}
    assert costs(with_costs(cel("2u"), TOTAL, more=(general, gateway()))) == expected
    assert costs(sample(more=(general, gateway()))) == {"cost": "1u", "input": "InputToken"}


def test_a_config_that_no_gateway_names():
    configuration = compiled(sample(more=(gateway_config(TOTAL),)))
    assert configuration.snapshot.rules[0].backends[0].costs == ()
    (note,) = configuration.ignored
    assert str(note) == (
        "a.yaml: GatewayConfig default/config: spec.globalLLMRequestCosts: no Gateway names this GatewayConfig in its"
        f" annotation {CONFIG_ANNOTATION}"
    )


def test_a_config_that_does_not_exist():
    (problem,) = problems(sample(more=(gateway("konfig"), gateway_config(TOTAL))))
    path = f"metadata.annotations.{CONFIG_ANNOTATION}"
    assert problem.startswith(f"Gateway default/gateway: {path}: there is no GatewayConfig 'default/konfig'")


@pytest.mark.parametrize(
    ("cost", "path", "fault"),
    [
        (
            cel("tokens"),
            "cel",
            "'tokens' is not a cost in CEL: 1:1: undeclared reference to 'tokens'",
        ),
        (
            cel("input_tokens + 1"),
            "cel",
            (
                "'input_tokens + 1' is not a cost in CEL: 1:14: found no matching overload for '_+_' applied to"
                " '(uint, int)'; a number to count with is written as 3u, or uint(3)"
            ),
        ),
        (
            cel("model"),
            "cel",
            "'model' is not a cost in CEL: its value is of the type string, but a cost is an int or uint",
        ),
        (
            cel("1.5"),
            "cel",
            "'1.5' is not a cost in CEL: its value is of the type double, but a cost is an int or uint",
        ),
        (
            cel("total_tokens / output_tokens"),
            "cel",
            "'total_tokens / output_tokens' has no value where all counts are 0: INVALID_ARGUMENT: divide by zero",
        ),
        (cel("-1"), "cel", "'-1' has no value where all counts are 0: its value is -1"),
        (cel("dyn('a')"), "cel", "\"dyn('a')\" has no value where all counts are 0: its value is of the type string"),
        ({"metadataKey": "cost", "type": "CEL"}, "cel", "required for the type CEL, but missing"),
        (
            {"metadataKey": "cost", "type": "Tokens"},
            "type",
            (
                "must be one of 'CEL', 'CacheCreationInputToken', 'CachedInputToken', 'InputToken', 'OutputToken',"
                " 'ReasoningToken', 'TotalToken', got 'Tokens'; did you mean 'TotalToken'?"
            ),
        ),
        (
            {"metadataKey": "usage_mine", "type": "InputToken"},
            "metadataKey",
            "'usage_mine' is a key of the gateway's own; choose another",
        ),
    ],
)
def test_faults_have_their_path(cost: dict[str, Any], path: str, fault: str):
    assert problems(with_costs(cost)) == [f"{AT}[0].{path}: {fault}"]


def test_a_fault_of_the_syntax():
    (problem,) = problems(with_costs(cel("1 +")))
    assert problem.startswith(f"{AT}[0].cel: '1 +' is not a cost in CEL: 1:4: Syntax error: mismatched input '<EOF>'")


def test_two_costs_of_one_key():
    assert problems(with_costs(TOTAL, TOTAL)) == [f"{AT}[1].metadataKey: 'total' is already the name of entry 0"]


@pytest.mark.parametrize("key", sorted(RESERVED))
def test_the_keys_of_the_gateway_are_its_own(key: str):
    (problem,) = problems(with_costs({"metadataKey": key, "type": "InputToken"}))
    assert problem == f"{AT}[0].metadataKey: '{key}' is a key of the gateway's own; choose another"


def test_as_many_costs_as_the_format_allows():
    many = [{"metadataKey": f"k{number}", "type": "TotalToken"} for number in range(37)]
    assert len(backend(with_costs(*many[:36])).costs) == 36
    assert problems(with_costs(*many)) == [f"{AT}: expected at most 36 entries, got 37"]


# --- prices -----------------------------------------------------------------------------------------------------

PRICES = "aigw-extproc/prices"
MODEL = "amazon.nova-lite-v1:0"


def annotated(service: str | None = None, route: str | None = None) -> str:
    changes = [
        (f"metadata: {{name: {name}}}", yaml.safe_dump({"metadata": {"name": name, "annotations": {PRICES: text}}}))
        for name, text in (("service", service), ("route", route))
        if text is not None
    ]
    return sample(*changes)


def test_prices_of_a_backend_and_of_a_route():
    found = backend(annotated("{a.b: {input: 1.10}, a.c: {input: 2}}", "{a.b: {input: 3}}")).settings.prices
    assert [found.of(model) for model in ("us.a.b", "a.c", MODEL)] == [
        price(PriceRow(input="3"), "annotation"),
        price(PriceRow(input="2"), "annotation"),
        builtin().of(MODEL),
    ]


def test_all_fields_of_a_price():
    text = """
    a: {input: 1, output: 2.5, cache_read: 0.1, cache_write: 1.25, long_cache_write: 2, beyond: 200000,
        long: {input: 2}}
    b: {image: 0.04}
    c: {image: {standard 1024: 0.04, premium 2048: 0.08}, search: 2}
    """
    prices = backend(annotated(text)).settings.prices
    found = [prices.of(model) for model in "abc"]
    assert all(found)
    assert (found[0].beyond, found[0].long.input) == (200_000, 2_000_000)  # type: ignore[union-attr] # as asserted
    assert found[1].images == {"": 40_000_000_000}  # type: ignore[union-attr] # as asserted
    assert found[2].search == 2_000_000_000  # type: ignore[union-attr] # as asserted


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[a]", "Expected `object`, got `array`; docs/costs.md lists the fields"),
        ("{a: 3}", "Expected `object`, got `str` at [...]; docs/costs.md lists the fields"),
        ("{a: {inputs: 3}}", "Object contains unknown field `inputs` at [...]; docs/costs.md lists the fields"),
        ("{a: {input: -3}}", "a: input: expected 0 to 1000000 dollars, got '-3'"),
        ("{a: {input: 1/3}}", "a: input: expected dollars in decimal notation, such as 0.25, got '1/3'"),
        ("{", "must be YAML: prices by the id of a model"),
    ],
)
@pytest.mark.parametrize(("resource", "where"), [("AIServiceBackend", "service"), ("AIGatewayRoute", "route")])
def test_faults_of_prices(text: str, fault: str, resource: str, where: str):
    assert problems(annotated(**{where: text})) == [
        f"{resource} default/{where}: metadata.annotations.{PRICES}: {fault}"
    ]


def test_a_server_that_is_not_bedrocks_has_prices_of_its_own():
    found = backend(
        annotated("{mine: {input: 1}}")
        .replace("AWSBedrock", "OpenAI")
        .replace("bedrock.example.com", "llm.example.com")
    )
    assert found.settings.prices.of("mine") is not None
    assert found.settings.prices.of("openai.gpt-oss-20b-1:0") is None
