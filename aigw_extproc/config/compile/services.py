"""Compilation of AIServiceBackends: API, upstream, signing and settings of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from aigw_extproc.aws.names import host_region
from aigw_extproc.config.compile.mutations import check_mutations
from aigw_extproc.config.compile.settings import compile_settings
from aigw_extproc.config.compile.signing import Signing
from aigw_extproc.config.compile.upstreams import hosts
from aigw_extproc.config.resources import ai_gateway as resources
from aigw_extproc.config.resources import infrastructure
from aigw_extproc.config.resources.ai_gateway import AIServiceBackend
from aigw_extproc.config.resources.catalog import Catalog, Item, Key
from aigw_extproc.config.resources.findings import Place
from aigw_extproc.config.resources.infrastructure import ENVOY_GATEWAY
from aigw_extproc.config.resources.names import is_path_prefix
from aigw_extproc.config.snapshot import BEDROCK_SCHEMAS, AwsAuth, BackendSettings, Tls, Upstream

_SCHEMAS: Final = (*BEDROCK_SCHEMAS, "OpenAI")


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """An AIServiceBackend with its references resolved."""

    spec: resources.ServiceBackendSpec
    upstream: Upstream
    auth: AwsAuth | None
    settings: BackendSettings
    signed: bool
    """Whether its requests are signed for AWS, or carry AWS's API key."""


def compile_services(
    catalog: Catalog, upstreams: Mapping[Key, Upstream], signing: Mapping[Key, Signing], tls: Mapping[Key, Tls | None]
) -> dict[Key, Service]:
    """Return each AIServiceBackend that has a valid Backend."""
    services: dict[Key, Service] = {}
    for item in catalog.all(AIServiceBackend):
        spec = item.resource.spec
        signer = signing.get(item.key)
        _check_schema(spec.schema, item.place.field("spec.schema"))
        upstream = _upstream(item, catalog, upstreams)
        on_aws = upstream is not None and host_region(upstream.host) is not None
        signed = on_aws or spec.schema.name in BEDROCK_SCHEMAS
        check_mutations(spec, item.place.field("spec"), signed=signed)
        if signed:
            _check_signing(item, signer, catalog)
            _check_one_host(item, catalog, tls)
        settings = compile_settings(item.resource.metadata.annotations or {}, item.place.field("metadata.annotations"))
        if not signed:  # a server of its own, whatever its models are called
            settings = replace(settings, prices=settings.prices.without_table())
        if upstream is not None:
            auth = _auth(signer, upstream, item.place)
            services[item.key] = Service(spec=spec, upstream=upstream, auth=auth, settings=settings, signed=signed)
    return services


def _auth(signer: Signing | None, upstream: Upstream, place: Place) -> AwsAuth | None:
    if signer is None or signer.auth is None:
        return None
    # AWS rejects a signature for a region other than the host's.
    region, configured = host_region(upstream.host) or signer.auth.region, signer.auth.region
    if region != configured and configured:  # empty for an API key
        place.ignore(f"signed for {region}, the region of its host, not for {configured} of policy '{signer.policy}'")
    return replace(signer.auth, region=region)


def _upstream(item: Item[AIServiceBackend], catalog: Catalog, upstreams: Mapping[Key, Upstream]) -> Upstream | None:
    ref, place = item.resource.spec.backend_ref, item.place.field("spec.backendRef")
    if (ref.group, ref.kind) != (ENVOY_GATEWAY, "Backend"):
        place.problem(f"must name a Backend (group {ENVOY_GATEWAY}), got {ref.kind} ({ref.group or 'core'})")
        return None
    key = (ref.namespace or item.namespace, ref.name)
    if catalog.find(infrastructure.BackendResource, key, place.field("name")) is None:
        return None
    return upstreams.get(key)


def _check_schema(schema: resources.ApiSchema, place: Place) -> None:
    if schema.name not in _SCHEMAS:
        place.field("name").refuse(f"{schema.name} is not supported; supported are {', '.join(_SCHEMAS)}")
    name = "prefix" if schema.prefix else "version"
    prefix: str = getattr(schema, name)
    if schema.name == "OpenAI" and not is_path_prefix(prefix):
        place.field(name).problem(f"{place.show(prefix)} is not a valid path prefix, such as /v1")


def _check_signing(item: Item[AIServiceBackend], signer: Signing | None, catalog: Catalog) -> None:
    spec, place = item.resource.spec, item.place.field("spec")
    if signer is not None or not catalog.complete_for(resources.BackendSecurityPolicy):
        return
    if spec.backend_security_policy_ref is not None:
        place.field("backendSecurityPolicyRef").problem(
            "no longer supported; name this backend in the policy's targetRefs instead"
        )
        return
    place.field("schema.name").problem(
        f"{spec.schema.name} needs a BackendSecurityPolicy that names this AIServiceBackend in its targetRefs"
    )


def _check_one_host(item: Item[AIServiceBackend], catalog: Catalog, tls: Mapping[Key, Tls | None]) -> None:
    ref = item.resource.spec.backend_ref
    key = (ref.namespace or item.namespace, ref.name)
    backend = catalog.items.get(("Backend", *key))
    if backend is None or not isinstance(backend.resource, infrastructure.BackendResource):
        return
    names = hosts(backend.resource.spec.endpoints, tls.get(key))
    if len(names) > 1:
        item.place.field("spec.backendRef.name").problem(
            f"Backend '{key[0]}/{key[1]}' has the hosts {', '.join(names)}, but an AWS signature covers only one;"
            " create a Backend for each"
        )
