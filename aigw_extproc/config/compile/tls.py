"""Compilation of BackendTLSPolicies of any version: the TLS of each Backend."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from aigw_extproc.config.compile.secret_values import configmap_value, secret_value
from aigw_extproc.config.resources.ai_gateway import ObjectRef
from aigw_extproc.config.resources.catalog import Catalog, Item, Key
from aigw_extproc.config.resources.findings import Place
from aigw_extproc.config.resources.infrastructure import (
    ENVOY_GATEWAY,
    BackendResource,
    BackendTLSPolicy,
    BackendTLSPolicyAlpha2,
    ConfigMap,
    SecretResource,
    TlsValidation,
    TlsValidationAlpha2,
)
from aigw_extproc.config.resources.names import is_hostname
from aigw_extproc.config.snapshot import Tls

_CERTIFICATES: Final = "ca.crt"  # the key of a ConfigMap or Secret with certificates


@dataclass(frozen=True, slots=True, kw_only=True)
class _TlsPolicy:
    """A BackendTLSPolicy of any version."""

    item: Item[BackendTLSPolicy] | Item[BackendTLSPolicyAlpha2]
    targets: tuple[tuple[ObjectRef, Place], ...]
    validation: TlsValidation | TlsValidationAlpha2
    place: Place
    """Of `validation`."""
    certificates_field: str
    """The name of the field that refers to certificates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledTls:
    """The TLS of everything that a policy is attached to; None if the policy is faulty."""

    backends: Mapping[Key, Tls | None]
    services: Mapping[Key, Tls | None]
    """Services of Kubernetes, which only SecurityPolicies refer to."""


def compile_tls(catalog: Catalog) -> CompiledTls:
    """Return the TLS of each Backend and Service."""
    compiled: dict[str, dict[Key, Tls | None]] = {"Backend": {}, "Service": {}}
    owners: dict[tuple[str, Key], str] = {}
    for policy in _tls_policies(catalog):
        tls = _tls(policy, catalog)
        for kind, key, place in _tls_targets(policy, catalog):
            if (kind, key) in owners:
                place.problem(
                    f"BackendTLSPolicy '{owners[kind, key]}' is already attached to this {kind}; keep one", "conflict"
                )
            compiled[kind].setdefault(key, tls)
            owners.setdefault((kind, key), policy.item.name)
    return CompiledTls(backends=compiled["Backend"], services=compiled["Service"])


def _tls_policies(catalog: Catalog) -> Iterator[_TlsPolicy]:
    for item in catalog.all(BackendTLSPolicy):
        spec, place = item.resource.spec, item.place.field("spec")
        targets = place.field("targetRefs")
        yield _TlsPolicy(
            item=item,
            targets=tuple((ref, targets.item(index)) for index, ref in enumerate(spec.target_refs)),
            validation=spec.validation,
            place=place.field("validation"),
            certificates_field="caCertificateRefs",
        )
    for old in catalog.all(BackendTLSPolicyAlpha2):
        yield _TlsPolicy(
            item=old,
            targets=((old.resource.spec.target_ref, old.place.field("spec.targetRef")),),
            validation=old.resource.spec.tls,
            place=old.place.field("spec.tls"),
            certificates_field="caCertRefs",
        )


def _tls_targets(policy: _TlsPolicy, catalog: Catalog) -> Iterator[tuple[str, Key, Place]]:
    for ref, place in policy.targets:
        key = (policy.item.namespace, ref.name)
        if (ref.group or "", ref.kind) == ("", "Service"):
            yield "Service", key, place
        elif (ref.group, ref.kind) != (ENVOY_GATEWAY, "Backend"):
            place.ignore(f"only a Backend (group {ENVOY_GATEWAY}) or a Service can be a target here")
        elif catalog.find(BackendResource, key, place.field("name")) is not None:
            yield "Backend", key, place


def _tls(policy: _TlsPolicy, catalog: Catalog) -> Tls | None:
    place, hostname, refs = policy.place, policy.validation.hostname, policy.validation.ca_certificate_refs
    if not is_hostname(hostname):
        place.field("hostname").problem(f"{place.show(hostname)} is not a DNS name")
        return None
    if (policy.validation.well_known_ca_certificates == "System") == bool(refs):
        place.problem(f"needs either the System certificates or {policy.certificates_field}")
        return None
    texts = [
        _certificates(ref, policy.item.namespace, catalog, place.field(policy.certificates_field).item(index))
        for index, ref in enumerate(refs)
    ]
    valid = [text for text in texts if text is not None]
    if len(valid) < len(texts):
        return None
    return Tls(server_name=hostname.lower(), ca_pem="\n".join(valid) if valid else None)


def _certificates(ref: ObjectRef, namespace: str, catalog: Catalog, place: Place) -> str | None:
    key = (namespace, ref.name)
    text: str | None = None
    match ref.kind:
        case "ConfigMap":
            configmap = catalog.find(ConfigMap, key, place.field("name"))
            text = configmap_value(configmap, _CERTIFICATES) if configmap else None
        case "Secret":
            secret = catalog.find(SecretResource, key, place.field("name"))
            text = secret_value(secret, _CERTIFICATES) if secret else None
        case _:
            place.field("kind").problem(f"must be ConfigMap or Secret, got {place.show(ref.kind)}")
    if text is not None and "-----BEGIN CERTIFICATE-----" not in text:
        place.field("name").problem(f"its key '{_CERTIFICATES}' has no PEM certificate")
        return None
    return text
