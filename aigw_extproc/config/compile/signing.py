"""Compilation of BackendSecurityPolicies: how requests to each backend are signed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from aigw_extproc.aws.identity import DefaultChain
from aigw_extproc.aws.names import is_region
from aigw_extproc.config.compile.credential_sources import compile_source
from aigw_extproc.config.resources.ai_gateway import (
    AI_GATEWAY,
    AIServiceBackend,
    BackendSecurityPolicy,
    SecurityPolicySpec,
)
from aigw_extproc.config.resources.catalog import Catalog, Item, Key
from aigw_extproc.config.resources.findings import Place
from aigw_extproc.config.resources.names import is_header_name
from aigw_extproc.config.snapshot import AwsAuth, RequestCredentials


@dataclass(frozen=True, slots=True, kw_only=True)
class Signing:
    """A BackendSecurityPolicy, attached to one backend."""

    policy: str
    auth: AwsAuth | None
    """None for a faulty policy."""


def compile_signing(catalog: Catalog) -> dict[Key, Signing]:
    """Return the signing of each AIServiceBackend that a policy is attached to."""
    by_backend: dict[Key, Signing] = {}
    for item in catalog.all(BackendSecurityPolicy):
        signing = Signing(policy=item.name, auth=_auth(item, catalog))
        for key, place in _security_targets(item, catalog):
            kept = _stronger(by_backend[key], signing, place) if key in by_backend else signing
            if kept is not None:
                by_backend[key] = kept
    return by_backend


def _security_targets(item: Item[BackendSecurityPolicy], catalog: Catalog) -> Iterator[tuple[Key, Place]]:
    for index, ref in enumerate(item.resource.spec.target_refs):
        place = item.place.field("spec.targetRefs").item(index)
        if (ref.group, ref.kind) != (AI_GATEWAY, "AIServiceBackend"):
            place.problem(f"must name an AIServiceBackend (group {AI_GATEWAY}), got {ref.kind} ({ref.group})")
        elif catalog.find(AIServiceBackend, (item.namespace, ref.name), place.field("name")) is not None:
            yield (item.namespace, ref.name), place


def _stronger(old: Signing, new: Signing, place: Place) -> Signing | None:
    """Return which of two policies for one backend applies; None, with a problem, if neither has precedence.

    Explicit credentials win over the default chain of the same region: the guide's files together attach both.
    """
    if old.auth and new.auth and old.auth.region == new.auth.region:
        chains = [isinstance(signing.auth.source, DefaultChain) for signing in (old, new) if signing.auth]
        if chains == [True, False]:
            place.ignore(f"its credentials replace the default chain of BackendSecurityPolicy '{old.policy}'")
            return new
        if chains == [False, True]:
            place.ignore(f"the credentials of BackendSecurityPolicy '{old.policy}' replace the default chain")
            return old
    place.problem(f"BackendSecurityPolicy '{old.policy}' is already attached to this backend; keep one", "conflict")
    return None


def _auth(item: Item[BackendSecurityPolicy], catalog: Catalog) -> AwsAuth | None:
    spec, place = item.resource.spec, item.place.field("spec")
    region = spec.aws_credentials.region if spec.aws_credentials else ""
    if spec.aws_credentials and not is_region(region):
        place.field("awsCredentials.region").problem(f"{place.show(region)} is not an AWS region, such as us-east-1")
    override = _override(spec, place.field("credentialOverride"))
    source = compile_source(item, catalog)
    return AwsAuth(region=region, source=source, override=override) if source else None


def _override(spec: SecurityPolicySpec, place: Place) -> RequestCredentials | None:
    if spec.credential_override is None:
        return None
    if spec.type != "AWSCredentials":
        place.problem(f"supported with type AWSCredentials only, not with {spec.type}")
        return None
    headers = spec.credential_override.from_request_headers
    if headers is None:
        place.problem("must have fromRequestHeaders")
        return None
    if not is_header_name(headers.header):
        place.field("fromRequestHeaders.header").problem(
            f"{place.show(headers.header)} is not a valid prefix of header names"
        )
    return RequestCredentials(prefix=headers.header.lower(), fallback=headers.fallback_to_configured)
