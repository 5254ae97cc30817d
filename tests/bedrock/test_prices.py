"""Tests for aigw_extproc.bedrock.prices: the table, and exact costs."""

from __future__ import annotations

import tomllib
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

import msgspec
import pytest
from genai_prices.data import TieredPrices
from hypothesis import given
from hypothesis import strategies as st

from aigw_extproc.bedrock.prices import TIERS, InvalidPrice, Price, PriceRow, Prices, Tokens, builtin, price, table
from tests.bedrock.price_table import FIELDS, FOLDER, bedrock_models, current, render

MODELS = tomllib.loads((FOLDER / "models.toml").read_text(encoding="utf-8"))["models"]
IDS = [
    f"{prefix}{id_}" for id_, row in MODELS.items() for prefix in ("", *(f"{one}." for one in row.get("profiles", ())))
]
ARN = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/"


# --- the table --------------------------------------------------------------------------------------------------


def test_the_table_is_that_of_the_installed_package() -> None:
    assert (FOLDER / "prices.json").read_bytes() == render(), "run make prices"


def test_every_row_is_a_price() -> None:
    for row in table().rows:
        assert price(row, row.source).source


@pytest.mark.parametrize("model", IDS)
def test_every_model_that_the_gateway_lists_has_a_price(model: str) -> None:
    assert builtin().of(model) is not None
    assert builtin().of(ARN + model) == builtin().of(model)


@pytest.mark.parametrize("model", IDS)
def test_prices_are_those_that_the_package_finds(model: str) -> None:
    theirs = next((one for one in bedrock_models() if one.is_match(model)), None)
    ours = table().row(model)
    assert ours is not None
    if theirs is None:
        assert "genai-prices" not in ours.source or table().row(f"us.{model}") == ours or table().row(model) == ours
        return
    prices = current(theirs)
    for field, name in FIELDS.items():
        rate = getattr(prices, name)
        base = rate.base if isinstance(rate, TieredPrices) else rate
        found = getattr(ours, field)
        assert (None if found is None else Decimal(found)) == (
            base if base is not None or field != "output" else Decimal(0)
        )


@pytest.mark.parametrize(
    ("model", "row"),
    [
        ("anthropic.claude-sonnet-4-5-20250929-v1:0:200k", "anthropic.claude-sonnet-4-5-20250929"),
        ("amazon.nova-lite-v1:0:300k", "amazon.nova-lite"),
        ("amazon.titan-embed-text-v2:0", "amazon.titan-embed-text-v2"),
        ("amazon.titan-embed-text-v1", "amazon.titan-embed-text-v1"),
        ("eu.anthropic.claude-opus-5", "anthropic.claude-opus-5"),
        ("eu.anthropic.claude-opus-5-5", "anthropic.claude-opus-5-5"),
    ],
)
def test_only_a_date_and_a_version_may_follow_a_name(model: str, row: str) -> None:
    found = table().row(model)
    assert found is not None
    assert found.model == row


@pytest.mark.parametrize(
    "model", ["anthropic.claude-opus-5-mini", "amazon.nova-lite-2", "gpt-4", "", "x.amazon.nova-lite-v1:0", "nova-lite"]
)
def test_other_models_have_none(model: str) -> None:
    assert builtin().of(model) is None


def test_global_profiles_have_prices_of_their_own() -> None:
    regional, worldwide = (builtin().of(f"{prefix}.anthropic.claude-sonnet-4-6") for prefix in ("us", "global"))
    assert regional is not None
    assert worldwide is not None
    assert (regional.rates.input, worldwide.rates.input) == (3_300_000, 3_000_000)


# --- overrides --------------------------------------------------------------------------------------------------


def test_overrides_are_by_id_then_by_base_id_then_for_all() -> None:
    one, two, three = (price(PriceRow(input=text), "test") for text in ("1", "2", "3"))
    prices = builtin().overridden({"us.a.b": one, "a.b": two})
    assert [prices.of(model) for model in ("us.a.b", "eu.a.b", "a.b", "a.c")] == [one, two, two, None]
    assert prices.overridden({"*": three}).of("amazon.nova-lite-v1:0") == three
    assert prices.overridden({"a.b": three}).of("eu.a.b") == three
    assert prices.of("amazon.nova-lite-v1:0") == builtin().of("amazon.nova-lite-v1:0")
    assert prices.without_table().of("amazon.nova-lite-v1:0") is None
    assert prices == builtin().overridden({"us.a.b": one, "a.b": two})
    assert prices != builtin()


def test_names_of_clients_do_not_fill_the_memory() -> None:
    prices = Prices(table())
    for number in range(3000):
        prices.of(f"model-{number}")
    assert len(prices._cache) <= 1024


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ({"input": "-1"}, "input: expected 0 to 1000000 dollars, got '-1'"),
        ({"input": "1e7"}, "input: expected 0 to 1000000 dollars, got '1e7'"),
        ({"output": "nan"}, "output: expected 0 to 1000000 dollars, got 'nan'"),
        ({"cache_read": "free"}, "cache_read: expected dollars in decimal notation, such as 0.25, got 'free'"),
        ({"input": "0.0000001"}, "input: '0.0000001' has more decimal places than a picodollar"),
        ({"image": {"big": "x"}}, "image.big: expected dollars in decimal notation, such as 0.25, got 'x'"),
        ({"beyond": 10}, "`beyond` and `long` belong together: a number of tokens, and the prices of longer prompts"),
        (
            {"beyond": 10, "long": {"output": "."}},
            "long.output: expected dollars in decimal notation, such as 0.25, got '.'",
        ),
    ],
)
def test_invalid_prices(row: dict[str, object], fault: str) -> None:
    with pytest.raises(InvalidPrice) as caught:
        price(msgspec.convert(row, PriceRow), "test")
    assert str(caught.value) == fault


