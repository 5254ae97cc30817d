"""The credentials check: which source supplies credentials, and why the earlier ones do not. All calls block."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from botocore.credentials import CredentialProvider
from botocore.exceptions import BotoCoreError
from botocore.session import Session

from aigw_extproc.aws.credentials.found_credentials import FoundCredentials, SourceFailed
from aigw_extproc.aws.credentials.sources import BEARER_TOKEN_VARIABLE, find
from aigw_extproc.aws.identity import (
    AssumeRole,
    BearerToken,
    Credentials,
    CredentialSource,
    DefaultChain,
    Identity,
    OidcExchange,
    Profile,
)
from aigw_extproc.doctor.checks import Check, failed, ok, skipped
from aigw_extproc.doctor.identity import SINGLE_ATTEMPT
from aigw_extproc.doctor.providers import ADD_CREDENTIALS, SdkSettings, provider, why_empty
from aigw_extproc.doctor.redaction import shortened

NAME = "credentials"
ROLE = "role"


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupResult:
    """The checks of a credential lookup, and the identity if there is one."""

    checks: tuple[Check, ...]
    identity: Identity | None = None


def look_up(source: CredentialSource, region: str, *, now: float) -> LookupResult:
    """Get credentials from a source, after those that it is built on. `now` is in seconds since 1970."""
    if isinstance(source, AssumeRole):
        return _assume_role(source, region, now)
    try:
        resolved = find(source, region)
    except Exception as failure:  # botocore's providers raise whatever their I/O raises
        return LookupResult(checks=(_explain(source, region, _reason(failure)),))
    if _has_stray_token(resolved):
        stray = failed(NAME, f"{describe(resolved, now)}: {_STRAY}", _STRAY_STEP)
        return LookupResult(checks=(stray,), identity=resolved.identity)
    notes = _notes_before(resolved.method) if isinstance(source, DefaultChain) else ()
    return LookupResult(checks=(ok(NAME, describe(resolved, now), notes=notes),), identity=resolved.identity)


def _has_stray_token(resolved: FoundCredentials) -> bool:
    """Return whether a long-term key has a session token, left over from another one: AWS refuses both together.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-prefixes
    """
    identity = resolved.identity
    return (
        isinstance(identity, Credentials) and bool(identity.session_token) and identity.access_key_id.startswith("AKIA")
    )


_STRAY = "a long-term key (AKIA…) with a session token, which belongs to another key: AWS refuses them together"
_STRAY_STEP = "unset AWS_SESSION_TOKEN, or remove aws_session_token from the profile"


def _assume_role(source: AssumeRole, region: str, now: float) -> LookupResult:
    base = look_up(source.base, region, now=now)
    if isinstance(source.base, DefaultChain) and isinstance(base.identity, BearerToken):
        base = replace(base, checks=(skipped(NAME, _API_KEY_UNUSABLE),))
    if base.identity is None:
        return LookupResult(checks=(*base.checks, skipped(ROLE, f"no credentials to assume {source.role_arn} with")))
    try:
        resolved = find(source, region)
    except Exception as failure:  # as above
        check = failed(ROLE, f"{source.role_arn}: {_reason(failure)}", provider("assume-role").next_step)
        return LookupResult(checks=(*base.checks, check))
    check = ok(ROLE, f"{source.role_arn}: {describe(resolved, now)}")
    return LookupResult(checks=(*base.checks, check), identity=resolved.identity)


_API_KEY_UNUSABLE = (
    f"STS does not accept the API key of {BEARER_TOKEN_VARIABLE}: the role is assumed with credentials of the next "
    "source in the chain"
)


def _reason(failure: Exception) -> str:
    return str(failure) if isinstance(failure, SourceFailed) else f"{type(failure).__name__}: {failure}"


def describe(resolved: FoundCredentials, now: float) -> str:
    """Return the source, kind and expiry of credentials: `environment: access key AKIA…MPLE, expires in 9 min`."""
    source = provider(resolved.method).title
    if isinstance(resolved.identity, BearerToken):
        return f"{source}: a Bedrock API key, which is sent instead of a signature"
    kind = "temporary access key" if resolved.identity.session_token else "access key"
    return f"{source}: {kind} {shortened(resolved.identity)}, {_lifetime(resolved.expires_at, now)}"


def _lifetime(expires_at: float | None, now: float) -> str:
    if expires_at is None:
        return "no expiry known"
    minutes = int((expires_at - now) // 60)
    if minutes < 0:
        return "EXPIRED"
    return f"expires in {minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"expires in {minutes} min"


def _explain(source: CredentialSource, region: str, reason: str) -> Check:
    if not isinstance(source, DefaultChain):
        return failed(NAME, reason, _NEXT_STEPS.get(type(source), ADD_CREDENTIALS))
    try:
        return _explain_chain(region, reason)
    except BotoCoreError as failure:  # before any provider is tried: AWS_PROFILE names a profile that does not exist
        return failed(NAME, f"{type(failure).__name__}: {failure}", provider("shared-credentials-file").next_step)


_NEXT_STEPS: dict[type[CredentialSource], str] = {
    Profile: "check what the profile in the Secret has: keys, or a role_arn with a source_profile",
    OidcExchange: (
        "check the issuer, client id and secret in the BackendSecurityPolicy, and that the role's trust policy names "
        "the issuer and the token's audience and subject"
    ),
}


def _explain_chain(region: str, reason: str) -> Check:
    """Try each provider of the default chain on its own until one fails, since there the chain ends too."""
    session = Session()
    session.set_default_client_config(SINGLE_ATTEMPT)
    if session.get_config_variable("region") is None:
        session.set_config_variable("region", region)
    settings = _sdk_settings(session)
    notes: list[str] = []
    for candidate in _providers(session):
        known = provider(candidate.METHOD)
        try:
            credentials = candidate.load()
            if credentials is not None:
                credentials.get_frozen_credentials()  # a role's are not requested before
                return failed(NAME, f"{known.title} has credentials now", "run doctor again")
        except Exception:  # the error, whatever the I/O raises, is the one that the chain raised before: `reason`
            detail = f"{known.title} failed, so later sources are not tried: {reason}"
            return failed(NAME, detail, known.next_step, notes=tuple(notes))
        notes.append(why_empty(candidate.METHOD, settings))
    return failed(NAME, "no source of the AWS SDK's default chain has any", ADD_CREDENTIALS, notes=tuple(notes))


def _notes_before(method: str) -> tuple[str, ...]:
    """Return why the providers before the one that supplied credentials have none."""
    session = Session()
    settings = _sdk_settings(session)
    methods = [candidate.METHOD for candidate in _providers(session)]
    before = methods[: methods.index(method)] if method in methods else []
    return tuple(why_empty(one, settings) for one in before)


def _providers(session: Session) -> list[CredentialProvider]:
    providers: list[CredentialProvider] = session.get_component("credential_provider").providers
    return providers


def _sdk_settings(session: Session) -> SdkSettings:
    profile = session.get_config_variable("profile") or "default"
    credentials_file = session.get_config_variable("credentials_file")
    config_file = session.get_config_variable("config_file")
    return SdkSettings(
        environment=os.environ,
        profile=profile,
        credentials_file=credentials_file,
        credentials_file_exists=Path(credentials_file).expanduser().is_file(),
        config_file=config_file,
        config_file_exists=Path(config_file).expanduser().is_file(),
    )
