"""Backends to examine, and the outcomes of their checks."""

from __future__ import annotations

from aigw_extproc.aws.identity import Credentials, CredentialSource
from aigw_extproc.config.snapshot import (
    MODEL_HEADER,
    Address,
    AwsAuth,
    Backend,
    HeaderMatch,
    Rule,
    Schema,
    Snapshot,
    Tls,
    Upstream,
)
from aigw_extproc.doctor.checks import Check, Diagnosis
from aigw_extproc.doctor.examination import examine
from aigw_extproc.simulator.settings import DEMO_ACCESS_KEY_ID, DEMO_SECRET_ACCESS_KEY

DEMO = Credentials(access_key_id=DEMO_ACCESS_KEY_ID, secret_access_key=DEMO_SECRET_ACCESS_KEY)
MODEL = "anthropic.claude-3-haiku-20240307-v1:0"


def upstream(port: int, *, host: str = "127.0.0.1", tls: Tls | None = None) -> Upstream:
    return Upstream(
        cluster="default/bedrock", host=f"{host}:{port}", addresses=(Address(host=host, port=port),), tls=tls
    )


def backend(
    where: Upstream, source: CredentialSource | None = DEMO, *, name: str = "bedrock", **fields: object
) -> Backend:
    auth = AwsAuth(region="us-east-1", source=source) if source else None
    full = {"schema": Schema(name="AWSBedrock"), "upstream": where, "auth": auth, **fields}
    return Backend(name=f"default/{name}/route/r/rule/0/ref/0", **full)  # type: ignore[arg-type]  # fields vary


def rule(*backends: Backend, models: tuple[str, ...] = (MODEL,)) -> Rule:
    matches = tuple((HeaderMatch(name=MODEL_HEADER, value=model),) for model in models)
    return Rule(name="default/r/rule/0", matches=matches, backends=backends, owned_by="tests", created=0)


def snapshot(port: int, source: CredentialSource | None = DEMO, *models: str, tls: Tls | None = None) -> Snapshot:
    """One backend at a port of this machine, with rules for `models`, or for one available model."""
    return Snapshot(rules=(rule(backend(upstream(port, tls=tls), source), models=models or (MODEL,)),))


async def examined(configuration: Snapshot) -> dict[str, Check]:
    """The checks of the only backend, by name."""
    (diagnosis,) = await examine(configuration)
    return by_name(diagnosis)


def by_name(diagnosis: Diagnosis) -> dict[str, Check]:
    return {check.name: check for check in diagnosis.checks}


def outcomes(checks: dict[str, Check]) -> dict[str, str]:
    return {name: check.outcome.value for name, check in checks.items()}
