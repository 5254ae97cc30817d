"""The backends to examine: each AIServiceBackend once, with every model that rules send to it."""

from __future__ import annotations

from dataclasses import dataclass

from aigw_extproc.config.snapshot import AwsAuth, Backend, Snapshot, Upstream
from aigw_extproc.listed_models import ListedModels


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
    listed = ListedModels(snapshot)
    services: dict[str, tuple[Backend, dict[str, None]]] = {}
    for rule in snapshot.rules:
        for backend in rule.backends:
            _, models = services.setdefault(_service(backend), (backend, {}))
            names = rule.models if backend.model_override is None else (backend.model_override,)
            models.update(dict.fromkeys(listed.id_of(backend, name) for name in names))
    return tuple(
        ProbeTarget(
            name=name, schema=backend.schema.name, upstream=backend.upstream, auth=backend.auth, models=tuple(models)
        )
        for name, (backend, models) in services.items()
    )


def _service(backend: Backend) -> str:
    """Return a backend's name without the rule that refers to it."""
    return backend.name.partition("/route/")[0]
