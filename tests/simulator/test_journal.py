"""Tests of the journal."""

from __future__ import annotations

import pytest

from aigw_extproc.simulator.http_messages import HttpRequest
from aigw_extproc.simulator.journal import MAX_BODY_BYTES, MAX_ENTRIES, Journal, JournalEntry


def entry_of(http_request: HttpRequest, journal: Journal | None = None) -> JournalEntry:
    with (journal or Journal()).record(http_request) as entry:
        return entry


def request(*headers: tuple[str, str], body: bytes = b"{}") -> HttpRequest:
    return HttpRequest(method="POST", raw_path="/model/x/converse", headers=headers, body=body)


def test_an_entry_is_reported() -> None:
    entry = entry_of(request(("host", "h"), ("a", "1"), ("a", "2"), body=b'{"\xff"'))
    assert entry.report() == {
        "id": entry.id,
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
    assert entry_of(request((name, value))).report()["headers"] == [[name, shown]]


def test_a_long_body_is_cut_and_its_length_kept() -> None:
    report = entry_of(request(body=b"x" * (MAX_BODY_BYTES + 1))).report()
    assert (len(report["body"]), report["body_bytes"]) == (MAX_BODY_BYTES, MAX_BODY_BYTES + 1)


def test_the_oldest_entries_are_dropped() -> None:
    journal = Journal()
    entries = [entry_of(request(), journal) for _ in range(MAX_ENTRIES + 1)]
    assert list(journal) == entries[1:]
    assert journal.find(entries[0].id) is None


def test_an_incomplete_entry_is_found_at_any_age() -> None:
    journal = Journal()
    with journal.record(request()) as entry:
        for _ in range(MAX_ENTRIES):
            entry_of(request(), journal)
        assert journal.find(entry.id) is entry
    assert journal.find(entry.id) is None


def test_a_complete_entry_is_found_by_its_id() -> None:
    journal = Journal()
    entry = entry_of(request(), journal)
    assert (journal.find(entry.id), journal.find("other")) == (entry, None)
