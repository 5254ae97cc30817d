"""What the types of resources cannot say: rules across fields, and descriptions of fields.

Rules are in CEL, and only use fields that have a type in the schema.
https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-rules
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from aigw_extproc.config.resources import ai_gateway, infrastructure, limits, security

LONGEST_LIST: Final = 64
"""The longest list whose members have rules."""

RULES: Final[Mapping[type, Mapping[str, str]]] = {
    ai_gateway.SecurityPolicySpec: {
        "awsCredentials: required with type AWSCredentials": (
            "self.type != 'AWSCredentials' || has(self.awsCredentials)"
        ),
        "apiKey: required with type APIKey": "self.type != 'APIKey' || has(self.apiKey)",
    },
    ai_gateway.AwsCredentials: {
        "has both credentialsFile and oidcExchangeToken; keep one": (
            "!(has(self.credentialsFile) && has(self.oidcExchangeToken))"
        ),
    },
    ai_gateway.RequestCostSpec: {
        "cel: required with type CEL": "self.type != 'CEL' || has(self.cel)",
    },
    infrastructure.BackendEndpoint: {
        "must have fqdn or ip, not both": "!(has(self.fqdn) && has(self.ip))",
    },
    infrastructure.TlsValidation: {
        "must have wellKnownCACertificates or caCertificateRefs, not both": (
            "!(has(self.wellKnownCACertificates) && self.wellKnownCACertificates != ''"
            " && has(self.caCertificateRefs) && size(self.caCertificateRefs) > 0)"
        ),
    },
    security.ExtractFrom: {
        "must have exactly one of headers, params and cookies": (
            "[has(self.headers), has(self.params), has(self.cookies)].filter(given, given).size() == 1"
        ),
    },
    security.JwtProvider: {
        "must have exactly one of remoteJWKS and localJWKS": "has(self.remoteJWKS) != has(self.localJWKS)",
    },
    security.LocalJwks: {
        "valueRef: required with type ValueRef, and only valid with it": (
            "(has(self.type) && self.type == 'ValueRef') == has(self.valueRef)"
        ),
    },
    security.ExtAuth: {
        "must have exactly one of grpc and http": "has(self.grpc) != has(self.http)",
    },
}
"""Type → what is wrong if a rule does not hold, and the rule."""

DESCRIPTIONS: Final[Mapping[type, Mapping[str, str]]] = {
    limits.HeaderSelector: {
        "name": "Name of the header; x-aigw-client is the client's id, x-ai-eg-model the model.",
        "value": "Its value, or a regular expression for all of it.",
        "type": "How the value is compared; Distinct counts each value apart.",
        "invert": "Whether all other values are meant.",
    },
    limits.SourceCidr: {
        "value": "A network, such as 10.0.0.0/8.",
        "type": "Distinct counts each address of the network apart.",
    },
    limits.ClientSelector: {"headers": "Conditions on headers, which must all be met."},
    limits.LimitValue: {
        "requests": "How many requests, tokens or micro-dollars each period has.",
        "unit": "The period, in UTC; months and years are those of the calendar.",
    },
    limits.CostMetadata: {
        "namespace": "io.envoy.ai_gateway.",
        "key": "A metadataKey of llmRequestCosts, cost_microdollars, or a count such as usage_total_tokens.",
    },
    limits.CostSpec: {"from": "Where the cost is from.", "number": "The cost, if it is a number."},
    limits.Cost: {
        "request": "What a request takes before it is sent; 1 if absent, and 0 only looks.",
        "response": "What its response takes when it has ended; nothing if absent.",
    },
    limits.RateLimitRule: {
        "clientSelectors": "Which requests the limit is for; all if empty.",
        "shared": "Whether all routes of the policy share one count.",
        "shadowMode": "Whether it counts only, and refuses nothing.",
    },
    limits.RateLimitRules: {"rules": "Limits; each that is for a request must let it pass."},
    limits.RateLimitSpec: {"type": "Which of the two lists there is, at least."},
    limits.QuotaValue: {"limit": "How many tokens each period has.", "duration": "The period."},
    limits.QuotaRule: {
        "clientSelectors": "Which requests the bucket is for; all if empty.",
        "shadowMode": "Whether it counts only, and refuses nothing.",
    },
    limits.QuotaDefinition: {
        "defaultBucket": "The bucket of all requests.",
        "bucketRules": "Further buckets; a request passes if one of all that are for it has something left.",
        "mode": "How buckets are combined.",
        "costExpression": "What a response takes, in CEL; all tokens if absent.",
    },
    limits.ModelQuota: {"modelName": "The backend's name of the model, as in modelNameOverride."},
    limits.ServiceQuota: {"costExpression": "What a response takes, in CEL; all tokens if absent."},
    limits.QuotaPolicySpec: {
        "targetRefs": "The AIServiceBackends that it is for.",
        "serviceQuota": "For the models without a quota of their own.",
        "perModelQuotas": "Quotas by model.",
    },
    ai_gateway.RouteSpec: {
        "rules": "Rules that assign models to backends. The first that matches a request applies.",
        "hostnames": "Host names that requests may have; all if empty.",
        "parentRefs": "The Gateways that serve the route.",
        "targetRefs": "The former name of parentRefs.",
        "llmRequestCosts": "What requests cost, for Envoy's metadata.",
    },
    ai_gateway.RequestCostSpec: {
        "metadataKey": "The name of the cost in Envoy's metadata.",
        "type": "Which tokens are counted, or CEL.",
        "cel": "The expression of the type CEL.",
    },
    infrastructure.GatewayConfigSpec: {
        "globalLLMRequestCosts": "What requests of all routes cost, for Envoy's metadata.",
    },
    ai_gateway.RouteRule: {
        "name": "A name for logs.",
        "matches": "Conditions, one of which a request must meet; every request does if empty.",
        "backendRefs": "Where requests go. Weights divide them within one priority; other priorities are for failover.",
        "modelsOwnedBy": "`owned_by` of the rule's models in the list of models.",
        "modelsCreatedAt": "`created` of the rule's models in the list of models.",
        "streamIdleTimeout": "How long a stream may be silent, such as 5m.",
    },
    ai_gateway.RouteTimeouts: {
        "request": "Limit of the whole request with all attempts, such as 10m; 0s is none.",
        "backendRequest": "Limit of each attempt.",
    },
    ai_gateway.Match: {"headers": "Conditions that must all be met."},
    ai_gateway.HeaderMatchSpec: {
        "name": "Name of the header; x-ai-eg-model is the model of the request.",
        "value": "Its value, or a regular expression for all of it.",
        "type": "How the value is compared.",
    },
    ai_gateway.RouteBackendRef: {
        "name": "Name of the AIServiceBackend.",
        "namespace": "Its namespace; that of the route if absent.",
        "group": "Its group.",
        "kind": "Its kind, AIServiceBackend.",
        "modelNameOverride": "The model that the backend is asked for, instead of the client's.",
        "weight": "Its share of the requests among backends of the same priority.",
        "priority": "The lowest is tried first, others when it fails.",
    },
    ai_gateway.HeaderMutationSpec: {"set": "Headers to set.", "remove": "Headers to remove."},
    ai_gateway.BodyMutationSpec: {"set": "Top-level fields to set.", "remove": "Top-level fields to remove."},
    ai_gateway.NamedValue: {"name": "Name of the header.", "value": "Its value."},
    ai_gateway.BodyField: {"path": "Name of the top-level field.", "value": "Its value, as JSON."},
    ai_gateway.ApiSchema: {
        "name": "The API of the backend.",
        "version": "Version of the API, which is a part of its path.",
        "prefix": "Prefix of the API's paths.",
    },
    ai_gateway.ServiceBackendSpec: {
        "backendRef": "The Backend where the service is reached.",
        "backendSecurityPolicyRef": "The former way to name the BackendSecurityPolicy.",
    },
    ai_gateway.ObjectRef: {
        "name": "Name of the resource.",
        "namespace": "Its namespace; that of this resource if absent.",
        "group": "Its group.",
        "kind": "Its kind.",
        "sectionName": "A part of it, such as a listener or a rule.",
    },
    ai_gateway.CredentialsFile: {
        "secretRef": "A Secret whose key `credentials` has the file.",
        "profile": "The section of the file.",
    },
    ai_gateway.OidcProvider: {
        "issuer": "URL of the provider.",
        "tokenEndpoint": "URL for tokens; that of the provider's discovery document if absent.",
    },
    ai_gateway.Oidc: {
        "clientID": "The client's id.",
        "clientSecret": "A Secret whose key `client-secret` has the client's secret.",
        "scopes": "Scopes to ask for.",
    },
    ai_gateway.OidcExchangeToken: {
        "awsRoleArn": "ARN of the role.",
        "aud": "Audience to ask for.",
        "grantType": "How tokens are asked for.",
    },
    ai_gateway.AwsCredentials: {"region": "Region of the backend, such as us-east-1."},
    ai_gateway.ApiKey: {"secretRef": "A Secret whose key `apiKey` has the key."},
    ai_gateway.RequestHeaderCredentials: {
        "header": "Prefix of the headers for AWS, or the header of an API key.",
        "fallbackToConfigured": "Whether requests without these headers use the policy's own credentials.",
    },
    ai_gateway.SecurityPolicySpec: {
        "type": "What the backend asks for. It decides which of the other fields applies.",
        "targetRefs": "The AIServiceBackends that it is for.",
    },
}
"""Type → field → what it means, for `kubectl explain`; other fields have the description of their type."""
