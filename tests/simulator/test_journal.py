"""What is remembered of requests, and what must not be."""

from __future__ import annotations

import pytest

from aigw_extproc.simulator.journal import LONGEST_BODY, REMEMBERED, Exchange, Journal
from aigw_extproc.simulator.received import Received


def exchange_of(request: Received, journal: Journal | None = None) -> Exchange:
    with (journal or Journal()).exchange(request) as exchange:
        return exchange


def received(*headers: tuple[str, str], body: bytes = b"{}") -> Received:
    return Received(method="POST", raw_path="/model/x/converse", headers=headers, body=body)


def test_an_exchange_is_reported_whole() -> None:
    exchange = exchange_of(received(("host", "h"), ("a", "1"), ("a", "2"), body=b'{"\xff"'))
    assert exchange.report() == {
        "id": exchange.id,
        "method": "POST",
        "path": "/model/x/converse",
        "headers": [["host", "h"], ["a", "1"], ["a", "2"]],
        "body": '{"�"',
        "body_bytes": 4,
        "status": None,
        "error_type": None,
        "finished": False,
        "client_disconnected": False,
    }


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        (
            "authorization",
            (
                "AWS4-HMAC-SHA256 Credential=canary/20260131/us-east-1/bedrock/aws4_request,"
                f" SignedHeaders=host;x-amz-date, Signature={'c' * 64}"
            ),
            "AWS4-HMAC-SHA256 20260131/us-east-1/bedrock/aws4_request, SignedHeaders=host;x-amz-date",
        ),
        ("authorization", "Bearer canary", "Bearer …"),
        ("authorization", "canary", "…"),
        ("x-amz-security-token", "canary", "…"),
        ("cookie", "canary", "…"),
        ("x-api-key", "canary", "…"),
    ],
)
def test_credentials_are_not_reported(name: str, value: str, shown: str) -> None:
    assert exchange_of(received((name, value))).report()["headers"] == [[name, shown]]


def test_a_long_body_is_cut_and_its_length_kept() -> None:
    report = exchange_of(received(body=b"x" * (LONGEST_BODY + 1))).report()
    assert (len(report["body"]), report["body_bytes"]) == (LONGEST_BODY, LONGEST_BODY + 1)


def test_the_oldest_are_forgotten() -> None:
    journal = Journal()
    exchanges = [exchange_of(received(), journal) for _ in range(REMEMBERED + 1)]
    assert list(journal) == exchanges[1:]
    assert journal.find(exchanges[0].id) is None


def test_what_is_not_over_is_found_whatever_its_age() -> None:
    journal = Journal()
    with journal.exchange(received()) as exchange:
        for _ in range(REMEMBERED):
            exchange_of(received(), journal)
        assert journal.find(exchange.id) is exchange
    assert journal.find(exchange.id) is None


def test_an_exchange_that_is_over_is_found_by_its_id() -> None:
    journal = Journal()
    exchange = exchange_of(received(), journal)
    assert (journal.find(exchange.id), journal.find("other")) == (exchange, None)
