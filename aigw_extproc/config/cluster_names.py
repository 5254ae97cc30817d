"""Names of Envoy's clusters by their content, for an Envoy whose clusters follow the files.

When a Backend changes, its old cluster and the new one exist beside each other: a request uses what its exchange began
with, the old signature for the old host or the new one for the new host, whenever Envoy and the processor notice.
"""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import Final

from aigw_extproc.config.addresses import Upstream
from aigw_extproc.config.snapshot import Rule, Snapshot

SEPARATOR: Final = "@"
"""Before the digest; no name of a resource has it."""


def by_content(snapshot: Snapshot) -> Snapshot:
    """Return the snapshot with clusters named `name@digest`. Those that have such names keep them."""
    return replace(snapshot, rules=tuple(map(_rule, snapshot.rules)))


def plain_name(cluster: str) -> str:
    """Return the name of a cluster without its digest, for statistics and logs."""
    return cluster.partition(SEPARATOR)[0]


def clusters(rule: Rule) -> frozenset[str]:
    """Return the names of a rule's clusters."""
    upstreams = (backend.upstream.cluster for backend in rule.backends)
    return frozenset(upstreams if rule.failover is None else (*upstreams, rule.failover.cluster))


def for_envoy(snapshot: Snapshot) -> object:
    """Return all that Envoy must have of a snapshot before the processor uses it: what its clusters and filters are."""
    names = frozenset(name for rule in snapshot.rules for name in clusters(rule))
    filters = (snapshot.services, snapshot.token_providers, snapshot.ext_auths, snapshot.cors, snapshot.by_address)
    return names, filters, snapshot.stream_idles


def _rule(rule: Rule) -> Rule:
    backends = tuple(replace(backend, upstream=_upstream(backend.upstream)) for backend in rule.backends)
    if rule.failover is None:
        return replace(rule, backends=backends)
    failover = rule.failover
    retry = failover.retry
    policy = (
        retry.retries,
        retry.per_priority,
        retry.without_answer,
        retry.back_off,
        failover.ejection,
        failover.limits,
    )
    endpoints = [(backend.weight, backend.priority) for backend in backends]
    failover = replace(failover, cluster=_named(failover.cluster, (failover.hosts, endpoints, policy)))
    return replace(rule, backends=backends, failover=failover)


def _upstream(upstream: Upstream) -> Upstream:
    return replace(upstream, cluster=_named(upstream.cluster, replace(upstream, cluster="")))


def _named(cluster: str, content: object) -> str:
    return f"{plain_name(cluster)}{SEPARATOR}{sha256(repr(content).encode()).hexdigest()[:8]}"
