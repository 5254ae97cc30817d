"""How requests to a backend are signed: BackendSecurityPolicies, and the Secrets they refer to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from aigw_extproc.aws.identity import Credentials, DefaultChain
from aigw_extproc.config.catalog import Catalog, Item, Key
from aigw_extproc.config.credentials_file import parse_credentials
from aigw_extproc.config.findings import Place
from aigw_extproc.config.infrastructure import SecretResource
from aigw_extproc.config.names import is_region
from aigw_extproc.config.resources import (
    AI_GATEWAY,
    AIServiceBackend,
    AwsCredentials,
    BackendSecurityPolicy,
    CredentialsFile,
)
from aigw_extproc.config.snapshot import AwsAuth
from aigw_extproc.config.texts import key_place, secret_text

_CREDENTIALS: Final = "credentials"  # the key of a Secret that holds a credentials file


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
    if aws.credentials_file is None:
        return AwsAuth(region=aws.region, source=DefaultChain())
    source = _static(aws.credentials_file, namespace, catalog, place.field("credentialsFile.secretRef"))
    return AwsAuth(region=aws.region, source=source) if source else None


def _static(file: CredentialsFile, namespace: str, catalog: Catalog, place: Place) -> Credentials | None:
    ref = file.secret_ref
    if (ref.group or "", ref.kind or "Secret") != ("", "Secret"):
        place.problem(f"must name a Secret, got {ref.kind} ({ref.group or 'core'})")
        return None
    item = catalog.find(SecretResource, (ref.namespace or namespace, ref.name), place.field("name"))
    if item is None:
        return None
    text = secret_text(item, _CREDENTIALS)
    return None if text is None else parse_credentials(text, file.profile or "default", key_place(item, _CREDENTIALS))
