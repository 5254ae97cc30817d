"""Tests for aigw_extproc.exchange.spending: what exchanges have spent, wherever they end."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from aigw_extproc.config.costs import COUNTS, MAX_VALUE, TEXTS, Expression, NoValue, RequestCost
from aigw_extproc.config.snapshot import Schema
from aigw_extproc.errors import UpstreamTimeout
from aigw_extproc.exchange.machine import Exchange
from aigw_extproc.exchange.messages import ForwardRequest, Outcome, ResponseBody
from aigw_extproc.exchange.spending import SpentTokens, characters_of, charged, spent
from aigw_extproc.translate.contract import TokenCounts
from tests.test_exchange import BACKEND, BODY, STREAM_BODY, exchange, request, response, send
from tests.translate.goldens import frame, frames

MODEL = "us.amazon.nova-lite-v1:0"
LITE = replace(BACKEND, model_override=MODEL, route="default/r")
CLAUDE = replace(LITE, schema=Schema(name="AWSAnthropic"), model_override="us.anthropic.claude-sonnet-4-6")
OPENAI = replace(LITE, schema=Schema(name="OpenAI", prefix="/v1"), auth=None)
EVENT_STREAM = "application/vnd.amazon.eventstream"
TEXT = (
    ["messageStart", {"role": "assistant"}],
    ["contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "Hello"}}],
)
ENDING = (
    ["messageStop", {"stopReason": "end_turn"}],
    ["metadata", {"usage": {"inputTokens": 9, "outputTokens": 3, "totalTokens": 12}}],
)
EXCEPTION = ["throttlingException", {"message": "Slow down."}]


def forwarded(backend: Any = LITE, body: bytes = STREAM_BODY, **headers: str) -> tuple[Exchange, int]:
    """An exchange whose request was sent, and the estimate of its input."""
    machine = exchange(backend)
    sent = send(machine, *request(body, **headers))
    assert isinstance(sent, ForwardRequest)
    return machine, -(-len(sent.body) // 4)


def streaming(*events: Any, backend: Any = LITE) -> tuple[Exchange, int]:
    machine, estimate = forwarded(backend)
    send(machine, response(content_type=EVENT_STREAM), ResponseBody(frames(list(events)), end_of_stream=False))
    return machine, estimate


def found(machine: Exchange) -> SpentTokens:
    result = spent(machine.outcome)
    assert result is not None
    return result


def tokens(machine: Exchange) -> tuple[int, int, bool]:
    result = found(machine)
    assert result.counts.total_tokens == result.counts.input_tokens + result.counts.output_tokens
    return result.counts.input_tokens, result.counts.output_tokens, result.estimated


# --- where an exchange can end ----------------------------------------------------------------------------------


def test_a_stream_that_is_complete() -> None:
    machine, _ = streaming(*TEXT, *ENDING)
    send(machine, ResponseBody(b"", end_of_stream=True))
    assert found(machine) == SpentTokens(
        operation="chat",
        client="",
        model=MODEL,
        name="default/b/route/r/rule/0/ref/0",
        backend="default/b",
        route="default/r",
        counts=TokenCounts(input_tokens=9, output_tokens=3, total_tokens=12),
        cost=2,  # 9 x 0.06 + 3 x 0.24 = 1.26
    )


@pytest.mark.parametrize("text", ["", "Hello", "Hello, world!"])
def test_a_stream_that_the_client_leaves(text: str) -> None:
    deltas = [["contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": letter}}] for letter in text]
    machine, estimate = streaming(TEXT[0], *deltas)
    assert tokens(machine) == (estimate, -(-len(text) // 4), True)


def test_reasoning_and_inputs_of_tools_count_as_text() -> None:
    machine, estimate = streaming(
        TEXT[0],
        ["contentBlockDelta", {"contentBlockIndex": 0, "delta": {"reasoningContent": {"text": "Well..."}}}],
        ["contentBlockStart", {"contentBlockIndex": 1, "start": {"toolUse": {"toolUseId": "t", "name": "n"}}}],
        ["contentBlockDelta", {"contentBlockIndex": 1, "delta": {"toolUse": {"input": '{"a": 1}'}}}],
    )
    assert tokens(machine) == (estimate, 4, True)  # 15 characters


def test_what_bedrock_has_reported_before_the_end_counts() -> None:
    machine, _ = streaming(*TEXT, *ENDING)
    assert tokens(machine) == (9, 3, False)


def test_a_stream_that_fails_after_some_text() -> None:
    machine, estimate = streaming(*TEXT, EXCEPTION)
    assert tokens(machine) == (estimate, 2, True)
    send(machine, ResponseBody(b"", end_of_stream=True))
    assert tokens(machine) == (estimate, 2, True)


def test_a_stream_that_fails_at_once_costs_nothing() -> None:
    machine, _ = streaming(EXCEPTION)
    assert spent(machine.outcome) is None


def test_a_stream_that_falls_silent() -> None:
    machine, estimate = streaming(*TEXT)
    machine.fail(UpstreamTimeout("silence"))
    assert tokens(machine) == (estimate, 2, True)


def test_a_stream_that_ends_too_early() -> None:
    machine, estimate = streaming(*TEXT)
    send(machine, ResponseBody(b"", end_of_stream=True))
    assert tokens(machine) == (estimate, 2, True)


@pytest.mark.parametrize("body", [BODY, STREAM_BODY], ids=["whole", "streamed"])
def test_a_request_that_the_client_leaves_before_its_answer(body: bytes) -> None:
    machine, estimate = forwarded(body=body)
    assert tokens(machine) == (estimate, 0, True)


def test_a_whole_answer_that_breaks_off() -> None:
    machine, estimate = forwarded(body=BODY)
    send(machine, response())
    assert tokens(machine) == (estimate, 0, True)


@pytest.mark.parametrize("body", [b"no JSON", b"{}"])
def test_a_whole_answer_that_cannot_be_read(body: bytes) -> None:
    machine, estimate = forwarded(body=BODY)
    send(machine, response(), ResponseBody(body, end_of_stream=True))
    assert machine.outcome.status == 502
    assert tokens(machine) == (estimate, 0, True)


@pytest.mark.parametrize("status", ["400", "429", "500"])
def test_errors_cost_nothing(status: str) -> None:
    machine, _ = forwarded(body=BODY)
    send(machine, response(status), ResponseBody(b'{"message":"no"}', end_of_stream=True))
    assert spent(machine.outcome) is None


def test_a_request_that_is_refused_costs_nothing() -> None:
    machine = exchange(LITE)
    send(machine, *request(b'{"model":"m","messages":[]}'))
    assert spent(machine.outcome) is None


@pytest.mark.parametrize("path", ["/tokenize", "/v1/messages/count_tokens", "/v1/responses/input_tokens"])
def test_counting_tokens_costs_nothing(path: str) -> None:
    body = b'{"model":"m","messages":[{"role":"user","content":"Hi."}],"input":"Hi."}'
    machine, _ = forwarded(body=body, **{":path": path})
    assert spent(machine.outcome) is None
    send(machine, response(), ResponseBody(b'{"inputTokens":3}', end_of_stream=True))
    assert found(machine).cost == 0


def anthropic_events(*events: dict[str, Any]) -> bytes:
    parts = ({"bytes": base64.b64encode(json.dumps(event).encode()).decode()} for event in events)
    return b"".join(frame("chunk", json.dumps(part).encode()) for part in parts)


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
def test_claude_reports_the_input_at_the_beginning(path: str) -> None:
    """With what the cache has read and written; the output is known at the end, and estimated before."""
    usage = {"input_tokens": 5, "cache_read_input_tokens": 70, "cache_creation_input_tokens": 25, "output_tokens": 1}
    machine, _ = forwarded(CLAUDE, STREAM_BODY[:-1] + b',"max_tokens":10}', **{":path": path})
    begun = anthropic_events(
        {"type": "message_start", "message": {"usage": usage}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello, you there!"}},
    )
    send(machine, response(content_type=EVENT_STREAM), ResponseBody(begun, end_of_stream=False))
    counts = TokenCounts(
        input_tokens=100,
        output_tokens=5 if path == "/v1/chat/completions" else 7,  # there of the event's JSON, with white space
        total_tokens=105 if path == "/v1/chat/completions" else 107,
        cached_input_tokens=70,
        cache_creation_input_tokens=25,
    )
    assert (found(machine).counts, found(machine).estimated) == (counts, True)
    ended = anthropic_events(
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 8}},
        {"type": "message_stop"},
    )
    send(machine, ResponseBody(ended, end_of_stream=True))
    assert tokens(machine) == (100, 8, False)


@pytest.mark.parametrize(
    ("chunk", "output"),
    [
        ({"choices": [{"index": 0, "delta": {"content": "Hello, you"}}]}, 3),
        ({"choices": [{"index": 0, "delta": {"reasoning_content": "Hm.", "content": None}}]}, 1),
        ({"choices": [{"index": 0, "text": "Hello, you"}]}, 3),
        ({"type": "response.output_text.delta", "delta": "Hello, you"}, 3),
        ({"choices": []}, 0),
        ({"choices": "what?"}, 0),
    ],
)
def test_streams_of_openai_backends(chunk: dict[str, Any], output: int) -> None:
    machine, estimate = forwarded(OPENAI)
    data = b"data: " + json.dumps(chunk).encode() + b"\n\n"
    send(machine, response(content_type="text/event-stream"), ResponseBody(data, end_of_stream=False))
    assert tokens(machine) == (estimate, output, True)
    usage = {"choices": [], "usage": {"prompt_tokens": 4, "completion_tokens": 6, "total_tokens": 10}}
    send(machine, ResponseBody(b"data: " + json.dumps(usage).encode() + b"\n\n", end_of_stream=False))
    assert tokens(machine) == (4, 6, False)


@pytest.mark.parametrize(("path", "writes"), [("/v1/chat/completions", True), ("/v1/embeddings", False)])
def test_whole_answers_without_a_count(path: str, writes: bool) -> None:
    machine, estimate = forwarded(OPENAI, BODY, **{":path": path})
    answer = b'{"choices":[{"message":{"content":"Hello!"}}]}'
    send(machine, response(), ResponseBody(answer, end_of_stream=True))
    assert tokens(machine) == (estimate, -(-len(answer) // 4) if writes else 0, True)


# --- the text of a request --------------------------------------------------------------------------------------


@given(st.lists(st.integers(min_value=50_000, max_value=60_000), max_size=3), st.text(max_size=100))
def test_images_are_no_text(sizes: list[int], text: str) -> None:
    encoded = [base64.b64encode(bytes(size)).decode() for size in sizes]
    blocks = [{"image": {"format": "png", "source": {"bytes": image}}} for image in encoded]
    body = json.dumps({"messages": [{"content": [{"text": text}, *blocks]}]}, separators=(",", ":")).encode()
    assert characters_of(body, "AWSBedrock") == len(body) - sum(map(len, encoded))
    urls = [{"image_url": {"url": f"data:image/png;base64,{image}"}} for image in encoded]
    body = json.dumps({"messages": [{"content": [{"text": text}, *urls]}]}, separators=(",", ":")).encode()
    assert characters_of(body, "OpenAI") == len(body) - sum(map(len, encoded))


@given(
    st.lists(st.sampled_from((b'"bytes":"', b'"data":"', b";base64,", b'"', b"a" * 50_000)), max_size=12),
    st.sampled_from(("AWSBedrock", "AWSAnthropic", "OpenAI")),
)
def test_any_bytes_have_a_length(parts: list[bytes], schema: str) -> None:
    body = b"".join(parts)
    assert 0 <= characters_of(body, schema) <= len(body)


# --- costs ------------------------------------------------------------------------------------------------------


def outcome(**fields: Any) -> Outcome:
    counts = TokenCounts(
        input_tokens=100,
        output_tokens=20,
        total_tokens=120,
        cached_input_tokens=60,
        cache_creation_input_tokens=7,
        long_cache_creation_input_tokens=5,
        reasoning_tokens=2,
    )
    usual = {"operation": "chat", "request_model": MODEL, "backend": LITE, "status": 200, "usage": counts}
    return Outcome(**{**usual, **fields})


def with_costs(*costs: RequestCost, **fields: Any) -> SpentTokens:
    result = spent(outcome(backend=replace(LITE, costs=costs), **fields))
    assert result is not None
    return result


def cel(text: str) -> RequestCost:
    return RequestCost(key="cost", type="CEL", expression=Expression(text))


def test_values_by_type() -> None:
    kinds: Any = {
        "InputToken": 100,
        "CachedInputToken": 60,
        "CacheCreationInputToken": 7,
        "OutputToken": 20,
        "TotalToken": 120,
        "ReasoningToken": 2,
    }
    assert with_costs(*(RequestCost(key=f"k-{kind}", type=kind) for kind in kinds)).values == {
        f"k-{kind}": count for kind, count in kinds.items()
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("input_tokens == uint(100) ? 100000000 : 0", 100_000_000),
        ("input_tokens + cached_input_tokens + cache_creation_input_tokens + reasoning_tokens", 169),
        ("model.startsWith('us.') && route_name == 'default/r' ? total_tokens : 0u", 120),
        ("backend == 'default/b/route/r/rule/0/ref/0' ? 1u : 2u", 1),
        ("uint(double(output_tokens) * 1.5)", 30),
    ],
)
def test_expressions(text: str, value: int) -> None:
    result = with_costs(cel(text))
    assert (result.values, result.faults) == ({"cost": value}, {})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("output_tokens == 0u ? 0u : output_tokens - input_tokens", "OUT_OF_RANGE: unsigned integer overflow"),
        ("output_tokens == 0u ? 0 : -1", "its value is -1"),
        (f"output_tokens == 0u ? 0 : {MAX_VALUE + 1}", f"its value is {MAX_VALUE + 1}"),
        ("output_tokens == 0u ? dyn(0) : dyn('x')", "its value is of the type string"),
    ],
)
def test_an_expression_without_a_value_is_0_and_named(text: str, reason: str) -> None:
    result = with_costs(cel(text), RequestCost(key="total", type="TotalToken"))
    assert (result.values, result.faults) == ({"cost": 0, "total": 120}, {"cost": reason})


variables = st.fixed_dictionaries(
    {
        **dict.fromkeys(COUNTS, st.integers(min_value=0, max_value=2**63)),
        **dict.fromkeys(TEXTS, st.text(max_size=20).filter(lambda text: text.isprintable())),
    }
)
terms = st.one_of(st.sampled_from(COUNTS), st.integers(min_value=0, max_value=2**64 - 1).map("{}u".format))


@given(variables, terms, st.sampled_from("+-*/%"), terms)
def test_expressions_compute_as_unsigned_integers(values: dict[str, Any], left: str, sign: str, right: str) -> None:
    """Against Python's whole numbers: the same value, or none at all; never a negative or an inexact one."""
    one, two = (values[term] if term in COUNTS else int(term[:-1]) for term in (left, right))
    assume(sign not in "/%" or two)
    exact = {"+": one + two, "-": one - two, "*": one * two, "/": one // (two or 1), "%": one % (two or 1)}[sign]
    try:
        value = Expression(f"{left} {sign} {right}").value(values)
    except NoValue:
        assert not 0 <= exact <= MAX_VALUE
    else:
        assert value == exact


# --- dollars ----------------------------------------------------------------------------------------------------


def test_tokens_of_a_cache_are_charged_apart() -> None:
    counts = outcome().usage
    assert counts is not None
    tokens = charged(counts)
    assert (tokens.input, tokens.cache_read, tokens.cache_write, tokens.long_cache_write) == (33, 60, 2, 5)
    assert tokens.prompt == counts.input_tokens


def test_a_cost_in_dollars() -> None:
    result = spent(outcome(request_model="us.anthropic.claude-sonnet-4-6"))
    exact = (
        33 * Fraction("3.3")
        + 60 * Fraction("0.33")
        + 2 * Fraction("4.125")
        + 5 * Fraction("6.6")
        + 20 * Fraction("16.5")
    )
    assert result is not None
    assert result.cost == -(-exact.numerator // exact.denominator)


def test_the_tier_that_has_served_it() -> None:
    flex, standard, priority = (
        spent(outcome(usage=TokenCounts(output_tokens=1000, total_tokens=1000, service_tier=tier)))
        for tier in ("flex", "default", "priority")
    )
    assert [one and one.cost for one in (flex, standard, priority)] == [120, 240, 420]


def test_the_model_that_a_router_has_chosen() -> None:
    chosen = TokenCounts(output_tokens=1000, total_tokens=1000, invoked_model="us.amazon.nova-pro-v1:0")
    result = spent(
        outcome(usage=chosen, request_model="arn:aws:bedrock:us-east-1:123456789012:default-prompt-router/x:1")
    )
    assert result is not None
    assert (result.cost, result.model) == (3200, "arn:aws:bedrock:us-east-1:123456789012:default-prompt-router/x:1")


def test_a_model_without_a_price() -> None:
    result = spent(outcome(request_model="simulator.hold"))
    assert result is not None
    assert result.cost is None
