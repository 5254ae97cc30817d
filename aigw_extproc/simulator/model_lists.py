"""The lists of Bedrock's control plane: ListFoundationModels and ListInferenceProfiles, as of us-east-1.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_ListFoundationModels.html
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_ListInferenceProfiles.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl

from aigw_extproc.simulator import http_messages, shapes
from aigw_extproc.simulator.errors import Invalid
from aigw_extproc.simulator.http_messages import HttpRequest, HttpResponse

ACCOUNT = "123456789012"
PAGE = 10
"""Profiles in one page at most. AWS may return fewer than are asked for, too."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A foundation model."""

    id: str
    name: str
    launched: str
    """The date."""
    on_demand: bool = True
    """Whether the bare id can be invoked."""
    profiles: tuple[str, ...] = ()
    """Prefixes of its inference profiles."""
    output: str = "TEXT"
    status: str = "ACTIVE"


PROVIDERS: Mapping[str, str] = MappingProxyType(
    {"amazon": "Amazon", "anthropic": "Anthropic", "cohere": "Cohere", "deepseek": "DeepSeek", "meta": "Meta"}
    | {"mistral": "Mistral AI", "openai": "OpenAI", "qwen": "Qwen", "stability": "Stability AI"}
)
EVERYWHERE = ("us", "global")
CLAUDE = (
    ("anthropic.claude-fable-5-1", "Claude Fable 5.1", "2026-09-01"),
    ("anthropic.claude-opus-5-5", "Claude Opus 5.5", "2026-09-22"),
    ("anthropic.claude-sonnet-5-5", "Claude Sonnet 5.5", "2026-09-28"),
    ("anthropic.claude-haiku-5-5", "Claude Haiku 5.5", "2026-10-07"),
    ("anthropic.claude-opus-5", "Claude Opus 5", "2026-07-24"),
    ("anthropic.claude-sonnet-5", "Claude Sonnet 5", "2026-06-30"),
    ("anthropic.claude-opus-4-8", "Claude Opus 4.8", "2026-05-28"),
    ("anthropic.claude-opus-4-7", "Claude Opus 4.7", "2026-04-16"),
    ("anthropic.claude-opus-4-6-v1", "Claude Opus 4.6", "2026-02-05"),
    ("anthropic.claude-sonnet-4-6", "Claude Sonnet 4.6", "2026-02-17"),
    ("anthropic.claude-opus-4-5-20251101-v1:0", "Claude Opus 4.5", "2025-11-24"),
    ("anthropic.claude-sonnet-4-5-20250929-v1:0", "Claude Sonnet 4.5", "2025-09-29"),
    ("anthropic.claude-haiku-4-5-20251001-v1:0", "Claude Haiku 4.5", "2025-10-16"),
)
MODELS = (
    *(Listed(*row, on_demand=False, profiles=EVERYWHERE) for row in CLAUDE),
    Listed("anthropic.claude-3-haiku-20240307-v1:0", "Claude 3 Haiku", "2024-03-13", profiles=("us",), status="LEGACY"),
    Listed("amazon.nova-2-lite-v1:0", "Nova 2 Lite", "2025-12-02", on_demand=False, profiles=EVERYWHERE),
    Listed("amazon.nova-pro-v1:0", "Nova Pro", "2024-12-04", profiles=("us",)),
    Listed("amazon.nova-lite-v1:0", "Nova Lite", "2024-12-04", profiles=("us",)),
    Listed("amazon.nova-micro-v1:0", "Nova Micro", "2024-12-04", profiles=("us",)),
    Listed("openai.gpt-oss-120b-1:0", "gpt-oss-120b", "2025-08-05"),
    Listed("openai.gpt-oss-20b-1:0", "gpt-oss-20b", "2025-08-05"),
    Listed("meta.llama3-3-70b-instruct-v1:0", "Llama 3.3 70B", "2024-12-19", on_demand=False, profiles=("us",)),
    Listed("mistral.mistral-large-3-675b-instruct", "Mistral Large 3", "2025-12-02"),
    Listed("deepseek.v3-v1:0", "DeepSeek-V3.1", "2025-09-18"),
    Listed("qwen.qwen3-coder-30b-a3b-v1:0", "Qwen3-Coder-30B-A3B-Instruct", "2025-09-18"),
    Listed("amazon.titan-embed-text-v2:0", "Titan Text Embeddings V2", "2024-04-30", output="EMBEDDING"),
    Listed("cohere.embed-v4:0", "Embed v4", "2025-10-01", profiles=EVERYWHERE, output="EMBEDDING"),
    Listed("amazon.nova-canvas-v1:0", "Nova Canvas", "2024-12-04", output="IMAGE"),
    Listed("stability.stable-image-core-v1:1", "Stable Image Core 1.0", "2024-09-04", output="IMAGE"),
    Listed("cohere.rerank-v3-5:0", "Rerank 3.5", "2024-12-01"),
)


