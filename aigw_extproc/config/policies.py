"""The policies attached to backends: how requests are signed, and with which TLS they are sent."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from aigw_extproc.aws.identity import Credentials, DefaultChain
from aigw_extproc.config.catalog import Catalog, Item
from aigw_extproc.config.credentials_file import parse_credentials
from aigw_extproc.config.findings import Place
from aigw_extproc.config.names import is_hostname, is_region
from aigw_extproc.config.resources import (
    AI_GATEWAY,
    ENVOY_GATEWAY,
    AIServiceBackend,
    AwsCredentials,
    Backend,
    BackendSecurityPolicy,
    BackendTLSPolicy,
    BackendTLSPolicyAlpha2,
    ConfigMap,
    CredentialsFile,
    ObjectRef,
    SecretResource,
)
from aigw_extproc.config.snapshot import AwsAuth, Tls

Key: TypeAlias = tuple[str, str]
"""(namespace, name)"""

_CREDENTIALS: Final = "credentials"  # the key of a Secret that holds a credentials file
_CERTIFICATES: Final = "ca.crt"  # the key of a ConfigMap or Secret that holds certificates


# --- signing ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Signing:
    """A BackendSecurityPolicy as it applies to one backend."""

    policy: str
    type: str
    auth: AwsAuth | None
    """None for types other than AWSCredentials, and for a policy that has faults of its own."""


def compile_signing(catalog: Catalog) -> dict[Key, Signing]:
    """What signs the requests of each AIServiceBackend that a policy is attached to."""
    found: dict[Key, Signing] = {}
    for item in catalog.all(BackendSecurityPolicy):
        signing = Signing(policy=item.name, type=item.resource.spec.type, auth=_auth(item, catalog))
        for key, place in _security_targets(item, catalog):
            kept = _stronger(found[key], signing, place) if key in found else signing
            if kept is not None:
                found[key] = kept
    return found


def _security_targets(item: Item[BackendSecurityPolicy], catalog: Catalog) -> Iterator[tuple[Key, Place]]:
    for index, ref in enumerate(item.resource.spec.target_refs):
        place = item.place.field("spec.targetRefs").item(index)
        if (ref.group, ref.kind) != (AI_GATEWAY, "AIServiceBackend"):
            place.problem(f"must name an AIServiceBackend (group {AI_GATEWAY}), got {ref.kind} ({ref.group})")
        elif catalog.find(AIServiceBackend, (item.namespace, ref.name), place.field("name")) is not None:
            yield (item.namespace, ref.name), place


def _stronger(old: Signing, new: Signing, place: Place) -> Signing | None:
    """Which of two policies for one backend holds; None when that cannot be said.

    Explicit credentials win over the default chain of the same region: the guide's files, taken together, attach both.
    """
    if old.auth and new.auth and old.auth.region == new.auth.region:
        chains = [isinstance(signing.auth.source, DefaultChain) for signing in (old, new) if signing.auth]
        if chains == [True, False]:
            place.ignore(f"its credentials replace the default chain of BackendSecurityPolicy '{old.policy}'")
            return new
        if chains == [False, True]:
            place.ignore(f"the credentials of BackendSecurityPolicy '{old.policy}' replace the default chain")
            return old
    place.problem(f"BackendSecurityPolicy '{old.policy}' is attached to this backend already; keep one")
    return None


def _auth(item: Item[BackendSecurityPolicy], catalog: Catalog) -> AwsAuth | None:
    spec, place = item.resource.spec, item.place.field("spec")
    if spec.credential_override is not None:
        place.field("credentialOverride").problem("credentials per request are not supported yet")
    if spec.type != "AWSCredentials":
        place.ignore(f"requests to backends with credentials of type {spec.type} are not signed yet")
        return None
    if spec.aws_credentials is None:
        place.field("awsCredentials").problem("required with type AWSCredentials, but missing")
        return None
    return _aws_auth(spec.aws_credentials, item.namespace, catalog, place.field("awsCredentials"))


def _aws_auth(aws: AwsCredentials, namespace: str, catalog: Catalog, place: Place) -> AwsAuth | None:
    if not is_region(aws.region):
        place.field("region").problem(f"{place.show(aws.region)} is not an AWS region, such as us-east-1")
    if aws.oidc_exchange_token is not None:
        place.field("oidcExchangeToken").problem("the exchange of OIDC tokens is not supported yet")
    if aws.credentials_file is None:
        return AwsAuth(region=aws.region, source=DefaultChain())
    source = _static(aws.credentials_file, namespace, catalog, place.field("credentialsFile.secretRef"))
    return AwsAuth(region=aws.region, source=source) if source else None


def _static(file: CredentialsFile, namespace: str, catalog: Catalog, place: Place) -> Credentials | None:
    ref = file.secret_ref
    _expect_kind(ref, ("", "Secret"), place)
    item = catalog.find(SecretResource, (ref.namespace or namespace, ref.name), place.field("name"))
    if item is None:
        return None
    text = _secret_text(item, _CREDENTIALS)
    return None if text is None else parse_credentials(text, file.profile or "default", _key_place(item, _CREDENTIALS))


def _key_place(item: Item[SecretResource], key: str) -> Place:
    return item.place.field(f"{'stringData' if key in item.resource.string_data else 'data'}.{key}")


def _secret_text(item: Item[SecretResource], key: str) -> str | None:
    secret = item.resource
    if key in secret.string_data:
        return secret.string_data[key]
    if key not in secret.data:
        keys = ", ".join(sorted({*secret.data, *secret.string_data})) or "none"
        item.place.field("stringData").problem(f"the key '{key}' is missing; the keys here: {keys}")
        return None
    return _base64(secret.data[key], item.place.field("data").field(key))


def _base64(value: str, place: Place) -> str | None:
    try:
        return base64.b64decode("".join(value.split()), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        place.problem("not base64 of UTF-8 text; plain text belongs in stringData")
        return None


def _expect_kind(ref: ObjectRef, expected: tuple[str, str], place: Place) -> None:
    group, kind = expected
    if (ref.group or group, ref.kind or kind) != expected:
        where = f" (group {group})" if group else ""
        place.problem(f"must name a {kind}{where}, got {ref.kind or kind} ({ref.group or group or 'core'})")


# --- TLS --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _TlsPolicy:
    """A BackendTLSPolicy of any version; the fields' names, for messages, depend on it."""

    item: Item[BackendTLSPolicy] | Item[BackendTLSPolicyAlpha2]
    targets: tuple[tuple[ObjectRef, Place], ...]
    hostname: str
    system: bool
    certificates: tuple[ObjectRef, ...]
    validation: Place
    certificates_field: str