# --- costs ------------------------------------------------------------------------------------------------------

dollars = st.decimals(min_value=0, max_value=1000, places=6).map(str)
counts = st.integers(min_value=0, max_value=10_000_000)


@given(
    row=st.builds(
        PriceRow, input=dollars, output=dollars, cache_read=dollars, cache_write=dollars, long_cache_write=dollars
    ),
    tokens=st.builds(
        Tokens,
        input=counts,
        output=counts,
        cache_read=counts,
        cache_write=counts,
        long_cache_write=counts,
        tier=st.sampled_from(("", "default", "flex", "priority")),
    ),
)
def test_a_cost_is_exact_but_for_one_rounding(row: PriceRow, tokens: Tokens) -> None:
    """In rational numbers of dollars, from the decimals that the table has."""
    exact = sum(
        Fraction(Decimal(getattr(row, name))) * getattr(tokens, name)
        for name in ("input", "output", "cache_read", "cache_write", "long_cache_write")
    )
    exact *= Fraction(*TIERS.get(tokens.tier, (1, 1)))  # dollars per million tokens are micro-dollars per token
    cost = price(row, "test").cost(tokens)
    assert 0 <= cost - exact < 1


def test_what_a_cache_costs_where_the_table_does_not_say() -> None:
    plain = price(PriceRow(input="3"), "test")
    assert plain.cost(Tokens(cache_read=5, cache_write=7, long_cache_write=11)) == 3 * 23
    written = price(PriceRow(input="3", cache_write="4"), "test")
    assert written.cost(Tokens(cache_write=7, long_cache_write=11)) == 4 * 18


def test_long_prompts() -> None:
    """Beyond 100,000 tokens, cached ones included, Haiku 5.5 costs five times as much for the whole request."""
    haiku = builtin().of("us.anthropic.claude-haiku-5-5")
    assert haiku is not None
    assert haiku.cost(Tokens(input=50_000, cache_read=50_000, output=1000)) == 5500 + 550 + 550
    assert haiku.cost(Tokens(input=50_001, cache_read=50_000, output=1000)) == 33_001  # 27,500.55 + 2,750 + 2,750


def test_images_and_queries() -> None:
    canvas, rerank, core = (
        builtin().of(model)
        for model in ("amazon.nova-canvas-v1:0", "cohere.rerank-v3-5:0", "stability.stable-image-core-v1:1")
    )
    assert canvas is not None
    assert rerank is not None
    assert core is not None
    assert canvas.cost(Tokens(images=3, image_class="premium 2048")) == 240_000
    assert core.cost(Tokens(images=2)) == 80_000
    assert rerank.cost(Tokens(searches=3)) == 6000
    assert Price().cost(Tokens(images=3)) == 0


class Published(NamedTuple):
    """A calculation that somebody has published, with the prices of its time. The first three are of AWS."""

    source: str
    prices: PriceRow
    tokens: Tokens
    microdollars: int


SONNET = PriceRow(input="3", output="15", cache_read="0.3", cache_write="3.75")
CLAUDE_2 = PriceRow(input="11.02", output="32.68")
CDK = "github.com/awslabs/generative-ai-cdk-constructs, README of an earlier version"
CRATE = "docs.rs/claude-cost/0.1.0"
TENANTS = "github.com/ranjit-thamattur/digital-twin-rag, docs/BEDROCK_COST_5_TENANTS.md"
EXAMPLES = [
    Published(
        "https://aws.amazon.com/bedrock/pricing/ of 2024, Claude: $0.184",
        PriceRow(input="8", output="24"),
        Tokens(input=11_000, output=4000),
        184_000,
    ),
    Published(f"{CDK}, summarization: $0.25", CLAUDE_2, Tokens(input=11_000, output=4000), 251_940),
    Published(f"{CDK}, question answering: $0.05472", CLAUDE_2, Tokens(input=2000, output=1000), 54_720),
    Published(
        "https://www.tech42consulting.com/faqs/how-to-estimate-aws-bedrock-costs: $0.0135",
        SONNET,
        Tokens(input=2000, output=500),
        13_500,
    ),
    Published(
        "https://zilliz.com/ai-faq, How do pricing and costs work in Amazon Bedrock: $0.006",
        SONNET,
        Tokens(input=500, output=300),
        6000,
    ),
    Published(f"{CRATE}: $0.0105", SONNET, Tokens(input=1000, output=500), 10_500),
    Published(f"{CRATE}, with a cache: $0.001653", SONNET, Tokens(input=423, output=18, cache_read=380), 1653),
    Published(
        "docs.rs/bedrock-cost/0.1.0, Llama 3 70B: $4.40",
        PriceRow(input="2.65", output="3.5"),
        Tokens(input=1_000_000, output=500_000),
        4_400_000,
    ),
    Published(
        f"{TENANTS}, Haiku: $4.59",
        PriceRow(input="0.25", output="1.25"),
        Tokens(input=9_000_000, output=1_875_000),
        4_593_750,
    ),
    Published(f"{TENANTS}, Sonnet: $31.50", SONNET, Tokens(input=4_500_000, output=1_200_000), 31_500_000),
]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.source)
def test_published_calculations(example: Published) -> None:
    assert price(example.prices, example.source).cost(example.tokens) == example.microdollars