def foundation_models(query: Mapping[str, Any]) -> dict[str, Any]:
    """Return the response of ListFoundationModels."""
    return {"modelSummaries": [summary for model in MODELS if _matches(summary := _summary(model), query)]}


def inference_profiles(query: Mapping[str, Any]) -> dict[str, Any]:
    """Return one page of ListInferenceProfiles. Raises Invalid for a token that it did not issue."""
    profiles = [_profile(prefix, model) for model in MODELS for prefix in model.profiles]
    if query.get("typeEquals") == "APPLICATION":
        profiles = []
    first = _position(query.get("nextToken", "0"), len(profiles))
    last = first + min(query.get("maxResults", PAGE), PAGE)
    following = {"nextToken": str(last)} if last < len(profiles) else {}
    return {"inferenceProfileSummaries": profiles[first:last], **following}


def _position(token: str, count: int) -> int:
    if not token.isdecimal() or int(token) > count:
        raise Invalid("The provided next token is invalid.")
    return int(token)


def _matches(summary: Mapping[str, Any], query: Mapping[str, Any]) -> bool:
    wanted = {
        "byProvider": [summary["providerName"]],
        "byOutputModality": summary["outputModalities"],
        "byInferenceType": summary["inferenceTypesSupported"],
        "byCustomizationType": summary["customizationsSupported"],
    }
    return all(query[name] in values for name, values in wanted.items() if name in query)


def _summary(model: Listed) -> dict[str, Any]:
    return {
        "modelArn": f"arn:aws:bedrock:us-east-1::foundation-model/{model.id}",
        "modelId": model.id,
        "modelName": model.name,
        "providerName": PROVIDERS[model.id.partition(".")[0]],
        "inputModalities": ["TEXT"],
        "outputModalities": [model.output],
        "responseStreamingSupported": model.output == "TEXT",
        "customizationsSupported": [],
        "inferenceTypesSupported": ["ON_DEMAND" if model.on_demand else "INFERENCE_PROFILE"],
        "modelLifecycle": {"status": model.status, "startOfLifeTime": f"{model.launched}T00:00:00Z"},
    }


def _profile(prefix: str, model: Listed) -> dict[str, Any]:
    id_, region = f"{prefix}.{model.id}", "" if prefix == "global" else "us-east-1"
    return {
        "inferenceProfileName": f"{'Global' if prefix == 'global' else prefix.upper()} {model.name}",
        "description": f"Routes requests to {model.name} {'globally' if prefix == 'global' else 'in the geography'}.",
        "createdAt": f"{model.launched}T00:00:00Z",
        "updatedAt": f"{model.launched}T00:00:00Z",
        "inferenceProfileArn": f"arn:aws:bedrock:us-east-1:{ACCOUNT}:inference-profile/{id_}",
        "models": [{"modelArn": f"arn:aws:bedrock:{region}::foundation-model/{model.id}"}],
        "inferenceProfileId": id_,
        "status": "ACTIVE",
        "type": "SYSTEM_DEFINED",
    }


LISTS: Mapping[str, tuple[str, Callable[[Mapping[str, Any]], dict[str, Any]]]] = MappingProxyType(
    {
        "/foundation-models": ("ListFoundationModels", foundation_models),
        "/inference-profiles": ("ListInferenceProfiles", inference_profiles),
    }
)
"""Operation and handler, by path."""


def is_list(request: HttpRequest) -> bool:
    """Return whether a request is for one of the lists."""
    return request.method == "GET" and request.raw_path in LISTS


def respond(request: HttpRequest) -> HttpResponse:
    """Return the response to an authentic request. Raises Invalid for a faulty query."""
    operation, handle = LISTS[request.raw_path]
    query = _query(operation, parse_qsl(request.query, keep_blank_values=True))
    shapes.validate(operation, query, service=shapes.CONTROL_PLANE)
    return http_messages.json(handle(query))


def _query(operation: str, pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return the members of the operation's input, by the names of the query's parameters."""
    shapes_by_name = shapes.service_model(shapes.CONTROL_PLANE).operation_model(operation).input_shape.members
    names = {shape.serialization["name"]: name for name, shape in shapes_by_name.items()}
    members = {names.get(name, name): value for name, value in pairs}
    if members.get("maxResults", "").isdecimal():
        return {**members, "maxResults": int(members["maxResults"])}
    return members
