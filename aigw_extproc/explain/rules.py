"""Why a rule applies to a request, and why the others do not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from aigw_extproc.config.snapshot import MODEL_HEADER, HeaderMatch, Rule
from aigw_extproc.explain.explanation import Verdict
from aigw_extproc.routing import Headers, holds, hostnames

_Rank = tuple[int, int, int]
"""How specific the hostname is, how many conditions there are, the order of the rules: the smallest one wins."""


def verdicts(rules: Sequence[Rule], chosen: str, model: str, headers: Headers) -> Iterator[Verdict]:
    """Yield a verdict on every rule; `chosen` is the name of the one that applies, if any."""
    hosts = hostnames(headers)
    ranks = {rule.name: _rank(order, rule, hosts, model, headers) for order, rule in enumerate(rules)}
    best = ranks.get(chosen)
    for rule in rules:
        if rule.name == chosen:
            yield Verdict(rule=rule.name, chosen=True, reason=_why(rule, model, headers))
        else:
            yield Verdict(
                rule=rule.name, chosen=False, reason=_why_not(rule, ranks[rule.name], best, hosts, model, headers)
            )


def _rank(order: int, rule: Rule, hosts: Sequence[str], model: str, headers: Headers) -> _Rank | None:
    """Return the rank of a rule's best match; None if none applies."""
    specific = _host_rank(rule, hosts)
    counts = [len(match) for match in _matches(rule) if _unmet(match, model, headers) is None]
    return None if specific is None or not counts else (specific, -max(counts), order)


def _host_rank(rule: Rule, hosts: Sequence[str]) -> int | None:
    if not rule.hostnames:
        return len(hosts)
    return next((rank for rank, host in enumerate(hosts) if host in rule.hostnames), None)


def _matches(rule: Rule) -> tuple[tuple[HeaderMatch, ...], ...]:
    return rule.matches or ((),)


def _unmet(match: Sequence[HeaderMatch], model: str, headers: Headers) -> HeaderMatch | None:
    return next((condition for condition in match if not holds(condition, model, headers)), None)


def _why(rule: Rule, model: str, headers: Headers) -> str:
    met = [match for match in _matches(rule) if _unmet(match, model, headers) is None]
    conditions = max(met, key=len, default=())
    if not conditions:
        return "it takes every request"
    return " and ".join(_condition(condition) for condition in conditions)


def _why_not(
    rule: Rule, rank: _Rank | None, best: _Rank | None, hosts: Sequence[str], model: str, headers: Headers
) -> str:
    if _host_rank(rule, hosts) is None:
        return f"it is for the host {' or '.join(rule.hostnames)}, not for {hosts[0] or 'this one'}"
    if rank is None:
        unmet = (_unmet(match, model, headers) for match in _matches(rule))
        return "; ".join(dict.fromkeys(_missed(condition, model, headers) for condition in unmet if condition))
    if best is None or rank[0] > best[0]:
        return "it matches too, but the other one names the host more exactly"
    if rank[1] > best[1]:
        return f"it matches too, with fewer conditions ({-rank[1]}, not {-best[1]})"
    return "it matches too, but comes later"


def _condition(condition: HeaderMatch) -> str:
    name = "the model" if condition.name == MODEL_HEADER else condition.name
    if condition.pattern is not None:
        return f"{name} matches {condition.value}"
    return f"{name} is {condition.value}"


def _missed(condition: HeaderMatch, model: str, headers: Headers) -> str:
    wanted = f"{'does not match' if condition.pattern else 'is not'} {condition.value}"
    if condition.name == MODEL_HEADER:
        return f"the model {wanted}"
    return f"{condition.name} {wanted}" if condition.name in headers else f"there is no header {condition.name}"
