"""The endpoints, and the translation that serves an endpoint on a backend's schema.

Adding a pair is adding a client or a carrier, and a line to `TRANSLATIONS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import msgspec

from aigw_extproc.anthropic import messages as messages_api
from aigw_extproc.anthropic.errors import render as anthropic_error
from aigw_extproc.errors import GatewayError, InvalidRequest
from aigw_extproc.openai import chat as chat_api
from aigw_extproc.openai import completions as completions_api
from aigw_extproc.openai import embeddings as embeddings_api
from aigw_extproc.openai import images as images_api
from aigw_extproc.openai import rerank as rerank_api
from aigw_extproc.openai import responses as responses_api
from aigw_extproc.openai import tokenize as tokenize_api
from aigw_extproc.openai.errors import render as openai_error
from aigw_extproc.translate import anthropic_passthrough, openai_passthrough
from aigw_extproc.translate.carriers import anthropic, converse, count_tokens
from aigw_extproc.translate.clients import chat, completions, messages, responses
from aigw_extproc.translate.clients.models import model_list_at
from aigw_extproc.translate.contract import Target, UpstreamRequest
from aigw_extproc.translate.converse.automatic_caching import add_cache_points
from aigw_extproc.translate.converse.conversed import Conversed
from aigw_extproc.translate.invoke import embeddings, images, rerank
from aigw_extproc.wire import split_fault

Headers = Mapping[str, str]
"""Request headers by lower-case name."""
RenderError = Callable[[GatewayError, str | None], bytes]
"""Renders an error, with the request's id, in the client's format."""

ParsedRequest = Callable[[Target], UpstreamRequest]
"""A client's request, ready to be translated. Raises InvalidRequest, or MediaNeeded."""
Translation = Callable[[bytes, Headers], ParsedRequest]
"""Parses a request's body and headers. Raises InvalidRequest."""

Request = TypeVar("Request")
Parse = Callable[[bytes, Headers], Request]
Carry = Callable[[Conversed, Target], UpstreamRequest]


def _direct(parse: Parse[Request], translate: Callable[[Request, Target], UpstreamRequest]) -> Translation:
    """Return a translation that needs no Converse request."""

    def parsed(body: bytes, headers: Headers) -> ParsedRequest:
        request = parse(body, headers)
        return lambda target: _valid(translate, request, target)

    return parsed


def _valid(
    translate: Callable[[Request, Target], UpstreamRequest], request: Request, target: Target
) -> UpstreamRequest:
    """Translate a request, parts of which are decoded only now: schemas, a model's own fields."""
    try:
        return translate(request, target)
    except msgspec.DecodeError as error:
        fault, _ = split_fault(str(error))
        raise InvalidRequest(f"a value in the request body cannot be read: {fault}") from None
    except RecursionError:
        raise InvalidRequest("the request body is nested too deeply") from None


def _carried(parse: Parse[Request], to_converse: Callable[[Request, Target], Conversed], carry: Carry) -> Translation:
    """Return the translation of a client's request to Converse, sent by a carrier."""

    def translate(request: Request, target: Target) -> UpstreamRequest:
        conversed = to_converse(request, target)
        if target.cache_points:
            add_cache_points(conversed.request, target.cache_points, target.family)
        return carry(conversed, target)

    return _direct(parse, translate)


def _body(parse: Callable[[bytes], Request]) -> Parse[Request]:
    """Return a parser that ignores the headers."""
    return lambda body, _headers: parse(body)


def _messages(body: bytes, headers: Headers) -> messages_api.MessagesRequest:
    return messages_api.with_headers(messages_api.parse(body), headers)


def _passed(path: str) -> Translation:
    return _direct(_body(openai_passthrough.parse), openai_passthrough.to(path))


_count_messages = partial(count_tokens.carry, answer=count_tokens.MESSAGES)
_count_passed = partial(anthropic_passthrough.translate_count, answer=count_tokens.MESSAGES)
_count_response = partial(count_tokens.carry, answer=count_tokens.RESPONSES)
_count_for_vllm = partial(count_tokens.carry, answer=count_tokens.VLLM)
_chat, _responses = _body(chat_api.parse), _body(responses_api.parse)
_completions, _tokenize = _body(completions_api.parse), _body(tokenize_api.parse)

