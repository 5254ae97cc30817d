"""What is read from the Kubernetes API, and how it is reached."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from aigw_extproc.config.compile.attachments import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Where the API is, and who asks."""

    kubeconfig: Path | None = None
    """None for the pod's service account, or else the default kubeconfig."""
    context: str | None = None
    """A context of the kubeconfig; None for its current one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayName:
    """The Gateway that is served."""

    namespace: str
    name: str
    gateway_class: str | None = None
    """Its `gatewayClassName`; a Gateway of another class is left to another controller. None for any."""
    namespaces: tuple[str, ...] = ()
    """The namespaces that are read; by default that of the Gateway."""
    service: str | None = None
    """The Service whose addresses are the Gateway's: `name` in its namespace, or `namespace/name`."""

    @property
    def node(self) -> Node:
        """The key of its resource."""
        return "Gateway", self.namespace, self.name

    @property
    def service_node(self) -> Node | None:
        """The key of the Service whose addresses are the Gateway's."""
        if self.service is None:
            return None
        namespace, _, name = self.service.rpartition("/")
        return "Service", namespace or self.namespace, name

    @property
    def watched(self) -> tuple[str, ...]:
        """The namespaces that are read, its own among them."""
        return tuple(dict.fromkeys((self.namespace, *self.namespaces)))

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesOptions:
    """What is read from the Kubernetes API, and with which access."""

    gateway: GatewayName
    access: Access
    status: bool = True
    """Whether the status of resources is written."""


class NoCluster(Exception):
    """There is no usable kubeconfig, and this is no pod. The text is for the operator."""
