"""Compilation of a BackendSecurityPolicy into a credential source.

The policy and its Secrets take precedence over the environment of this process: only the default chain reads that.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import msgspec
import yaml

from aigw_extproc.aws.identity import AssumeRole, BearerToken, CredentialSource, DefaultChain, OidcExchange
from aigw_extproc.aws.names import is_external_id, is_placeholder, is_role_arn, is_session_name
from aigw_extproc.config.compile.credentials_file import parse_credentials
from aigw_extproc.config.compile.secret_values import key_place, secret_value
from aigw_extproc.config.compile.settings import PREFIX
from aigw_extproc.config.resources.ai_gateway import (
    BackendSecurityPolicy,
    CredentialsFile,
    Name,
    ObjectRef,
    OidcExchangeToken,
    ResourcePart,
)
from aigw_extproc.config.resources.catalog import Catalog, Item
from aigw_extproc.config.resources.decode import decode, suggestion
from aigw_extproc.config.resources.documents import NOT_YAML
from aigw_extproc.config.resources.findings import Place
from aigw_extproc.config.resources.infrastructure import SecretResource

ASSUME_ROLE: Final = f"{PREFIX}assume-role"
"""The annotation of a policy with a role that its credentials assume."""

# The keys of Secrets in this format.
_FILE_KEY: Final = "credentials"
_CLIENT_SECRET_KEY: Final = "client-secret"  # noqa: S105 - the name of a key
_API_KEY_KEY: Final = "apiKey"

_PRINTABLE: Final = re.compile(r"[\x21-\x7e]+")
_LOCAL: Final = ("localhost", "127.0.0.1", "::1")
_MAX_SESSION_NAME: Final = 64


class RoleSpec(ResourcePart, frozen=True, kw_only=True):
    """The value of the annotation, in YAML: the fields of `AssumeRole`."""

    role_arn: Name
    external_id: str | None = None
    session_name: str = "aigw-extproc"
    duration_seconds: Annotated[int, msgspec.Meta(ge=900, le=43200)] | None = None


def compile_source(item: Item[BackendSecurityPolicy], catalog: Catalog) -> CredentialSource | None:
    """Return the source of the policy's credentials; None, with the problems recorded, if there is none."""
    place = item.place.field("spec")
    compile_type = _TYPES.get(item.resource.spec.type)
    if compile_type is None:
        got = item.resource.spec.type
        place.field("type").refuse(f"{got} is not supported; supported are {', '.join(_TYPES)}")
        return None
    return _with_role(compile_type(item, catalog, place), item)


def _aws(item: Item[BackendSecurityPolicy], catalog: Catalog, place: Place) -> CredentialSource | None:
    aws, place = item.resource.spec.aws_credentials, place.field("awsCredentials")
    if aws is None:
        place.problem("required with type AWSCredentials, but missing")
        return None
    if aws.credentials_file is not None and aws.oidc_exchange_token is not None:
        place.problem("has both credentialsFile and oidcExchangeToken; keep one")
        return None
    if aws.credentials_file is not None:
        return _file(aws.credentials_file, item, catalog, place.field("credentialsFile.secretRef"))
    if aws.oidc_exchange_token is not None:
        return _oidc(aws.oidc_exchange_token, item, catalog, place.field("oidcExchangeToken"))
    return DefaultChain()


def _api_key(item: Item[BackendSecurityPolicy], catalog: Catalog, place: Place) -> BearerToken | None:
    place = place.field("apiKey")
    if item.resource.spec.api_key is None:
        place.problem("required with type APIKey, but missing")
        return None
    ref = item.resource.spec.api_key.secret_ref
    token = _one_line(ref, _API_KEY_KEY, item, catalog, place.field("secretRef"))
    return BearerToken(token=token) if token else None


_TYPES: Final[dict[str, Callable[[Item[BackendSecurityPolicy], Catalog, Place], CredentialSource | None]]] = {
    "AWSCredentials": _aws,
    "APIKey": _api_key,
}


def _file(
    file: CredentialsFile, item: Item[BackendSecurityPolicy], catalog: Catalog, place: Place
) -> CredentialSource | None:
    secret = _secret(file.secret_ref, item, catalog, place)
    text = secret_value(secret, _FILE_KEY) if secret else None
    if secret is None or text is None:
        return None
    return parse_credentials(text, file.profile or "default", key_place(secret, _FILE_KEY))


