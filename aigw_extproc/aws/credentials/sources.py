"""Credentials as an AWS SDK finds them, by botocore. Everything blocks.

Nothing is cached, so that a call sees rotated token files, edited profiles and changed roles. Errors are for the
operator's log and hold no secret.
https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpcore
import msgspec
from botocore import UNSIGNED
from botocore.config import Config
from botocore.credentials import Credentials as BotocoreCredentials
from botocore.exceptions import BotoCoreError, ClientError
from botocore.loaders import create_loader
from botocore.session import Session

from aigw_extproc.aws.credentials.found_credentials import FoundCredentials, SourceFailed
from aigw_extproc.aws.identity import (
    AssumeRole,
    BearerToken,
    Credentials,
    CredentialSource,
    DefaultChain,
    OidcExchange,
    Profile,
)

BEARER_TOKEN_VARIABLE = "AWS_BEARER_TOKEN_BEDROCK"  # noqa: S105 - the name of a variable
OIDC_TIMEOUT_SECONDS = 10.0

# An exchange may be waiting, and credentials are promised within five seconds after STS is well again. botocore's
# default is four attempts of up to a minute each.
_STS = Config(connect_timeout=3, read_timeout=3, retries={"total_max_attempts": 2, "mode": "standard"})


def find(source: CredentialSource, region: str) -> FoundCredentials:
    """Return a source's credentials. `region` is the region of STS.

    Raises:
        SourceFailed: the source has none.
    """
    try:
        return _FINDERS[type(source)](source, region)
    except ClientError as error:
        detail = error.response.get("Error", {})
        raise SourceFailed(f"{error.operation_name}: {detail.get('Code')}: {detail.get('Message')}") from None
    except (BotoCoreError, OSError, httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as error:
        raise SourceFailed(f"{type(error).__name__}: {error}") from None


def _fixed(source: Credentials | BearerToken, region: str) -> FoundCredentials:
    return FoundCredentials(identity=source, method="configuration")


def _default_chain(source: DefaultChain, region: str) -> FoundCredentials:
    # First, as in AWS's SDKs: https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys-use.html
    token = os.environ.get(BEARER_TOKEN_VARIABLE)
    if token:
        return FoundCredentials(
            identity=BearerToken(token=token), method=f"environment variable {BEARER_TOKEN_VARIABLE}"
        )
    return _chain_of_keys(region)


def _chain_of_keys(region: str) -> FoundCredentials:
    session = _session(variables={})
    if session.get_config_variable("region") is None:  # STS needs one
        session.set_config_variable("region", region)
    credentials = session.get_credentials()
    if credentials is None:
        raise SourceFailed(
            "the default chain has no credentials: environment, shared files, web identity (IRSA), container "
            "(Pod Identity), instance metadata"
        )
    return _frozen(credentials)


def _profile(source: Profile, region: str) -> FoundCredentials:
    # botocore reads files only. An explicit profile takes precedence over the environment.
    with tempfile.TemporaryDirectory(prefix="aigw-") as folder:  # with mode 0700
        file = Path(folder) / "credentials"
        file.write_text(source.file, encoding="utf-8")
        session = _session(source.name)
        session.set_config_variable("credentials_file", str(file))
        session.set_config_variable("config_file", str(file))
        session.set_config_variable("region", region)
        credentials = session.get_credentials()
        if credentials is None:
            raise SourceFailed(f"profile '{source.name}' has no credentials")
        return _frozen(credentials)


def _assume_role(source: AssumeRole, region: str) -> FoundCredentials:
    # STS does not accept a Bedrock API key: ignore one in the environment.
    base = _chain_of_keys(region) if isinstance(source.base, DefaultChain) else find(source.base, region)
    if not isinstance(base.identity, Credentials):
        raise SourceFailed("a Bedrock API key cannot assume a role")
    optional = {"ExternalId": source.external_id, "DurationSeconds": source.duration_seconds}
    options = {name: value for name, value in optional.items() if value is not None}
    sts = _session().create_client("sts", region_name=region, **client_keys(base.identity))
    answer = sts.assume_role(RoleArn=source.role_arn, RoleSessionName=source.session_name, **options)
    return _from_sts(answer, f"assume-role ({base.method})")


def _oidc(source: OidcExchange, region: str) -> FoundCredentials:
    sts = _session().create_client("sts", region_name=region, config=Config(signature_version=UNSIGNED))
    answer = sts.assume_role_with_web_identity(
        RoleArn=source.role_arn, RoleSessionName=source.session_name, WebIdentityToken=_oidc_token(source)
    )
    return _from_sts(answer, "oidc")


class _Discovery(msgspec.Struct):
    token_endpoint: str


class _Token(msgspec.Struct):
    access_token: str


def _oidc_token(source: OidcExchange) -> str:
    """https://openid.net/specs/openid-connect-discovery-1_0.html and RFC 6749 §4.4."""
    with httpcore.ConnectionPool() as pool:
        endpoint = source.token_endpoint or _token_endpoint(source.issuer, pool)
        form = {
            "grant_type": "client_credentials",
            "client_id": source.client_id,
            "client_secret": source.client_secret,
            **({"scope": " ".join(source.scopes)} if source.scopes else {}),
            **({"audience": source.audience} if source.audience else {}),
        }
        token: str = _json(pool, "POST", endpoint, _Token, form).access_token
        return token


