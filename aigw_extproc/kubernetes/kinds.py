"""The kinds that are read from the API, and their addresses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from aigw_extproc.config.resources.ai_gateway import AI_GATEWAY
from aigw_extproc.config.resources.infrastructure import ENVOY_GATEWAY, GATEWAY_API
from aigw_extproc.config.resources.kinds import KINDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of resource in the API."""

    name: str
    group: str
    plural: str
    versions: tuple[str, ...]
    """The versions that are understood, the best first: the API may have only some."""
    by_name: bool = False
    """Whether only those that others refer to are read, each by its name."""

    def path(self, version: str, namespace: str, name: str | None = None) -> str:
        """Return the path of its resources in a namespace, or of one of them."""
        prefix = f"/apis/{self.group}/{version}" if self.group else f"/api/{version}"
        path = f"{prefix}/namespaces/{namespace}/{self.plural}"
        return path if name is None else f"{path}/{name}"

    def api_version(self, version: str) -> str:
        """Return `apiVersion` of its resources, which items of a list lack."""
        return f"{self.group}/{version}" if self.group else version


def _kind(group: str, name: str, plural: str) -> Kind:
    return Kind(name=name, group=group, plural=plural, versions=tuple(KINDS[group, name]), by_name=not group)


SECRET: Final = _kind("", "Secret", "secrets")
CONFIG_MAP: Final = _kind("", "ConfigMap", "configmaps")
SERVICE: Final = Kind(name="Service", group="", plural="services", versions=("v1",), by_name=True)
LISTED: Final = (
    _kind(GATEWAY_API, "Gateway", "gateways"),
    Kind(name="ReferenceGrant", group=GATEWAY_API, plural="referencegrants", versions=("v1", "v1beta1", "v1alpha2")),
    _kind(GATEWAY_API, "BackendTLSPolicy", "backendtlspolicies"),
    _kind(AI_GATEWAY, "AIGatewayRoute", "aigatewayroutes"),
    _kind(AI_GATEWAY, "AIServiceBackend", "aiservicebackends"),
    _kind(AI_GATEWAY, "BackendSecurityPolicy", "backendsecuritypolicies"),
    _kind(AI_GATEWAY, "GatewayConfig", "gatewayconfigs"),
    _kind(ENVOY_GATEWAY, "Backend", "backends"),
    _kind(ENVOY_GATEWAY, "BackendTrafficPolicy", "backendtrafficpolicies"),
    _kind(ENVOY_GATEWAY, "ClientTrafficPolicy", "clienttrafficpolicies"),
    _kind(ENVOY_GATEWAY, "SecurityPolicy", "securitypolicies"),
)
"""The kinds of which every resource of the watched namespaces is read."""
BY_NAME: Final = (SECRET, CONFIG_MAP, SERVICE)
"""The kinds of which only those that others refer to are read: a Role can allow them by `resourceNames`."""
BY_KIND: Final = {kind.name: kind for kind in (*LISTED, *BY_NAME)}
