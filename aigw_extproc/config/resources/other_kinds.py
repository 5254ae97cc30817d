"""Kinds that are not read: those that are refused, and those that are ignored.

A kind is refused if it says who may come in, how much they may use, or where requests go: a gateway that ignored it
would be more open than its files. A kind of these APIs that is in neither table is refused too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from aigw_extproc.config.resources.ai_gateway import AI_GATEWAY
from aigw_extproc.config.resources.infrastructure import ENVOY_GATEWAY, GATEWAY_API

INFERENCE: Final = ("inference.networking.k8s.io", "inference.networking.x-k8s.io")
GATEWAY_API_EXPERIMENTAL: Final = "gateway.networking.x-k8s.io"
CLOSED_GROUPS: Final = (AI_GATEWAY, ENVOY_GATEWAY, GATEWAY_API, GATEWAY_API_EXPERIMENTAL, *INFERENCE)
"""API groups of which every kind is known here."""

_ROUTES: Final = "only AIGatewayRoute routes requests here"
_LIMITS: Final = "its limits are not supported, so they would not be enforced; use BackendTrafficPolicy"

REFUSED: Final[Mapping[tuple[str, str], str]] = {
    (AI_GATEWAY, "MCPRoute"): "MCP is not supported, so nothing would be served under this route",
    (ENVOY_GATEWAY, "EnvoyExtensionPolicy"): "other filters are not supported, so requests would bypass them",
    (ENVOY_GATEWAY, "EnvoyPatchPolicy"): "Envoy is configured by this program, so the patch would be missing",
    (ENVOY_GATEWAY, "HTTPRouteFilter"): _ROUTES,
    **{(GATEWAY_API, kind): _ROUTES for kind in ("HTTPRoute", "GRPCRoute", "TCPRoute", "TLSRoute", "UDPRoute")},
    (GATEWAY_API_EXPERIMENTAL, "XBackendTrafficPolicy"): _LIMITS,
    **{(group, kind): _ROUTES for group in INFERENCE for kind in ("InferencePool", "InferenceModel")},
}
"""(group, kind) → what would happen if it were ignored."""

IGNORED: Final[Mapping[tuple[str, str], str]] = {
    ("", "ServiceAccount"): "credentials come from this process, by the AWS SDK's default chain",
    (ENVOY_GATEWAY, "EnvoyGateway"): "the settings of another program",
    (ENVOY_GATEWAY, "EnvoyProxy"): "Envoy is configured by this program",
    (GATEWAY_API, "GatewayClass"): "there is one gateway",
    (GATEWAY_API, "ListenerSet"): "the listener is set on the command line (--host, --port)",
    (GATEWAY_API, "ReferenceGrant"): "references to other namespaces need no grant here",
    (GATEWAY_API_EXPERIMENTAL, "XListenerSet"): "the listener is set on the command line (--host, --port)",
    (GATEWAY_API_EXPERIMENTAL, "XMesh"): "there is no mesh here",
    **{(group, "InferenceObjective"): "this kind has no effect here" for group in INFERENCE},
}
"""(group, kind) → why it has no effect. Kinds of groups that are not closed are ignored without being listed here."""
