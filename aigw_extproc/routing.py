"""Routing: selection of the backend for a request.

A `Router` is an index over the rules of one snapshot, built once. Precedence is that of the Gateway API's HTTPRoute
(https://gateway-api.sigs.k8s.io/reference/spec/#httprouterule): the more specific hostname, then the match with more
header conditions, then the earlier rule. A dictionary holds the matches that name a model exactly, so that a request
costs the same with one route as with thousands.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from heapq import merge
from itertools import accumulate
from operator import attrgetter
from typing import TypeAlias

from aigw_extproc.callers import ANONYMOUS, NOTHING, Caller, Callers, Verified, is_admitted
from aigw_extproc.config.policies import CLIENT_HEADER, Policy
from aigw_extproc.config.snapshot import MODEL_HEADER, Backend, HeaderMatch, RoutedModel, Rule, Snapshot
from aigw_extproc.config.traffic import Failover, Retry
from aigw_extproc.errors import ModelNotFound, RouteClosed
from aigw_extproc.listed_models import NO_LISTS, ListedModels, ModelLists

Headers: TypeAlias = Mapping[str, str]
"""Request headers by lower-case name, including `:authority`."""

_MAX_ATTEMPTS = 10_000
_PORT = re.compile(r":[0-9]*$")
_AUTHORITY = re.compile(r"([A-Za-z0-9_.-]*[A-Za-z0-9_-])(?::[0-9]*)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The rule for a request: its active backends, with the running total of their weights, and who may use it."""

    rule: str = ""
    """The rule's name."""
    backends: tuple[Backend, ...]
    bounds: tuple[int, ...]
    policy: Policy | None
    failover: Failover | None = None
    """How the backends are tried one after the other, chosen by Envoy; None to pick one here."""

    def pick(self, number: float) -> Backend:
        """Return the backend at `number`, of [0, 1), on the cumulative weights."""
        if len(self.backends) == 1:
            return self.backends[0]
        return self.backends[bisect_right(self.bounds, number * self.bounds[-1], hi=len(self.bounds) - 1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One backend of a rule with failover, as an attempt finds it."""

    backend: Backend
    retry: Retry
    varied: bool
    """Whether another backend may take a request that this one's translation refuses."""
    limit: int
    """Bytes of a whole answer: more are not held until it is complete."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidate:
    """One match of a rule, without the conditions that the index has already checked."""

    rank: tuple[int, int]
    """Sort key: more conditions first, then the order of the rules."""
    model: str | None
    """The only model that matches, or None for any that meets the conditions."""
    conditions: tuple[HeaderMatch, ...]
    choice: Choice

    def holds(self, model: str, headers: Headers) -> bool:
        """Return whether every condition is met."""
        return all(holds(condition, model, headers) for condition in self.conditions)


class _Scope:
    """The candidates for one hostname."""

    __slots__ = ("by_model", "general")

    def __init__(self, candidates: Iterable[_Candidate]) -> None:
        ranked = sorted(candidates, key=_rank)
        general = [candidate for candidate in ranked if candidate.model is None]
        exact: dict[str, list[_Candidate]] = {}
        for candidate in ranked:
            if candidate.model is not None:
                exact.setdefault(candidate.model, []).append(candidate)
        self.general = _reachable(general)
        self.by_model = {model: _reachable(merge(named, general, key=_rank)) for model, named in exact.items()}

    def find(self, model: str, headers: Headers) -> _Candidate | None:
        for candidate in self.by_model.get(model, self.general):
            if not candidate.conditions or candidate.holds(model, headers):
                return candidate
        return None


class Router:
    """The rules of a snapshot, indexed."""

    __slots__ = (
        *("_allowed_hosts", "_anywhere", "_attempts", "_by_host", "_names", "_wildcards"),
        *("callers", "client_headers", "identity_headers", "listed", "open", "snapshot"),
    )

    def __init__(
        self,
        snapshot: Snapshot,
        allowed_hosts: Iterable[str] = (),
        lists: ModelLists = NO_LISTS,
        *,
        previous: Router | None = None,
    ) -> None:
        """`allowed_hosts` are the hosts of requests, besides those of rules; empty for any. `lists` are of accounts.

        `previous` is the router before a reload: its requests may have attempts to come.
        """
        self.snapshot = snapshot
        self.listed = ListedModels(snapshot, lists)
        earlier = previous._attempts if previous is not None else {}
        self._attempts: dict[str, Attempt] = _latest(earlier | dict(_attempts(snapshot)))
        self._allowed_hosts = frozenset(host.lower() for host in allowed_hosts)
        policies = snapshot.policies
        self.callers = Callers(policies)
        """The clients of all policies."""
        self.open = any(rule.policy is None or rule.policy.open for rule in snapshot.rules) or not policies
        """Whether every client can use some rule."""
        matched = _matched(snapshot.rules)
        self.client_headers = matched & frozenset({CLIENT_HEADER}).union(*(each.client_headers for each in policies))
        """The headers with a client's id that some rule matches."""
        self.identity_headers = self.client_headers | matched & frozenset().union(
            *(each.claim_headers for each in policies)
        )
        """Those, and the ones with claims of a token: a client's own must not be used."""
        hosts: dict[str, list[_Candidate]] = {}
        for hostname, candidate in _candidates(snapshot.rules):
            hosts.setdefault(hostname, []).append(candidate)
        self._anywhere = _Scope(hosts.pop("", []))
        self._by_host = {host: _Scope(candidates) for host, candidates in hosts.items()}
        self._names = frozenset(model.id for model in snapshot.models)
        self._wildcards = any(host.startswith("*.") for host in hosts)

    def allows_host(self, headers: Headers) -> bool:
        """Return whether the gateway answers to the host of a request."""
        if not self._allowed_hosts:
            return True
        authority = headers.get(":authority", "").lower()
        if _PORT.sub("", authority) in self._allowed_hosts:
            return True
        host = _host(authority)
        return any(name in self._by_host for name in (host, *_wildcards(host)))

    def identify(self, headers: Headers, verified: Verified = NOTHING) -> Caller:
        """Return the sender of a request."""
        return self.callers.identify(headers, verified) if self.callers.policies else ANONYMOUS

    def select(self, model: str, headers: Headers, pick: float) -> Backend:
        """Return the backend for a request for `model`: `pick`, a number of [0, 1), chooses by weight.

        Raises:
            ModelNotFound: no rule matches the request.
        """
        return self.choose(model, headers).pick(pick)

    def choose(self, model: str, headers: Headers) -> Choice:
        """Return the rule for a request for `model`. A client's own `x-ai-eg-model` in `headers` is ignored.

        Raises:
            ModelNotFound: no rule matches the request.
            RouteClosed: the rule is closed, since something that it needs is wrong.
        """
        for scope in self._scopes(headers):
            candidate = scope.find(model, headers)
            if candidate is not None:
                if not candidate.choice.backends:
                    raise RouteClosed(model)
                return candidate.choice
        raise ModelNotFound(
            f"no rule routes the model '{model}'; GET /v1/models lists the available models", param="model"
        )

    def attempt(self, host: str) -> Attempt | None:
        """Return the backend that has this host in the cluster of its rule; None if there was none lately."""
        return self._attempts.get(host)

    def names(self, model: str) -> bool:
        """Return whether a rule names the model exactly."""
        return model in self._names

    def models(self, headers: Headers, caller: Caller = ANONYMOUS) -> tuple[RoutedModel, ...]:
        """Return the models of the rules for the request's host and sender, in the order of the rules."""
        if not self._by_host and not self.callers.policies:
            return self.listed.of(self.snapshot.rules)
        names = set(hostnames(headers))
        return self.listed.of(
            rule
            for rule in self.snapshot.rules
            if (not rule.hostnames or not names.isdisjoint(rule.hostnames))
            and (rule.policy is None or is_admitted(rule.policy, caller))
        )

    def _scopes(self, headers: Headers) -> Iterator[_Scope]:
        """Yield the scopes that match a request's host, the most specific first."""
        if self._by_host:
            host = _host(headers.get(":authority", ""))
            for name in (host, *(_wildcards(host) if self._wildcards else ())):
                if name in self._by_host:
                    yield self._by_host[name]
        yield self._anywhere


def _attempts(snapshot: Snapshot) -> Iterator[tuple[str, Attempt]]:
    for rule in snapshot.rules:
        if rule.failover is not None:
            varied = len({(each.schema, each.model_override, each.body_mutation) for each in rule.backends}) > 1
            for host, backend in zip(rule.failover.hosts, rule.backends, strict=True):
                yield (
                    host,
                    Attempt(
                        backend=backend,
                        retry=rule.failover.retry,
                        varied=varied,
                        limit=snapshot.buffer_limit,
                    ),
                )


def _latest(attempts: dict[str, Attempt]) -> dict[str, Attempt]:
    """Return the latest ones: those of earlier configurations are at the beginning."""
    return dict(list(attempts.items())[-_MAX_ATTEMPTS:])


def _candidates(rules: Iterable[Rule]) -> Iterator[tuple[str, _Candidate]]:
    """Yield every match of every rule by hostname, `""` for any; a rule without matches accepts everything."""
    order = 0
    for rule in rules:
        choice = _choice(rule)
        for match in rule.matches or ((),):
            for hostname in rule.hostnames or ("",):
                yield hostname, _candidate(match, order, choice)
            order += 1


def _candidate(match: tuple[HeaderMatch, ...], order: int, choice: Choice) -> _Candidate:
    exact = [condition for condition in match if condition.name == MODEL_HEADER and condition.pattern is None]
    return _Candidate(
        rank=(-len(match), order),
        model=exact[0].value if exact else None,
        conditions=tuple(condition for condition in match if condition not in exact[:1]),
        choice=choice,
    )


def _matched(rules: Iterable[Rule]) -> frozenset[str]:
    return frozenset(condition.name for rule in rules for match in rule.matches for condition in match)


def _choice(rule: Rule) -> Choice:
    active = tuple(backend for backend in rule.backends if backend.weight > 0)
    bounds = tuple(accumulate(backend.weight for backend in active))
    return Choice(rule=rule.name, backends=active, bounds=bounds, policy=rule.policy, failover=rule.failover)


_rank: Callable[[_Candidate], tuple[int, int]] = attrgetter("rank")


def _reachable(ranked: Iterable[_Candidate]) -> tuple[_Candidate, ...]:
    """Return the candidates up to the first without conditions."""
    kept: list[_Candidate] = []
    for candidate in ranked:
        kept.append(candidate)
        if not candidate.conditions:
            break
    return tuple(kept)


def holds(condition: HeaderMatch, model: str, headers: Headers) -> bool:
    """Return whether a request for `model` meets a condition of a rule."""
    value = model if condition.name == MODEL_HEADER else headers.get(condition.name)
    if value is None:
        return False
    if condition.pattern is None:
        return value == condition.value
    return condition.pattern.matches(value)


def hostnames(headers: Headers) -> tuple[str, ...]:
    """Return the hostnames of rules that match a request's host, the most specific first."""
    host = _host(headers.get(":authority", ""))
    return (host, *_wildcards(host))


def _host(authority: str) -> str:
    """Return the host of an authority, without its port.

    What is not the name of a host, perhaps with a port, belongs to no hostname, as in Envoy's virtual hosts: userinfo
    (`a@b`), brackets, a trailing dot. A proxy before the gateway could take it for another host.
    """
    match = _AUTHORITY.fullmatch(authority)
    return match[1].lower() if match else ""


def _wildcards(host: str) -> Iterator[str]:
    """Yield the wildcards that match a host, the longest first: for a.b.c, `*.b.c` and `*.c`."""
    _, dot, rest = host.partition(".")
    while dot:
        yield f"*.{rest}"
        _, dot, rest = rest.partition(".")
