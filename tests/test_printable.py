"""Tests for aigw_extproc.printable, and of what is written with it: logs, problems, output of children."""

from __future__ import annotations

import logging
import sys

import pytest

from aigw_extproc.cli.output import LogFormatter
from aigw_extproc.config.resources.findings import Note
from aigw_extproc.errors import Problem
from aigw_extproc.printable import printable

HOSTILE = "a\x1b[2J\nb\r\x85\u2028\u202e\u2066\x00\ud800"
ESCAPED = r"a\x1b[2J\nb\r\x85\u2028\u202e\u2066\x00\ud800"


def test_what_is_not_printable_is_escaped() -> None:
    assert printable(HOSTILE) == ESCAPED


@pytest.mark.parametrize("text", ["", "a b", "naïve 模型 🙂"])
def test_what_is_printable_is_unchanged(text: str) -> None:
    assert printable(text) == text


def formatted(message: str, *args: object, failed: bool = False) -> str:
    record = logging.LogRecord("aigw", logging.WARNING, "f.py", 1, message, args, sys.exc_info() if failed else None)
    return LogFormatter("%(levelname)s %(message)s").format(record)


def test_text_in_a_log_cannot_pass_for_another_record() -> None:
    lines = formatted("refused: %s", f"x\nERROR forged {HOSTILE}").split("\n")
    assert lines == ["WARNING refused: x", r"    ERROR forged a\x1b[2J", r"    b\r\x85\u2028\u202e\u2066\x00\ud800"]


def test_a_traceback_keeps_its_lines() -> None:
    try:
        raise ValueError(HOSTILE)
    except ValueError:
        first, second, *_, last = formatted("failed", failed=True).split("\n")
    assert (first, second) == ("WARNING failed", "    Traceback (most recent call last):")
    assert last == r"    b\r\x85\u2028\u202e\u2066\x00\ud800"


def test_findings_are_one_line_each() -> None:
    place = {"file": "f", "resource": f"Secret default/{HOSTILE}", "path": f"a.{HOSTILE}"}
    line = f"f: Secret default/{ESCAPED}: a.{ESCAPED}: {ESCAPED}"
    assert str(Problem(**place, message=HOSTILE)) == str(Note(**place, reason=HOSTILE)) == line
