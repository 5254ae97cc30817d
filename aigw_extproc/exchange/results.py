"""How an exchange has ended, in one word for logs and metrics."""

from __future__ import annotations

from typing import Final

from aigw_extproc.exchange.messages import Outcome

OK: Final = "ok"
INCOMPLETE: Final = "incomplete"
"""The answer did not reach its end: the client has left, or the upstream's connection broke."""
BEGUN: Final = "begun"
"""The stream of a rule with failover: its attempt is an exchange of its own, and ends later."""


def result(outcome: Outcome, *, over: bool) -> str:
    """Return `ok`, or the code of the error, whether before the answer or in it. `over` says it has been sent."""
    if not over:
        return INCOMPLETE
    code = outcome.error.label if outcome.error is not None else outcome.code
    if code:
        return code
    if outcome.status >= 400:
        return str(outcome.status)
    delegated = outcome.backend is None
    return BEGUN if outcome.stream and delegated else OK
