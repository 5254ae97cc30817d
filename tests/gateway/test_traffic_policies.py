"""BackendTrafficPolicies: what is tried again, for how long, and which backend is passed over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.envoy_config.running import Handler, Upstream, running_upstream, wait_for
from tests.gateway.conftest import NewGateway
from tests.gateway.resources import Document, openai_backend, ref, route, rule, traffic_policy
from tests.gateway.running import Gateway

FIRST, SECOND = "first", "second"


def fallback(model: str) -> Document:
    return rule(ref("first"), ref("second", priority=1), model=model)


def answering(status: int, name: str = "") -> object:
    """An upstream's answer with a status, and with its name as the body's only member."""

    def answer(handler: Handler) -> None:
        body = b'{"from":"%s"}' % name.encode()
        handler.send_response_only(status)
        handler.send_header("content-type", "application/json")
        handler.send_header("content-length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def hang(handler: Handler) -> None:
    """Never answer: the connection is closed by its other side."""
    handler.rfile.read(1)


@pytest.fixture(scope="module")
def upstreams() -> Iterator[tuple[Upstream, Upstream]]:
    with running_upstream() as first, running_upstream() as second:
        yield first, second


@pytest.fixture(scope="module")
def third() -> Iterator[Upstream]:
    with running_upstream() as running:
        running.reset(answering(200, SECOND))  # type: ignore[arg-type] # a function of a handler
        yield running


@pytest.fixture
def both(upstreams: tuple[Upstream, Upstream]) -> tuple[Upstream, Upstream]:
    """Two upstreams, of which the second answers."""
    first, second = upstreams
    first.reset(answering(200, FIRST))  # type: ignore[arg-type] # a function of a handler
    second.reset(answering(200, SECOND))  # type: ignore[arg-type] # as above
    return first, second


@pytest.fixture(scope="module")
def governed(start_gateway: NewGateway, upstreams: tuple[Upstream, Upstream], third: Upstream) -> Gateway:
    first, second = upstreams
    strict = {
        "numRetries": 5,
        "perRetry": {"timeout": "30s", "backOff": {"baseInterval": "10ms", "maxInterval": "20ms"}},
        "retryOn": {"httpStatusCodes": [500], "triggers": ["connect-failure", "retriable-status-codes"]},
    }
    brief = {"retry": {"numRetries": 1, "perRetry": {"timeout": "300ms"}}}
    ejecting = {"passive": {"consecutive5XxErrors": 2, "interval": "100ms", "baseEjectionTime": "1s"}}
    several = rule(ref("first", weight=3), ref("several", weight=1), model="several")
    twofold = openai_backend("several", second.port)
    twofold[-1]["spec"]["endpoints"] += [{"ip": {"address": "127.0.0.1", "port": third.port}}]
    weighted = rule(ref("first", weight=3), ref("second", weight=1), model="weighted")
    return start_gateway(
        route("strict", fallback("strict")),
        traffic_policy("strict", retry=strict),
        route("brief", fallback("brief")),
        traffic_policy("brief", **brief),
        route("ejecting", fallback("ejecting")),
        traffic_policy("ejecting", healthCheck=ejecting, retry={"retryOn": {"triggers": ["5xx"]}}),
        route("weighted", weighted, several),
        traffic_policy("weighted", retry={}),
        route("narrow", fallback("narrow")),
        traffic_policy("narrow", circuitBreaker={"maxParallelRequests": 0}),
        *openai_backend("first", first.port),
        *openai_backend("second", second.port),
        *twofold,
    )


@pytest.mark.parametrize(("status", "expected", "sent"), [(500, 200, 1), (429, 429, 0), (503, 503, 0)])
def test_only_what_a_policy_names_is_tried_again(
    governed: Gateway, both: tuple[Upstream, Upstream], status: int, expected: int, sent: int
) -> None:
    both[0].reset(answering(status))  # type: ignore[arg-type] # a function of a handler
    assert governed.chat("strict").status_code == expected
    assert (len(both[0].received), len(both[1].received)) == (1, sent)


def test_a_backend_that_hangs_has_the_time_of_one_attempt(governed: Gateway, both: tuple[Upstream, Upstream]) -> None:
    both[0].reset(hang)
    assert governed.chat("brief").json() == {"from": SECOND}


def test_a_backend_that_keeps_failing_is_passed_over_until_it_may_be_back(
    governed: Gateway, both: tuple[Upstream, Upstream]
) -> None:
    first, _ = both
    first.reset(answering(500))  # type: ignore[arg-type] # a function of a handler

    def passed_over() -> bool | None:
        before = len(first.received)
        assert governed.chat("ejecting").json() == {"from": SECOND}
        return True if len(first.received) == before else None

    wait_for(passed_over, what="the first backend to be passed over")
    first.reset(answering(200, FIRST))  # type: ignore[arg-type] # as above
    wait_for(
        lambda: True if governed.chat("ejecting").json() == {"from": FIRST} else None,
        what="the first backend to be back",
        seconds=30,
    )


@pytest.mark.parametrize("model", ["weighted", "several"])
def test_weights_within_a_priority_are_exact(governed: Gateway, both: tuple[Upstream, Upstream], model: str) -> None:
    """Also with a backend that has two addresses: they share its weight."""
    count = 400
    answers = Counter(governed.chat(model).json()["from"] for _ in range(count))
    assert answers[FIRST] == pytest.approx(count * 3 / 4, rel=0.02)


def test_more_than_a_policy_allows_at_once_is_refused(governed: Gateway, both: tuple[Upstream, Upstream]) -> None:
    response = governed.chat("narrow")
    assert (response.status_code, response.json()["error"]["code"]) == (503, "gateway_overloaded")
