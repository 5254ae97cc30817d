"""Which source has credentials, and why those before it have none. Everything here blocks."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from botocore.credentials import CredentialProvider
from botocore.exceptions import BotoCoreError
from botocore.session import Session

from aigw_extproc.aws.credentials.found_credentials import FoundCredentials, SourceFailed
from aigw_extproc.aws.credentials.sources import BEARER_TOKEN_VARIABLE, find
from aigw_extproc.aws.identity import AssumeRole, BearerToken, CredentialSource, DefaultChain, Identity
from aigw_extproc.doctor.checks import Check, failed, ok, skipped
from aigw_extproc.doctor.identity import ONCE
from aigw_extproc.doctor.providers import NOWHERE, Facts, next_step, title, why_not
from aigw_extproc.doctor.redaction import shortened

NAME = "credentials"
ROLE = "role"


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What looking for credentials came to."""

    checks: tuple[Check, ...]
    identity: Identity | None = None


def look(source: CredentialSource, region: str, *, now: float) -> Looked:
    """Asks a source, and those that it is built on, innermost first. `now` is in seconds since 1970."""
    if isinstance(source, AssumeRole):
        return _look_through(source, region, now)
    try:
        found = find(source, region)
    except Exception as failure:  # botocore's sources raise whatever their I/O raises
        return Looked(checks=(_explain(source, region, _reason(failure)),))
    earlier = _earlier(found.method) if isinstance(source, DefaultChain) else ()
    return Looked(checks=(ok(NAME, describe(found, now), notes=earlier),), identity=found.identity)


def _look_through(source: AssumeRole, region: str, now: float) -> Looked:
    base = look(source.base, region, now=now)
    if isinstance(source.base, DefaultChain) and isinstance(base.identity, BearerToken):
        base = replace(base, checks=(skipped(NAME, _PASSED_OVER),))
    if base.identity is None:
        return Looked(checks=(*base.checks, skipped(ROLE, f"nothing to take {source.role_arn} on with")))
    try:
        found = find(source, region)
    except Exception as failure:  # as above
        check = failed(ROLE, f"{source.role_arn}: {_reason(failure)}", next_step("assume-role"))
        return Looked(checks=(*base.checks, check))
    check = ok(ROLE, f"{source.role_arn}: {describe(found, now)}")
    return Looked(checks=(*base.checks, check), identity=found.identity)


_PASSED_OVER = f"{BEARER_TOKEN_VARIABLE} is of no use to STS: the role is taken on with what the places behind it have"


def _reason(failure: Exception) -> str:
    return str(failure) if isinstance(failure, SourceFailed) else f"{type(failure).__name__}: {failure}"


def describe(found: FoundCredentials, now: float) -> str:
    """What was found, where, and until when: `environment: access key AKIA…MPLE, does not expire`."""
    where = title(found.method)
    if isinstance(found.identity, BearerToken):
        return f"{where}: a Bedrock API key, which is sent along instead of a signature"
    kind = "temporary access key" if found.identity.session_token else "access key"
    return f"{where}: {kind} {shortened(found.identity)}, {_lifetime(found.expires_at, now)}"


def _lifetime(expires_at: float | None, now: float) -> str:
    if expires_at is None:
        return "no expiry known"
    minutes = int((expires_at - now) // 60)
    if minutes < 0:
        return "EXPIRED"
    return f"expires in {minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"expires in {minutes} min"


def _explain(source: CredentialSource, region: str, reason: str) -> Check:
    if not isinstance(source, DefaultChain):
        return failed(NAME, reason, _NEXT_STEPS.get(type(source).__name__, NOWHERE))
    try:
        return _walk(region, reason)
    except BotoCoreError as failure:  # before any place is looked at: AWS_PROFILE names a profile that is not there
        return failed(NAME, f"{type(failure).__name__}: {failure}", next_step("shared-credentials-file"))


_NEXT_STEPS = {
    "Profile": "see what the profile in the Secret names: keys, or a role_arn with a source_profile",
    "OidcExchange": (
        "see the issuer, client id and secret in the BackendSecurityPolicy, and that the role's trust policy names the "
        "issuer and the token's audience and subject"
    ),
}


def _walk(region: str, reason: str) -> Check:
    """Looks into each place of the default chain by itself, to the first one that fails: there the chain ends too."""
    session = Session()
    session.set_default_client_config(ONCE)
    if session.get_config_variable("region") is None:
        session.set_config_variable("region", region)
    facts = _facts(session)
    empty: list[str] = []
    for provider in _providers(session):
        try:
            found = provider.load()
            if found is not None:
                found.get_frozen_credentials()  # those of a role are not asked for before
                return failed(NAME, f"{title(provider.METHOD)} has just come by some", "run doctor again")
        except Exception:  # a place raises whatever its I/O raises, and has raised it before: that is the reason
            detail = f"{title(provider.METHOD)} failed, and no place after it is looked at: {reason}"
            return failed(NAME, detail, next_step(provider.METHOD), notes=tuple(empty))
        empty.append(why_not(provider.METHOD, facts))
    return failed(NAME, "no place where an AWS SDK looks has any", NOWHERE, notes=tuple(empty))


def _earlier(method: str) -> tuple[str, ...]:
    """Why the places before the one that answered did not."""
    session = Session()
    facts = _facts(session)
    methods = [provider.METHOD for provider in _providers(session)]
    before = methods[: methods.index(method)] if method in methods else []
    return tuple(why_not(one, facts) for one in before)


def _providers(session: Session) -> list[CredentialProvider]:
    providers: list[CredentialProvider] = session.get_component("credential_provider").providers
    return providers


def _facts(session: Session) -> Facts:
    profile = session.get_config_variable("profile") or "default"
    credentials_file = session.get_config_variable("credentials_file")
    config_file = session.get_config_variable("config_file")
    return Facts(
        environment=os.environ,
        profile=profile,
        credentials_file=credentials_file,
        credentials_file_exists=Path(credentials_file).expanduser().is_file(),
        config_file=config_file,
        config_file_exists=Path(config_file).expanduser().is_file(),
    )