def _oidc(
    exchange: OidcExchangeToken, item: Item[BackendSecurityPolicy], catalog: Catalog, place: Place
) -> OidcExchange | None:
    oidc, provider = exchange.oidc, exchange.oidc.provider
    _check_url(provider.issuer, place.field("oidc.provider.issuer"))
    if provider.token_endpoint is not None:
        _check_url(provider.token_endpoint, place.field("oidc.provider.tokenEndpoint"))
    _check_role(exchange.aws_role_arn, place.field("awsRoleArn"))
    secret = _one_line(oidc.client_secret, _CLIENT_SECRET_KEY, item, catalog, place.field("oidc.clientSecret"))
    if secret is None:
        return None
    return OidcExchange(
        issuer=provider.issuer,
        token_endpoint=provider.token_endpoint,
        client_id=oidc.client_id,
        client_secret=secret,
        scopes=oidc.scopes,
        audience=exchange.aud or None,
        role_arn=exchange.aws_role_arn,
        session_name=f"ai-gateway-{item.name}"[:_MAX_SESSION_NAME],
    )


def _secret(
    ref: ObjectRef, item: Item[BackendSecurityPolicy], catalog: Catalog, place: Place
) -> Item[SecretResource] | None:
    if (ref.group or "", ref.kind or "Secret") != ("", "Secret"):
        place.problem(f"must name a Secret, got {ref.kind} ({ref.group or 'core'})")
        return None
    return catalog.find(SecretResource, (ref.namespace or item.namespace, ref.name), place.field("name"))


def _one_line(
    ref: ObjectRef, key: str, item: Item[BackendSecurityPolicy], catalog: Catalog, place: Place
) -> str | None:
    """Return a key or password in a Secret, without the line break that editors append."""
    secret = _secret(ref, item, catalog, place)
    text = secret_value(secret, key) if secret else None
    if secret is None or text is None:
        return None
    if not _PRINTABLE.fullmatch(text.strip()):
        key_place(secret, key).problem("must be one line without spaces")
        return None
    if is_placeholder(text.strip()):
        key_place(secret, key).warn("is a placeholder; fill it in")
    return text.strip()


def _check_url(url: str, place: Place) -> None:
    try:
        parts = urlsplit(url)
        safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOCAL)
    except ValueError:
        safe = False
    if not safe or not parts.hostname:
        place.problem(f"{place.show(url)} is not an https URL, which is required since a secret is sent there")


def _check_role(arn: str, place: Place) -> None:
    if not is_role_arn(arn):
        place.problem(f"{place.show(arn)} is not the ARN of a role, such as arn:aws:iam::111122223333:role/bedrock")


# --- assumed role -----------------------------------------------------------------------------------------------


def _with_role(base: CredentialSource | None, item: Item[BackendSecurityPolicy]) -> CredentialSource | None:
    """Return the source, or the role of the annotation assumed with it."""
    annotations = item.resource.metadata.annotations or {}
    place = item.place.field("metadata.annotations")
    for name in annotations:
        if name.startswith(PREFIX) and name != ASSUME_ROLE:
            place.field(name).problem(f"unknown annotation{suggestion(name, [ASSUME_ROLE])}")
    if ASSUME_ROLE not in annotations:
        return base
    role = _role(annotations[ASSUME_ROLE], place.field(ASSUME_ROLE))
    if isinstance(base, BearerToken):
        place.field(ASSUME_ROLE).problem("a Bedrock API key cannot assume a role; it needs type AWSCredentials")
    if role is None or base is None:
        return None
    return AssumeRole(base=base, **msgspec.structs.asdict(role))


def _role(value: Any, place: Place) -> RoleSpec | None:
    try:
        plain = yaml.safe_load(value) if isinstance(value, str) else value
    except NOT_YAML:
        place.problem("must be YAML with roleArn and optionally externalId, sessionName and durationSeconds")
        return None
    role = decode(plain, RoleSpec, place)
    if role is None:
        return None
    _check_role(role.role_arn, place.field("roleArn"))
    if role.external_id is not None and not is_external_id(role.external_id):
        place.field("externalId").problem("must be 2 to 1224 letters, digits or characters of _+=,.@:/-")
    if not is_session_name(role.session_name):
        place.field("sessionName").problem("must be 2 to 64 letters, digits or characters of _+=,.@-")
    return role