TRANSLATIONS: dict[tuple[str, str], Translation] = {
    # Clients by carriers
    ("chat", "AWSBedrock"): _carried(_chat, chat.to_converse, converse.carry),
    ("chat", "AWSAnthropic"): _carried(_chat, chat.to_converse, anthropic.carry),
    ("responses", "AWSBedrock"): _carried(_responses, responses.to_converse, converse.carry),
    ("responses", "AWSAnthropic"): _carried(_responses, responses.to_converse, anthropic.carry),
    ("input_tokens", "AWSBedrock"): _carried(_responses, responses.to_counted, _count_response),
    ("input_tokens", "AWSAnthropic"): _carried(_responses, responses.to_counted, _count_response),
    ("completions", "AWSBedrock"): _carried(_completions, completions.to_converse, converse.carry),
    ("messages", "AWSBedrock"): _carried(_messages, messages.to_converse, converse.carry),
    ("count_tokens", "AWSBedrock"): _carried(_messages, messages.to_counted, _count_messages),
    ("tokenize", "AWSBedrock"): _carried(_tokenize, chat.to_converse, _count_for_vllm),
    ("tokenize", "AWSAnthropic"): _carried(_tokenize, chat.to_converse, _count_for_vllm),
    # The backend's API is the client's
    ("messages", "AWSAnthropic"): _direct(_messages, anthropic_passthrough.translate_request),
    ("count_tokens", "AWSAnthropic"): _direct(_messages, _count_passed),
    ("chat", "OpenAI"): _passed("/chat/completions"),
    ("completions", "OpenAI"): _passed("/completions"),
    ("embeddings", "OpenAI"): _passed("/embeddings"),
    ("images", "OpenAI"): _passed("/images/generations"),
    ("responses", "OpenAI"): _passed("/responses"),
    ("input_tokens", "OpenAI"): _passed("/responses/input_tokens"),
    ("rerank", "OpenAI"): _passed("/rerank"),
    # Bodies of the model's own
    ("embeddings", "AWSBedrock"): _direct(_body(embeddings_api.parse), embeddings.translate_request),
    ("images", "AWSBedrock"): _direct(_body(images_api.parse), images.translate_request),
    ("rerank", "AWSBedrock"): _direct(_body(rerank_api.parse), rerank.translate_request),
}
"""By endpoint name and the backend's schema."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A path that clients post to."""

    name: str
    """`gen_ai.operation.name` in metrics."""
    render_error: RenderError = openai_error


_MESSAGES = Endpoint(name="messages", render_error=anthropic_error)
_COUNT_TOKENS = Endpoint(name="count_tokens", render_error=anthropic_error)

ENDPOINTS: dict[str, Endpoint] = {
    "/v1/chat/completions": Endpoint(name="chat"),
    "/v1/messages": _MESSAGES,
    "/v1/messages/count_tokens": _COUNT_TOKENS,
    "/anthropic/v1/messages": _MESSAGES,
    "/anthropic/v1/messages/count_tokens": _COUNT_TOKENS,
    "/v1/completions": Endpoint(name="completions"),
    "/v1/responses": Endpoint(name="responses"),
    "/v1/responses/input_tokens": Endpoint(name="input_tokens"),
    "/v1/embeddings": Endpoint(name="embeddings"),
    "/v1/images/generations": Endpoint(name="images"),
    "/v1/rerank": Endpoint(name="rerank"),
    "/cohere/v2/rerank": Endpoint(name="rerank"),
    "/tokenize": Endpoint(name="tokenize"),
}
"""By path, without the query."""


def parse(endpoint: Endpoint, schema: str, body: bytes, headers: Headers) -> ParsedRequest:
    """Parse a request for the translation of an endpoint on a schema.

    Raises:
        InvalidRequest: there is no such translation, or the body is not valid for it.
    """
    translation = TRANSLATIONS.get((endpoint.name, schema))
    if translation is None:
        schemas = " or ".join(sorted(known for name, known in TRANSLATIONS if name == endpoint.name))
        raise InvalidRequest.at(
            "model", f"its backend speaks {schema}, which does not support {endpoint.name}; use a model on {schemas}"
        )
    return translation(body, headers)


def error_format(path: str, headers: Headers) -> RenderError:
    """Return how errors are rendered for a path, whether it exists or not."""
    known = ENDPOINTS.get(path) or model_list_at(path, headers)
    if known is not None:
        return known.render_error
    return anthropic_error if path.startswith("/anthropic/") else openai_error
