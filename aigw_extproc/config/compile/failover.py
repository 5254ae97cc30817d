"""Compilation of failover: which rules try several backends, and how Envoy names them."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

from aigw_extproc.config.snapshot import Backend, Rule
from aigw_extproc.config.traffic import Failover, Retry


def with_failover(rule: Rule) -> Rule:
    """Return the rule with failover, if it has backends of several priorities."""
    used = [backend for backend in rule.backends if backend.weight]
    if len({backend.priority for backend in used}) < 2:
        return rule
    return replace(rule, failover=_failover(rule, Retry(retries=len(used) - 1)))


def _failover(rule: Rule, retry: Retry) -> Failover:
    return Failover(cluster=rule.name, hosts=tuple(map(_host, rule.backends)), retry=retry)


def _host(backend: Backend) -> str:
    """Return a host for one backend of one rule, another one when its upstream changes."""
    content = repr((backend.name, backend.schema, backend.upstream))
    return f"{sha256(content.encode()).hexdigest()[:16]}.attempt"