def compile_tls(catalog: Catalog) -> dict[Key, Tls]:
    """With which TLS each Backend that a policy is attached to is spoken to."""
    found: dict[Key, Tls] = {}
    owners: dict[Key, str] = {}
    for policy in _tls_policies(catalog):
        tls = _tls(policy, catalog)
        for key, place in _tls_targets(policy, catalog):
            if key in owners:
                place.problem(f"BackendTLSPolicy '{owners[key]}' is attached to this Backend already; keep one")
            elif tls is not None:
                found[key] = tls
            owners.setdefault(key, policy.item.name)
    return found


def _tls_policies(catalog: Catalog) -> Iterator[_TlsPolicy]:
    for item in catalog.all(BackendTLSPolicy):
        spec, place = item.resource.spec, item.place.field("spec")
        if spec.validation.subject_alt_names is not None:
            place.field("validation.subjectAltNames").problem("not supported yet; the hostname is what is verified")
        targets = place.field("targetRefs")
        yield _TlsPolicy(
            item=item,
            targets=tuple((ref, targets.item(index)) for index, ref in enumerate(spec.target_refs)),
            hostname=spec.validation.hostname,
            system=spec.validation.well_known_ca_certificates == "System",
            certificates=spec.validation.ca_certificate_refs,
            validation=place.field("validation"),
            certificates_field="caCertificateRefs",
        )
    for old in catalog.all(BackendTLSPolicyAlpha2):
        yield _TlsPolicy(
            item=old,
            targets=((old.resource.spec.target_ref, old.place.field("spec.targetRef")),),
            hostname=old.resource.spec.tls.hostname,
            system=old.resource.spec.tls.well_known_ca_certs == "System",
            certificates=old.resource.spec.tls.ca_cert_refs,
            validation=old.place.field("spec.tls"),
            certificates_field="caCertRefs",
        )


def _tls_targets(policy: _TlsPolicy, catalog: Catalog) -> Iterator[tuple[Key, Place]]:
    for ref, place in policy.targets:
        if (ref.group, ref.kind) != (ENVOY_GATEWAY, "Backend"):
            place.ignore(f"only a Backend (group {ENVOY_GATEWAY}) can be reached from here")
        elif catalog.find(Backend, (policy.item.namespace, ref.name), place.field("name")) is not None:
            yield (policy.item.namespace, ref.name), place


def _tls(policy: _TlsPolicy, catalog: Catalog) -> Tls | None:
    place, refs = policy.validation, policy.certificates
    if not is_hostname(policy.hostname):
        place.field("hostname").problem(f"{place.show(policy.hostname)} is not a DNS name")
        return None
    if policy.system == bool(refs):
        place.problem(f"needs either the System certificates or {policy.certificates_field}")
        return None
    texts = [
        _certificates(ref, policy.item.namespace, catalog, place.field(policy.certificates_field).item(index))
        for index, ref in enumerate(refs)
    ]
    sound = [text for text in texts if text is not None]
    if len(sound) < len(texts):
        return None
    return Tls(server_name=policy.hostname.lower(), ca_pem="\n".join(sound) if sound else None)


def _certificates(ref: ObjectRef, namespace: str, catalog: Catalog, place: Place) -> str | None:
    key = (namespace, ref.name)
    text: str | None = None
    match ref.kind:
        case "ConfigMap":
            configmap = catalog.find(ConfigMap, key, place.field("name"))
            text = _configmap_text(configmap) if configmap else None
        case "Secret":
            secret = catalog.find(SecretResource, key, place.field("name"))
            text = _secret_text(secret, _CERTIFICATES) if secret else None
        case _:
            place.field("kind").problem(f"must be ConfigMap or Secret, got {place.show(ref.kind)}")
    if text is not None and "-----BEGIN CERTIFICATE-----" not in text:
        place.field("name").problem(f"'{_CERTIFICATES}' there holds no PEM certificate")
        return None
    return text


def _configmap_text(item: Item[ConfigMap]) -> str | None:
    data: Mapping[str, str] = item.resource.data
    if _CERTIFICATES not in data:
        item.place.field("data").problem(f"the key '{_CERTIFICATES}' is missing")
    return data.get(_CERTIFICATES)
