"""The supported kinds and their versions."""

from __future__ import annotations

from typing import Final

from aigw_extproc.config.resources.ai_gateway import (
    AI_GATEWAY,
    AIGatewayRoute,
    AIServiceBackend,
    BackendSecurityPolicy,
    Resource,
)
from aigw_extproc.config.resources.infrastructure import (
    ENVOY_GATEWAY,
    GATEWAY_API,
    BackendResource,
    BackendTLSPolicy,
    BackendTLSPolicyAlpha2,
    ClientTrafficPolicy,
    ConfigMap,
    Gateway,
    GatewayConfig,
    SecretResource,
)
from aigw_extproc.config.resources.limits import QuotaPolicy
from aigw_extproc.config.resources.security import SecurityPolicy
from aigw_extproc.config.resources.traffic import BackendTrafficPolicy

KINDS: Final[dict[tuple[str, str], dict[str, type[Resource]]]] = {
    (AI_GATEWAY, "AIGatewayRoute"): {"v1beta1": AIGatewayRoute, "v1alpha1": AIGatewayRoute},
    (AI_GATEWAY, "AIServiceBackend"): {"v1beta1": AIServiceBackend, "v1alpha1": AIServiceBackend},
    (AI_GATEWAY, "BackendSecurityPolicy"): {"v1beta1": BackendSecurityPolicy, "v1alpha1": BackendSecurityPolicy},
    (AI_GATEWAY, "GatewayConfig"): {"v1beta1": GatewayConfig, "v1alpha1": GatewayConfig},
    (AI_GATEWAY, "QuotaPolicy"): {"v1alpha1": QuotaPolicy},
    (ENVOY_GATEWAY, "Backend"): {"v1alpha1": BackendResource},
    (ENVOY_GATEWAY, "BackendTrafficPolicy"): {"v1alpha1": BackendTrafficPolicy},
    (ENVOY_GATEWAY, "ClientTrafficPolicy"): {"v1alpha1": ClientTrafficPolicy},
    (ENVOY_GATEWAY, "SecurityPolicy"): {"v1alpha1": SecurityPolicy},
    (GATEWAY_API, "BackendTLSPolicy"): {
        "v1": BackendTLSPolicy,
        "v1alpha3": BackendTLSPolicy,
        "v1alpha2": BackendTLSPolicyAlpha2,
    },
    (GATEWAY_API, "Gateway"): {"v1": Gateway, "v1beta1": Gateway},
    ("", "Secret"): {"v1": SecretResource},
    ("", "ConfigMap"): {"v1": ConfigMap},
}
"""(group, kind) → version → the type to decode into."""

OPEN_KINDS: Final = frozenset(kind for _, kind in KINDS) - {"Secret", "ConfigMap"}
"""Kinds that hold no secrets. Any other text, such as a misspelt kind, may be that of a Secret."""
