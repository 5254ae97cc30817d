"""Why a parameter was dropped, and what to do about a request that is refused."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

from aigw_extproc.errors import (
    FilterMissing,
    GatewayError,
    HostNotAllowed,
    InvalidRequest,
    MethodNotAllowed,
    MissingCredentials,
    ModelNotFound,
    NotFound,
    PermissionDenied,
    RequestTooLarge,
    ResponseNotFound,
    ThreadsUnsupported,
    Unauthenticated,
    UnsupportedMedia,
)
from aigw_extproc.translate.registry import ENDPOINTS

_DROPPED: Final = (
    (r"temperature|top_p|top_k", "this model takes no such parameter, or only one of them"),
    (r"max_tokens|max_completion_tokens|max_output_tokens", "this model has a smaller limit, or needs a larger one"),
    (r"stop|stop_sequences", "this model takes no stop sequences, or fewer"),
    (r".*cache_control", "this model has no prompt cache in this place, or the request has more marks than it takes"),
    (r"tool_choice", "this model cannot be made to choose a tool, or not while it reasons"),
    (r".*\bstrict", "this model has no strict tools, or the schema cannot be closed"),
    (r"parallel_tool_calls|.*disable_parallel_tool_use", "this model has no such setting"),
    (r"reasoning_effort|reasoning|reasoning\..*|thinking|thinking\..*|.*\beffort", "this model reasons in another way"),
    (r"messages\.reasoning_content", "the model accepts only reasoning with its own signature"),
    (r"user|metadata|safety_identifier", "it has characters, or a length, that Bedrock's metadata does not take"),
    (r"service_tier", "Bedrock has no tier of this name"),
    (r"anthropic-beta|betas", "Bedrock does not know this beta of Anthropic's"),
    (r"web_search_options|tools", "Bedrock has no tools that run on the provider's side"),
    (r"aws\..*", "the operation that serves this backend has no such member"),
)
_AT_MOST_ONE: Final = frozenset({"temperature", "top_p"})
_NOT_THERE: Final = "the backend's API has no parameter of this name"


def why_dropped(name: str, value: object) -> str:
    """Return why a parameter with this value was left out, or changed."""
    if name in _AT_MOST_ONE and isinstance(value, int | float) and value > 1:
        return "values above 1 become 1, or this model takes no such parameter"
    return next((reason for pattern, reason in _DROPPED if re.fullmatch(pattern, name)), _NOT_THERE)


def next_step(error: GatewayError, path: str, model: str, models: Iterable[str]) -> str:
    """Return what the client, or the operator, can do about an error."""
    match error:
        case ModelNotFound():
            near = get_close_matches(model, models, n=1)
            other = f"did you mean {near[0]}? " if near else ""
            return f"{other}Use a model of GET /v1/models, or let a rule match {model!r} in x-ai-eg-model"
        case ResponseNotFound():
            return "use the id of a response that was kept, of the same client"
        case NotFound():
            near = get_close_matches(path, ENDPOINTS, n=1)
            return f"did you mean {near[0]}?" if near else "use one of the paths in the message"
        case MethodNotAllowed():
            return f"use {dict(error.headers).get('allow', 'another method')}"
        case HostNotAllowed():
            return "use a host that the gateway answers to, or add it with --allow-host"
        case Unauthenticated():
            return "send a key, password or token that the rule's SecurityPolicy accepts"
        case PermissionDenied():
            return "use a model that this client may use, or change `authorization` in the rule's SecurityPolicy"
        case FilterMissing():
            return "send it through Envoy, which asks the authorization service: explain asks nobody"
        case MissingCredentials():
            return "add AWS credentials to the request's headers, or allow the fallback in the BackendSecurityPolicy"
        case _:
            return _about_the_body(error)


def _about_the_body(error: GatewayError) -> str:
    match error:
        case UnsupportedMedia():
            return "send JSON with `content-type: application/json`, and without `content-encoding`"
        case RequestTooLarge():
            return "send fewer or shorter messages and tools"
        case ThreadsUnsupported():
            return "send the whole conversation in `messages`"
        case InvalidRequest(param=None) if "not valid JSON" in error.message:
            return "send one JSON object, encoded as UTF-8"
        case InvalidRequest(param=None):
            return "change the body as the message says"
        case InvalidRequest():
            return f"change `{error.param}` in the request"
        case _:
            return "look into the gateway's log"
