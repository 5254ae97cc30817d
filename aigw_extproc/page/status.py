"""What runs, from the rules in effect and the process's own details."""

from __future__ import annotations

from aigw_extproc import __version__
from aigw_extproc.aws.identity import describe
from aigw_extproc.config.snapshot import MODEL_HEADER, HeaderMatch, Rule
from aigw_extproc.config.snapshot import Backend as ConfiguredBackend
from aigw_extproc.page.source import Backend, RuleView, Source, Status
from aigw_extproc.page.traffic import exchanges


def status_of(source: Source, now: float) -> Status:
    """Return what runs, without secrets; `now` is in seconds since 1970."""
    details = source.details()
    requests = [each.request for each in exchanges(source.traffic())]
    return Status(
        version=__version__,
        started=source.started,
        now=now,
        config=details["config"],
        credentials=details["credentials"],
        warnings=details["warnings"],
        workers=details.get("workers_running"),
        rules=tuple(_rule(rule) for rule in source.router().snapshot.rules),
        requests=len(requests),
        failed=sum(request.failed for request in requests),
    )


def _rule(rule: Rule) -> RuleView:
    return RuleView(
        name=rule.name,
        hosts=rule.hostnames,
        matches=tuple(" and ".join(map(_condition, match)) or "everything" for match in rule.matches or ((),)),
        policy=rule.policy.name if rule.policy is not None else "",
        failover=rule.failover is not None,
        backends=tuple(_backend(backend) for backend in rule.backends),
    )


def _condition(condition: HeaderMatch) -> str:
    name = "model" if condition.name == MODEL_HEADER else condition.name
    return f"{name} {'~' if condition.pattern is not None else '='} {condition.value}"


def _backend(backend: ConfiguredBackend) -> Backend:
    auth = backend.auth
    return Backend(
        name=backend.service,
        schema=backend.schema.name,
        host=backend.upstream.host,
        addresses=tuple(map(str, backend.upstream.addresses)),
        region=auth.region if auth is not None else "",
        credentials=describe(auth.source) if auth is not None else "not signed",
        weight=backend.weight,
        priority=backend.priority,
        model=backend.model_override or "",
    )
