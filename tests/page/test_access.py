"""Who may see the page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from aigw_extproc.page.access import (
    COOKIE,
    LOCAL,
    SESSION_SECONDS,
    Access,
    TokenUnusable,
    is_same_origin,
    read_token,
)

TOKEN = "a-token-of-some-length"
NOW = 1_000_000.0


def tokened() -> Access:
    return Access(token=lambda: TOKEN)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:1064", "[::1]:1064", "LOCALHOST:1"])
def test_names_of_this_machine(host: str) -> None:
    assert Access().allows_host({"host": host})


@pytest.mark.parametrize(
    "host", ["", "evil.example", "evil.example:1064", "localhost.evil.example", "127.0.0.1.evil", "[::2]"]
)
def test_a_foreign_name_is_refused_without_a_token(host: str) -> None:
    assert not Access().allows_host({"host": host})
    assert tokened().allows_host({"host": host})


def test_the_address_that_it_is_bound_to() -> None:
    assert Access(hosts=LOCAL | {"127.0.0.2"}).allows_host({"host": "127.0.0.2:1064"})


def test_without_a_token_everyone_on_this_machine_is_in() -> None:
    assert Access().signed_in({}, NOW)
    assert Access().session(TOKEN, NOW) is None


@pytest.mark.parametrize(
    ("header", "signed_in"),
    [
        (f"Bearer {TOKEN}", True),
        (f"bearer  {TOKEN} ", True),
        ("Bearer ", False),
        (f"Bearer {TOKEN}x", False),
        (f"Bearer {TOKEN[:-1]}", False),
        (f"Basic {TOKEN}", False),
        (TOKEN, False),
        ("Bearer \xff", False),
        ("", False),
    ],
)
def test_the_token_in_a_header(header: str, signed_in: bool) -> None:
    assert tokened().signed_in({"authorization": header}, NOW) is signed_in


def test_a_session_lasts_twelve_hours() -> None:
    session = tokened().session(f" {TOKEN}\n", NOW)
    assert session is not None
    assert TOKEN not in session
    cookie = {"cookie": f"other=1; {COOKIE}={session}"}
    assert tokened().signed_in(cookie, NOW + SESSION_SECONDS - 1)
    assert not tokened().signed_in(cookie, NOW + SESSION_SECONDS)
    assert tokened().session("another token", NOW) is None


def test_another_token_ends_the_sessions() -> None:
    cookie = {"cookie": f"{COOKIE}={tokened().session(TOKEN, NOW)}"}
    assert not Access(token=lambda: "another-token-of-some-length").signed_in(cookie, NOW)


@pytest.mark.parametrize(
    "change",
    [
        lambda session: str(int(session.partition(".")[0]) + 1) + "." + session.partition(".")[2],
        lambda session: session[:-1],
        lambda session: session.partition(".")[0] + ".",
        lambda session: "." + session.partition(".")[2],
        lambda session: "٣" + session,
        lambda session: "9" * 5000 + "." + session.partition(".")[2],
        lambda session: session[:0],
    ],
)
def test_a_forged_session(change: Callable[[str], str]) -> None:
    session = tokened().session(TOKEN, NOW)
    assert session is not None
    assert not tokened().signed_in({"cookie": f"{COOKIE}={change(session)}"}, NOW)


@pytest.mark.parametrize(
    ("headers", "same"),
    [
        ({}, True),
        ({"sec-fetch-site": "same-origin", "origin": "http://127.0.0.1:1064"}, True),
        ({"sec-fetch-site": "none"}, True),
        ({"origin": "http://127.0.0.1:1064"}, True),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "same-site"}, False),
        ({"origin": "http://127.0.0.1:1975"}, False),
        ({"origin": "http://evil.example"}, False),
        ({"origin": "null"}, False),
        ({"origin": ""}, False),
    ],
)
def test_pages_of_other_sites(headers: dict[str, str], same: bool) -> None:
    assert is_same_origin({"host": "127.0.0.1:1064", **headers}) is same


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"short", "expected at least 16 characters of ASCII, got 5"),
        (b"", "expected at least 16 characters of ASCII, got 0"),
        ("ä".encode() * 20, "expected at least 16 characters of ASCII, got 20"),
        (b"\xff" * 20, "it is not text"),
        (None, "No such file or directory"),
    ],
)
def test_a_token_that_cannot_be_used(content: bytes | None, fault: str, tmp_path: Path) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(TokenUnusable) as raised:
        read_token(file)
    assert str(raised.value) == f"--page-token {file}: {fault}"


def test_a_file_that_is_gone_lets_nobody_in(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(TOKEN + "\n")
    access = Access(token=lambda: read_token(file))
    assert access.signed_in({"authorization": f"Bearer {TOKEN}"}, NOW)
    file.unlink()
    assert not access.signed_in({"authorization": f"Bearer {TOKEN}"}, NOW)
