"""Whether this machine and AWS agree about the time: signatures hold for five minutes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from aigw_extproc.doctor.checks import Check, failed, ok, skipped

NAME = "clock"
MAX_SKEW_SECONDS = 300
"""https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html"""

# AWS's own time, in the text of an error: `(20260131T120000Z - 5 min.)`.
_TOLD = re.compile(r"\((\d{8}T\d{6}Z) [-+] \d+ min")

SET_THE_CLOCK = (
    "set this machine's clock, and keep it set: `timedatectl set-ntp true`, chrony with 169.254.169.123 on EC2; "
    "a virtual machine that slept may need a restart of its time service"
)


def check_clock(headers: Mapping[str, str], text: str, *, now: float, signed: bool) -> Check:
    """Compares our clock with that of the endpoint.

    `headers` (lower case) and `text` are of its answer, `now` is what our clock said then, in seconds since 1970.
    Requests with a Bedrock API key are not `signed`, and hold whatever the time is.
    """
    theirs = _time_in(text) or _date(headers)
    if theirs is None:
        return skipped(NAME, "the endpoint's answer has no date")
    skew = now - theirs
    # The header knows whole seconds only, servers keep it for one, and the call took its time.
    detail = "in time, within five seconds" if abs(skew) <= 5 else f"{_words(skew)} the endpoint's"
    if abs(skew) <= MAX_SKEW_SECONDS or not signed:
        return ok(NAME, detail)
    return failed(NAME, f"{detail}; a signature may be off by 5 minutes", SET_THE_CLOCK)


def _words(skew: float) -> str:
    size = f"{abs(skew):.0f} s" if abs(skew) < 120 else f"{abs(skew) / 60:.0f} minutes"
    return f"{size} {'ahead of' if skew > 0 else 'behind'}"


def _time_in(text: str) -> float | None:
    match = _TOLD.search(text)
    return datetime.strptime(match[1], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp() if match else None


def _date(headers: Mapping[str, str]) -> float | None:
    try:
        return parsedate_to_datetime(headers.get("date", "")).timestamp()
    except ValueError:
        return None