def _token_endpoint(issuer: str, pool: httpcore.ConnectionPool) -> str:
    endpoint: str = _json(
        pool, "GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration", _Discovery
    ).token_endpoint
    if urlsplit(endpoint).scheme != urlsplit(issuer).scheme:  # the client secret is sent there
        raise SourceFailed(f"the OpenID provider {issuer} names a token endpoint with another URL scheme")
    return endpoint


def _json(
    pool: httpcore.ConnectionPool, method: str, url: str, kind: type[Any], form: Mapping[str, str] | None = None
) -> Any:
    content = urlencode(form).encode() if form else None
    headers = [("content-type", "application/x-www-form-urlencoded")] if form else []
    timeouts = dict.fromkeys(("connect", "read", "write", "pool"), OIDC_TIMEOUT_SECONDS)
    response = pool.request(method, url, headers=headers, content=content, extensions={"timeout": timeouts})
    if response.status != 200:
        raise SourceFailed(f"the OpenID provider answered {response.status} at {url}")
    try:
        return msgspec.json.decode(response.content, type=kind)
    except msgspec.MsgspecError as error:
        raise SourceFailed(f"the OpenID provider's answer at {url} cannot be used: {error}") from None


def client_keys(credentials: Credentials) -> dict[str, str | None]:
    """Return the arguments of botocore's `create_client` for these credentials."""
    return {
        "aws_access_key_id": credentials.access_key_id,
        "aws_secret_access_key": credentials.secret_access_key,
        "aws_session_token": credentials.session_token,
    }


def _from_sts(answer: Mapping[str, Any], method: str) -> FoundCredentials:
    issued = answer["Credentials"]
    identity = Credentials(
        access_key_id=issued["AccessKeyId"],
        secret_access_key=issued["SecretAccessKey"],
        session_token=issued["SessionToken"],
    )
    return FoundCredentials(identity=identity, method=method, expires_at=issued["Expiration"].timestamp())


# AWS_PROFILE is a source of the default chain; clients that have credentials must ignore it.
_NO_PROFILE = {"profile": (None, None, None, None)}


def _session(profile: str | None = None, variables: Mapping[str, Any] = _NO_PROFILE) -> Session:
    session = Session(session_vars=variables, profile=profile)
    session.register_component("data_loader", _loader())
    session.set_default_client_config(_STS)
    return session


@cache
def _loader() -> Any:
    """Return a shared loader: parsing a megabyte of files would hold up the event loop each time."""
    return create_loader()


def _frozen(credentials: BotocoreCredentials) -> FoundCredentials:
    # The credentials are new: without this, botocore would renew at once those that live less than 15 minutes.
    for window in ("_advisory_refresh_timeout", "_mandatory_refresh_timeout"):
        if hasattr(credentials, window):
            setattr(credentials, window, 0)
    frozen = credentials.get_frozen_credentials()
    # Deferred and refreshable credentials have an expiry, but no public attribute for it.
    expiry = getattr(credentials, "_expiry_time", None)
    identity = Credentials(
        access_key_id=frozen.access_key, secret_access_key=frozen.secret_key, session_token=frozen.token or None
    )
    return FoundCredentials(
        identity=identity, method=credentials.method, expires_at=expiry.timestamp() if expiry else None
    )


_FINDERS: dict[type, Callable[[Any, str], FoundCredentials]] = {
    Credentials: _fixed,
    BearerToken: _fixed,
    DefaultChain: _default_chain,
    Profile: _profile,
    OidcExchange: _oidc,
    AssumeRole: _assume_role,
}
