"""The clock check: whether this machine and AWS agree on the time. Signatures are valid for five minutes."""

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
_SERVER_TIME = re.compile(r"\((\d{8}T\d{6}Z) [-+] \d+ min")

SET_THE_CLOCK = (
    "set this machine's clock and keep it synchronized: `timedatectl set-ntp true`, or chrony with 169.254.169.123 on "
    "EC2; on a virtual machine that was suspended, restart the time service"
)


def check_clock(headers: Mapping[str, str], text: str, *, now: float, signed: bool) -> Check:
    """Compare our clock with that of the endpoint.

    `headers` (names in lower case) and `text` are of the endpoint's response, `now` is our time when it came, in
    seconds since 1970. Requests with a Bedrock API key are not `signed`, and valid at any time.
    """
    server_time = _time_in(text) or _date(headers)
    if server_time is None:
        return skipped(NAME, "the endpoint's response has no date")
    skew = now - server_time
    # The header has whole seconds only, servers cache it for one, and the call itself took time.
    detail = "correct to within five seconds" if abs(skew) <= 5 else f"{_format(skew)} the endpoint's clock"
    if abs(skew) <= MAX_SKEW_SECONDS or not signed:
        return ok(NAME, detail)
    return failed(NAME, f"{detail}; signatures allow a difference of 5 minutes", SET_THE_CLOCK)


def _format(skew: float) -> str:
    size = f"{abs(skew):.0f} s" if abs(skew) < 120 else f"{abs(skew) / 60:.0f} minutes"
    return f"{size} {'ahead of' if skew > 0 else 'behind'}"


def _time_in(text: str) -> float | None:
    match = _SERVER_TIME.search(text)
    return datetime.strptime(match[1], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp() if match else None


def _date(headers: Mapping[str, str]) -> float | None:
    try:
        return parsedate_to_datetime(headers.get("date", "")).timestamp()
    except ValueError:
        return None
