"""Compilation of `apiKeyAuth` and `basicAuth` of SecurityPolicies: clients that the processor itself knows."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from aigw_extproc.config.compile.secret_values import key_place, secret_value
from aigw_extproc.config.policies import MAX_KEY_LENGTH, ApiKeys, key_digest, password_digest
from aigw_extproc.config.resources.ai_gateway import ObjectRef
from aigw_extproc.config.resources.catalog import Catalog, Item
from aigw_extproc.config.resources.findings import Place
from aigw_extproc.config.resources.infrastructure import SecretResource
from aigw_extproc.config.resources.names import is_header_name
from aigw_extproc.config.resources.security import ApiKeyAuth, BasicAuth, ExtractFrom, SecurityPolicy

DIGEST_PREFIX: Final = "sha256:"
"""Begins a value that is the digest of a key, in hexadecimal, instead of the key."""

# https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/secret-v1/: keys of `data`
CLIENT_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,253}")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_KEY: Final = re.compile(rf"[\x21-\x2b\x2d-\x7e]{{1,{MAX_KEY_LENGTH}}}")  # a comma separates repeated headers
_NO_KEYS: Final = frozenset(
    [
        "connection",
        "content-length",
        "content-type",
        "host",
        "traceparent",
        "tracestate",
        "transfer-encoding",
        "x-amzn-trace-id",
        "x-aigw-client",
        "x-forwarded-proto",
        "x-request-id",
    ]
)
"""Headers that have a meaning of their own on the way to the upstream, or are logged."""
_NO_IDENTITY: Final = _NO_KEYS | {"accept", "authorization", "cookie", "x-ai-eg-backend", "x-ai-eg-model", "x-api-key"}
_USER: Final = re.compile(r"[A-Za-z0-9._@+-]{1,253}")
_HTPASSWD: Final = ".htpasswd"  # the key of a Secret with users
_SHA1_BYTES: Final = 20


def secret_clients(item: Item[SecretResource]) -> dict[bytes, str]:
    """Return the client ids in a Secret by the digests of their keys, and record what cannot be used."""
    clients: dict[bytes, str] = {}
    for name in sorted(item.resource.data | item.resource.string_data):
        place, digest = key_place(item, name), _digest(item, name)
        if CLIENT_ID.fullmatch(name) is None:
            place.problem("the client's id must be of letters, digits, '.', '_' and '-'")
        elif digest is not None and digest in clients:
            place.problem(f"has the same key as the client '{clients[digest]}'; each client needs its own")
        elif digest is not None:
            clients[digest] = name
    return clients


def compile_api_keys(item: Item[SecurityPolicy], auth: ApiKeyAuth, catalog: Catalog) -> ApiKeys:
    """Return the clients of `apiKeyAuth`."""
    place = item.place.field("spec.apiKeyAuth")
    if not auth.sanitize:
        place.field("sanitize").ignore("API keys are always removed from requests to the upstream")
    sources = [_extract_from(source, place.field("extractFrom").item(n)) for n, source in enumerate(auth.extract_from)]
    return ApiKeys(
        clients=_clients(item, auth, catalog, place.field("credentialRefs")),
        headers=_unique(name.lower() for source in sources for name in source.headers),
        params=_unique(name for source in sources for name in source.params),
        cookies=_unique(name for source in sources for name in source.cookies),
        forward_header=identity_header(auth.forward_client_id_header, place.field("forwardClientIDHeader")),
    )


def compile_users(item: Item[SecurityPolicy], auth: BasicAuth, catalog: Catalog) -> ApiKeys:
    """Return the users of `basicAuth`."""
    place = item.place.field("spec.basicAuth")
    secret = _secret(item, auth.users, catalog, place.field("users"))
    text = secret_value(secret, _HTPASSWD) if secret is not None else None
    clients = dict(_users(text, key_place(secret, _HTPASSWD))) if secret is not None and text is not None else {}
    header = identity_header(auth.forward_username_header, place.field("forwardUsernameHeader"))
    return ApiKeys(clients=clients, basic=True, forward_header=header)


def _users(text: str, place: Place) -> Iterator[tuple[bytes, str]]:
    """Yield the digests and names of users in the format of htpasswd, with SHA-1 hashes as in Envoy."""
    known: set[str] = set()
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        user, _, hashed = line.strip().partition(":")
        value = _sha1(hashed)
        if _USER.fullmatch(user) is None:
            place.problem(f"line {number}: the user's name must be of letters, digits and '.', '_', '-', '@', '+'")
        elif value is None:
            place.problem(f"line {number}: expected NAME:{{SHA}}HASH, as `htpasswd -s` writes it")
        elif user in known:
            place.problem(f"line {number}: this user is in an earlier line too; keep one")
        else:
            known.add(user)
            yield password_digest(user.encode(), value), user


def _sha1(hashed: str) -> bytes | None:
    """Return the bytes of `{SHA}…`."""
    if not hashed.startswith("{SHA}"):
        return None
    try:
        value = base64.b64decode(hashed.removeprefix("{SHA}"), validate=True)
    except ValueError:
        return None
    return value if len(value) == _SHA1_BYTES else None


def _clients(item: Item[SecurityPolicy], auth: ApiKeyAuth, catalog: Catalog, place: Place) -> dict[bytes, str]:
    if not auth.credential_refs:
        place.problem("must name at least one Secret")
    clients: dict[bytes, str] = {}
    for index, ref in enumerate(auth.credential_refs):
        where = place.item(index)
        secret = _secret(item, ref, catalog, where)
        if secret is None:
            continue
        found = secret_clients(secret)
        if not secret.resource.data and not secret.resource.string_data:
            # Revoking the last key must not be an error, or that key would stay valid.
            where.field("name").warn(f"Secret '{secret.namespace}/{secret.name}' has no entry, so nobody can come in")
        _check_distinct(clients, found, where.field("name"))
        clients |= found
    return clients


def _secret(item: Item[SecurityPolicy], ref: ObjectRef, catalog: Catalog, place: Place) -> Item[SecretResource] | None:
    if (ref.group or "", ref.kind or "Secret") != ("", "Secret"):
        place.field("kind").problem(f"must be Secret, got {place.show(ref.kind)}")
        return None
    return catalog.find(SecretResource, (ref.namespace or item.namespace, ref.name), place.field("name"))


def _check_distinct(known: Mapping[bytes, str], further: Mapping[bytes, str], place: Place) -> None:
    for digest, client in further.items():
        if digest in known:
            place.problem(f"the key of '{client}' is also that of '{known[digest]}' in another Secret of this policy")
        elif client in known.values():
            place.problem(f"the client '{client}' is in another Secret of this policy too; keep one")


def _digest(item: Item[SecretResource], name: str) -> bytes | None:
    value, place = secret_value(item, name), key_place(item, name)
    if value is None:
        return None
    value = value.strip()  # files of mounted Secrets often end with a line break
    if value.startswith(DIGEST_PREFIX):
        if _DIGEST.fullmatch(value.removeprefix(DIGEST_PREFIX)):
            return bytes.fromhex(value.removeprefix(DIGEST_PREFIX))
        place.problem(f"after {DIGEST_PREFIX} there must be 64 hexadecimal digits in lower case")
    elif not value:
        place.problem("the key is empty")
    elif _KEY.fullmatch(value) is None:
        place.problem(f"a key has 1 to {MAX_KEY_LENGTH} ASCII characters, without spaces and commas")
    else:
        return key_digest(value)
    return None


def _extract_from(source: ExtractFrom, place: Place) -> ExtractFrom:
    if sum(map(bool, (source.headers, source.params, source.cookies))) != 1:
        place.problem("must have exactly one of headers, params and cookies")
    for index, name in enumerate(source.headers):
        where = place.field("headers").item(index)
        if not is_header_name(name):
            where.problem(f"{where.show(name)} is not a valid header name")
        elif name.lower() in _NO_KEYS:
            where.problem(f"{where.show(name)} has another meaning, and may be logged or forwarded; use x-api-key")
    return source


def identity_header(name: str | None, place: Place) -> str | None:
    """Return the name of a header for the upstream that says who the client is, in lower case."""
    if name is None:
        return None
    if not is_header_name(name):
        place.problem(f"{place.show(name)} is not a valid header name")
    elif name.lower() in _NO_IDENTITY - {"x-aigw-client"} or name.lower().startswith(("x-amz", "x-envoy-")):
        place.problem(f"{place.show(name)} has another meaning; use a name such as x-client-id")
    return name.lower()


def _unique(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
