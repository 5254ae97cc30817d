"""The backends to examine: each AIServiceBackend once, with every model that rules send to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from aigw_extproc.config.snapshot import MODEL_HEADER, AwsAuth, Backend, Rule, Snapshot, Upstream


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeTarget:
    """One backend, with the models of all rules that use it."""

    name: str
    """`namespace/name` of the AIServiceBackend."""
    schema: str
    upstream: Upstream
    auth: AwsAuth | None
    models: tuple[str, ...]
    """By the backend's own names, in the order of the rules; empty where rules accept any model."""


def targets(snapshot: Snapshot) -> tuple[ProbeTarget, ...]:
    """Return every backend that a rule can reach, in order of first use."""
    services: dict[str, tuple[Backend, dict[str, None]]] = {}
    for rule in snapshot.rules:
        for backend in rule.backends:
            _, models = services.setdefault(_service(backend), (backend, {}))
            models.update(dict.fromkeys(_models(rule, backend)))
    return tuple(
        ProbeTarget(
            name=name, schema=backend.schema.name, upstream=backend.upstream, auth=backend.auth, models=tuple(models)
        )
        for name, (backend, models) in services.items()
    )


def _service(backend: Backend) -> str:
    """Return a backend's name without the rule that refers to it."""
    return backend.name.partition("/route/")[0]


def _models(rule: Rule, backend: Backend) -> Iterator[str]:
    if backend.model_override is not None:
        yield backend.model_override
        return
    for condition in (condition for match in rule.matches for condition in match):
        if condition.name == MODEL_HEADER and condition.pattern is None:
            yield condition.value
