"""Which endpoints there are, and which translation serves an endpoint on a backend's schema.

Adding a pair is adding a package beside this module and a line to `TRANSLATIONS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from aigw_extproc.anthropic import messages
from aigw_extproc.anthropic.errors import render as anthropic_error
from aigw_extproc.errors import GatewayError, InvalidRequest
from aigw_extproc.openai import chat, completions, embeddings, images, rerank, responses, tokenize
from aigw_extproc.openai.errors import render as openai_error
from aigw_extproc.translate import anthropic_passthrough as messages_anthropic
from aigw_extproc.translate import openai_passthrough as passed_openai
from aigw_extproc.translate.carriers.anthropic import over_anthropic
from aigw_extproc.translate.clients import chat as chat_converse
from aigw_extproc.translate.clients import completions as completions_converse
from aigw_extproc.translate.clients import messages as messages_converse
from aigw_extproc.translate.clients.models import catalog_at
from aigw_extproc.translate.clients.responses import over_chat
from aigw_extproc.translate.contract import Translate
from aigw_extproc.translate.invoke import embeddings as embeddings_invoke
from aigw_extproc.translate.invoke import images as images_invoke
from aigw_extproc.translate.invoke import rerank as rerank_invoke


class ClientRequest(Protocol):
    """What the gateway has to know of a request before it is translated."""

    @property
    def model(self) -> str: ...


RenderError = Callable[[GatewayError, str | None], bytes]
"""An error, and the request's id, in the client's shape."""


def _no_headers(request: Any, headers: Mapping[str, str]) -> Any:
    return request


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A path that clients post to."""

    name: str
    """`gen_ai.operation.name` in metrics."""
    parse: Callable[[bytes], ClientRequest]
    """Raises InvalidRequest."""
    with_headers: Callable[[Any, Mapping[str, str]], ClientRequest] = _no_headers
    """A parsed request with what of it stands in its headers, whose names are in lower case."""
    render_error: RenderError = openai_error


_MESSAGES = Endpoint(
    name="messages", parse=messages.parse, with_headers=messages.with_headers, render_error=anthropic_error
)
_COUNT_TOKENS = replace(_MESSAGES, name="count_tokens")

ENDPOINTS: dict[str, Endpoint] = {
    "/v1/chat/completions": Endpoint(name="chat", parse=chat.parse),
    "/v1/messages": _MESSAGES,
    "/v1/messages/count_tokens": _COUNT_TOKENS,
    "/anthropic/v1/messages": _MESSAGES,
    "/anthropic/v1/messages/count_tokens": _COUNT_TOKENS,
    "/v1/completions": Endpoint(name="completions", parse=completions.parse),
    "/v1/responses": Endpoint(name="responses", parse=responses.parse),
    "/v1/embeddings": Endpoint(name="embeddings", parse=embeddings.parse),
    "/v1/images/generations": Endpoint(name="images", parse=images.parse),
    "/v1/rerank": Endpoint(name="rerank", parse=rerank.parse),
    "/cohere/v2/rerank": Endpoint(name="rerank", parse=rerank.parse),
    "/tokenize": Endpoint(name="tokenize", parse=tokenize.parse),
}
"""By path, without the query."""

TRANSLATIONS: dict[tuple[str, str], Translate] = {
    ("chat", "AWSBedrock"): chat_converse.translate_request,
    ("chat", "AWSAnthropic"): over_anthropic(chat_converse.translate_request),
    ("messages", "AWSBedrock"): messages_converse.translate_request,
    ("messages", "AWSAnthropic"): messages_anthropic.translate_request,
    ("count_tokens", "AWSBedrock"): messages_converse.translate_count,
    ("count_tokens", "AWSAnthropic"): messages_anthropic.translate_count,
    ("responses", "AWSBedrock"): over_chat(chat_converse.translate_request),
    ("responses", "AWSAnthropic"): over_anthropic(over_chat(chat_converse.translate_request)),
    ("completions", "AWSBedrock"): completions_converse.translate_request,
    ("embeddings", "AWSBedrock"): embeddings_invoke.translate_request,
    ("images", "AWSBedrock"): images_invoke.translate_request,
    ("rerank", "AWSBedrock"): rerank_invoke.translate_request,
    ("tokenize", "AWSBedrock"): chat_converse.translate_count,
    ("tokenize", "AWSAnthropic"): chat_converse.translate_count,  # counting is one operation for all of Bedrock
    ("chat", "OpenAI"): passed_openai.to("/chat/completions"),
    ("completions", "OpenAI"): passed_openai.to("/completions"),
    ("embeddings", "OpenAI"): passed_openai.to("/embeddings"),
    ("images", "OpenAI"): passed_openai.to("/images/generations"),
    ("responses", "OpenAI"): passed_openai.to("/responses"),
    ("rerank", "OpenAI"): passed_openai.to("/rerank"),
}
"""By endpoint name and the backend's schema."""

_PARSERS: dict[str, Callable[[bytes], ClientRequest]] = {"OpenAI": passed_openai.parse}
"""How requests are read for backends of a schema that is the client's own; elsewhere as the endpoint reads them."""


def parse(endpoint: Endpoint, schema: str, body: bytes, headers: Mapping[str, str]) -> ClientRequest:
    """The request, as the translation for an endpoint on a schema takes it.

    Raises:
        InvalidRequest: there is no such translation, or the body is not what it takes.
    """
    translation(endpoint, schema)
    own = _PARSERS.get(schema)
    return own(body) if own else endpoint.with_headers(endpoint.parse(body), headers)


def translation(endpoint: Endpoint, schema: str) -> Translate:
    """The translation for an endpoint on a schema.

    Raises:
        InvalidRequest: there is none.
    """
    found = TRANSLATIONS.get((endpoint.name, schema))
    if found is None:
        usable = sorted(known for name, known in TRANSLATIONS if name == endpoint.name)
        schemas = " or ".join(usable)
        raise InvalidRequest.at(
            "model", f"its backend speaks {schema}, which does not support {endpoint.name}; use a model on {schemas}"
        )
    return found


def error_shape(path: str) -> RenderError:
    """How errors are told to those who ask for a path, be there anything or not."""
    known = ENDPOINTS.get(path) or catalog_at(path)
    if known is not None:
        return known.render_error
    return anthropic_error if path.startswith("/anthropic/") else openai_error
