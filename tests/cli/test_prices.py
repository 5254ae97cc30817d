"""`aigw-extproc prices`."""

from __future__ import annotations

import json

from tests.cli.running import aigw

SONNET = "eu.anthropic.claude-sonnet-4-6"


def test_the_price_of_a_model() -> None:
    ended = aigw("prices", SONNET)
    head, row = ended.out.splitlines()
    assert (ended.code, head.split()[:3]) == (0, ["model", "input", "output"])
    assert row.split() == [SONNET, "3.3", "16.5", "0.33", "4.125", "6.6", "genai-prices", "0.2.3"]


def test_a_model_without_a_price_is_named() -> None:
    ended = aigw("prices", SONNET, "unknown.model")
    assert (ended.code, ended.err) == (1, "")
    assert ended.out.splitlines()[-1].split() == ["unknown.model", "not", "known"]


def test_prices_of_images_queries_and_long_prompts() -> None:
    ended = aigw("prices", "amazon.nova-canvas-v1:0", "cohere.rerank-v3-5:0", "us.anthropic.claude-haiku-5-5")
    assert "an image: 0.04 (standard 1024), 0.06 (standard 2048)" in ended.out
    assert "1000 queries: 2 " in ended.out
    assert "beyond 100000 tokens: 0.55 and 2.75" in ended.out


def test_the_whole_table_in_json() -> None:
    rows = [json.loads(line) for line in aigw("prices", "--json").out.splitlines()]
    prices = {row["id"]: row["price"] for row in rows}
    assert len(prices) == len(rows) > 130
    assert prices["global.anthropic.claude-sonnet-4-6"]["input"] == "3"
    assert prices["amazon.nova-micro"]["output"] == "0.14"
    assert json.loads(aigw("prices", "--json", "unknown.model").out) == {"id": "unknown.model", "price": None}
