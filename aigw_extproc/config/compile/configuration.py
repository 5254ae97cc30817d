"""Compilation of documents into a configuration, as a pure function."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from aigw_extproc.config.compile.access import compile_access
from aigw_extproc.config.compile.asked_services import AskedServices
from aigw_extproc.config.compile.costs import compile_global_costs
from aigw_extproc.config.compile.rules import compile_rules
from aigw_extproc.config.compile.services import compile_services
from aigw_extproc.config.compile.signing import compile_signing
from aigw_extproc.config.compile.tls import compile_tls
from aigw_extproc.config.compile.traffic import compile_traffic
from aigw_extproc.config.compile.upstreams import compile_upstreams
from aigw_extproc.config.resources.ai_gateway import AIGatewayRoute
from aigw_extproc.config.resources.catalog import Catalog, Item, Mounts, read
from aigw_extproc.config.resources.documents import Document, parse
from aigw_extproc.config.resources.findings import Findings, Note, Place
from aigw_extproc.config.resources.infrastructure import ClientTrafficPolicy, Gateway
from aigw_extproc.config.resources.names import quantity
from aigw_extproc.config.snapshot import Snapshot

_DEFAULT_LIMIT: Final = 50 * 1024 * 1024
_MAX_LIMIT: Final = 2**32 - 1  # Envoy's per_connection_buffer_limit_bytes is a uint32


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """A snapshot, and the parts of the files that have no effect."""

    snapshot: Snapshot
    ignored: tuple[Note, ...] = ()
    files: tuple[str, ...] = ()
    """Every loaded file, in order."""


def compile_documents(
    texts: Mapping[str, str], findings: Findings | None = None, mounts: Mounts | None = None
) -> Configuration:
    """Compile texts, by file name, and mounted Secrets into one configuration.

    `findings` has earlier problems, such as unreadable files.

    Raises:
        ConfigError: with every problem, in the order of the files.
    """
    findings = findings or Findings()
    documents = [document for file, text in texts.items() for document in _documents(file, text, findings)]
    catalog = read(documents, findings, mounts)
    snapshot = _snapshot(catalog)
    if catalog.complete_for(AIGatewayRoute) and not any(catalog.all(AIGatewayRoute)):
        Place(findings=findings, file=", ".join(texts), resource="all resources").problem(
            "there is no AIGatewayRoute, so no request would be served"
        )
    if findings.problems:
        raise findings.in_file_order(texts)
    return Configuration(snapshot=snapshot, ignored=tuple(findings.ignored), files=tuple(texts))


def _documents(file: str, text: str, findings: Findings) -> list[Document]:
    """Return the resources of a file, which is an error if there are none: it may have been truncated."""
    faults = len(findings.problems)
    documents = list(parse(file, text, findings))
    if not documents and len(findings.problems) == faults:
        Place(findings=findings, file=file, resource="file").problem("has no resources; remove it, or restore them")
    return documents


def _snapshot(catalog: Catalog) -> Snapshot:
    _refuse_further_gateways(catalog)
    tls = compile_tls(catalog)
    upstreams = compile_upstreams(catalog, tls.backends)
    services = compile_services(catalog, upstreams, compile_signing(catalog), tls.backends)
    asked = AskedServices(catalog=catalog, backends=upstreams, tls=tls.services)
    access, traffic, costs = compile_access(catalog, asked), compile_traffic(catalog), compile_global_costs(catalog)
    return Snapshot(
        rules=compile_rules(catalog, services, access, traffic, costs),
        buffer_limit=buffer_limit(catalog),
        trusted_hops=trusted_hops(catalog),
        trust_request_id=trust_request_id(catalog),
    )


def _refuse_further_gateways(catalog: Catalog) -> None:
    gateways = list(catalog.all(Gateway))
    for item in gateways[1:]:
        item.place.refuse(
            f"there is one gateway here, so clients of '{gateways[0].name}' could use its routes too; run one for each"
        )


def buffer_limit(catalog: Catalog) -> int:
    """Return the bytes that a request may have, by the ClientTrafficPolicies."""
    limits: list[tuple[Item[ClientTrafficPolicy], int]] = []
    for item in catalog.all(ClientTrafficPolicy):
        place, value = item.place.field("spec.connection.bufferLimit"), item.resource.spec.connection.buffer_limit
        limit = _DEFAULT_LIMIT if value is None else quantity(value)
        if limit is None or not 0 < limit <= _MAX_LIMIT:
            place.problem(f"must be a number of bytes up to 4Gi, such as 50Mi, got {place.show(value)}")
        elif value is not None:
            limits.append((item, limit))
    return _only(limits, "connection.bufferLimit", _DEFAULT_LIMIT)


def trusted_hops(catalog: Catalog) -> int:
    """Return how many proxies before the gateway are trusted, by the ClientTrafficPolicies."""
    items = catalog.all(ClientTrafficPolicy)
    detections = ((item, item.resource.spec.client_ip_detection) for item in items)
    hops = [(item, found.x_forwarded_for.num_trusted_hops) for item, found in detections if found is not None]
    return _only(hops, "clientIPDetection", 0)


def trust_request_id(catalog: Catalog) -> bool:
    """Return whether a client's `x-request-id` is the request's."""
    headers = ((item, item.resource.spec.headers) for item in catalog.all(ClientTrafficPolicy))
    return _only([(item, found.trust_request_id) for item, found in headers if found is not None], "headers", False)


V = TypeVar("V")


def _only(values: list[tuple[Item[ClientTrafficPolicy], V]], field: str, default: V) -> V:
    """Return the setting of the only gateway: all policies must agree on it."""
    for item, value in values:
        if value != values[0][1]:
            place = item.place.field("spec").field(field)
            place.problem(
                f"ClientTrafficPolicy '{values[0][0].name}' sets another value for the only gateway", "conflict"
            )
    return values[0][1] if values else default
