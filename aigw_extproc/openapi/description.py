"""The document: every endpoint with its requests, responses and errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from aigw_extproc.anthropic import message as anthropic_message
from aigw_extproc.anthropic import messages
from aigw_extproc.anthropic import models as anthropic_models
from aigw_extproc.openai import (
    chat,
    completion,
    completions,
    embeddings,
    images,
    rerank,
    responses,
    tokenize,
)
from aigw_extproc.openai import models as openai_models
from aigw_extproc.openapi.schemas import Schema, Schemas

VERSION: Final = "3.1.1"

_TEXT: Final[Schema] = {"type": "string"}
_NULLABLE: Final[Schema] = {"type": ["string", "null"]}
_COUNT: Final[Schema] = {"type": "integer", "minimum": 0}


def _object(*, required: tuple[str, ...] | None = None, **properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(required or properties)}


_OPENAI_ERROR: Final = _object(error=_object(message=_TEXT, type=_TEXT, param=_NULLABLE, code=_NULLABLE))
_ANTHROPIC_ERROR: Final = _object(
    type={"const": "error"},
    error=_object(required=("type", "message"), type=_TEXT, message=_TEXT, details={}),
    request_id=_NULLABLE,
)
_RESPONSE: Final = _object(
    id=_TEXT,
    object={"const": "response"},
    created_at={"type": "integer"},
    status={"enum": ["completed", "incomplete", "failed"]},
    model=_TEXT,
    output={"type": "array", "items": _object(required=("type",), type=_TEXT)},
)


@dataclass(frozen=True, kw_only=True)
class Operation:
    """What clients send to a path, and what they get from it."""

    summary: str
    response: Schema | tuple[object, ...]
    """A schema, or types."""
    request: tuple[object, ...] = ()
    """Types of the body, if there is one."""
    stream: str | None = None
    """What the events of a stream are."""
    anthropic: bool = False
    """Errors have Anthropic's format."""
    query: tuple[str, ...] = ()


_MESSAGES = Operation(
    summary="Create a message.",
    request=(messages.CreateParams,),
    response=(anthropic_message.Message,),
    stream="Anthropic's events: message_start, content_block_delta, message_delta, message_stop and others",
    anthropic=True,
)
_COUNT_TOKENS = Operation(
    summary="Count the input tokens of a message.",
    request=(messages.CountTokensParams,),
    response=_object(input_tokens=_COUNT),
    anthropic=True,
)
_RERANK = Operation(
    summary="Rank documents by relevance.", request=(rerank.RerankRequest,), response=(rerank.RerankResponse,)
)

POST: Final[Mapping[str, Operation]] = {
    "/v1/chat/completions": Operation(
        summary="Create a chat completion.",
        request=(chat.ChatRequest,),
        response=(completion.ChatCompletion,),
        stream="chunks of the completion, and [DONE] at the end",
    ),
    "/v1/responses": Operation(
        summary="Create a response.",
        request=(responses.ResponsesRequest,),
        response=_RESPONSE,
        stream="OpenAI's events: response.created, response.output_text.delta, response.completed and others",
    ),
    "/v1/responses/input_tokens": Operation(
        summary="Count the input tokens of a response.",
        request=(responses.ResponsesRequest,),
        response=_object(object={"const": "response.input_tokens"}, input_tokens=_COUNT),
    ),
    "/v1/messages": _MESSAGES,
    "/v1/messages/count_tokens": _COUNT_TOKENS,
    "/anthropic/v1/messages": _MESSAGES,
    "/anthropic/v1/messages/count_tokens": _COUNT_TOKENS,
    "/v1/completions": Operation(
        summary="Complete a text (legacy).",
        request=(completions.CompletionRequest,),
        response=(completions.Completion,),
        stream="pieces of the completion, and [DONE] at the end",
    ),
    "/v1/embeddings": Operation(
        summary="Embed texts.", request=(embeddings.EmbeddingsRequest,), response=(embeddings.EmbeddingList,)
    ),
    "/v1/images/generations": Operation(
        summary="Generate images.", request=(images.ImagesRequest,), response=(images.ImagesResponse,)
    ),
    "/v1/rerank": _RERANK,
    "/cohere/v2/rerank": _RERANK,
    "/tokenize": Operation(
        summary="Count the tokens of a prompt or a conversation, as vLLM does.",
        request=(tokenize.Prompt, chat.ChatRequest),
        response=_object(count=_COUNT, max_model_len=_COUNT, tokens={"type": "null"}),
    ),
}
"""By path."""

_OPENAI_LIST: Final = _object(object={"const": "list"}, data={"type": "array", "items": {}})
_ANTHROPIC_LIST: Final = _object(
    data={"type": "array", "items": {}}, has_more={"type": "boolean"}, first_id=_NULLABLE, last_id=_NULLABLE
)
_PAGE: Final = tuple(anthropic_models.Page.__struct_fields__)

GET: Final[Mapping[str, Operation]] = {
    "/v1/models": Operation(
        summary="List the models; in Anthropic's format with the header anthropic-version.",
        response={"anyOf": [_OPENAI_LIST, _ANTHROPIC_LIST]},
        query=_PAGE,
    ),
    "/v1/models/{id}": Operation(
        summary="Get a model; in Anthropic's format with the header anthropic-version.",
        response=(openai_models.Model, anthropic_models.Model),
    ),
    "/anthropic/v1/models": Operation(
        summary="List the models in Anthropic's format.", response=_ANTHROPIC_LIST, anthropic=True, query=_PAGE
    ),
    "/anthropic/v1/models/{id}": Operation(
        summary="Get a model in Anthropic's format.", response=(anthropic_models.Model,), anthropic=True
    ),
    "/v1/responses/{id}": Operation(
        summary="Get a stored response; only where the gateway has a store.", response=_RESPONSE
    ),
}
"""By path."""

DELETE: Final[Mapping[str, Operation]] = {
    "/v1/responses/{id}": Operation(
        summary="Delete a stored response; only where the gateway has a store.",
        response=_object(id=_TEXT, object={"const": "response"}, deleted={"const": True}),
    ),
}
"""By path."""

_HEADERS: Final[Schema] = {
    "x-request-id": {"description": "The gateway's id of the request.", "schema": _TEXT},
    "x-amzn-requestid": {"description": "Bedrock's id of the request.", "schema": _TEXT},
    "x-aigw-dropped-params": {"description": "Parameters that Bedrock does not have.", "schema": _TEXT},
}


def describe(version: str) -> Schema:
    """Return the OpenAPI description of the gateway; `version` is the product's."""
    schemas = Schemas()
    paths: dict[str, Schema] = {}
    for method, operations in (("post", POST), ("get", GET), ("delete", DELETE)):
        for path, operation in operations.items():
            paths.setdefault(path, {})[method] = _operation(operation, path, schemas)
    errors = {"OpenAIError": _OPENAI_ERROR, "AnthropicError": _ANTHROPIC_ERROR}
    return {
        "openapi": VERSION,
        "info": {
            "title": "aigw-extproc",
            "version": version,
            "description": "OpenAI's and Anthropic's APIs on AWS Bedrock. Undeclared members of a request are dropped,"
            " and named in x-aigw-dropped-params.",
        },
        "paths": paths,
        "security": [{}, {"bearer": []}, {"x-api-key": []}],
        "components": {
            "schemas": {**errors, **schemas.components},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "x-api-key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
            },
        },
    }


def _operation(operation: Operation, path: str, schemas: Schemas) -> Schema:
    described: Schema = {"summary": operation.summary, "responses": _responses(operation, schemas)}
    if operation.request:
        content = {"application/json": {"schema": schemas.of(*operation.request)}}
        described["requestBody"] = {"required": True, "content": content}
    parameters: list[Schema] = [{"name": name, "in": "query", "schema": {}} for name in operation.query]
    if path.endswith("{id}"):
        parameters.append({"name": "id", "in": "path", "required": True, "schema": _TEXT})
    return described | ({"parameters": parameters} if parameters else {})


def _responses(operation: Operation, schemas: Schemas) -> Schema:
    response = operation.response
    content: Schema = {
        "application/json": {"schema": response if isinstance(response, dict) else schemas.of(*response)}
    }
    if operation.stream is not None:
        events = {"type": "string", "description": operation.stream}
        content["text/event-stream"] = {"schema": events}
    error = {"$ref": f"#/components/schemas/{'AnthropicError' if operation.anthropic else 'OpenAIError'}"}
    failed = {"description": "An error.", "headers": _HEADERS, "content": {"application/json": {"schema": error}}}
    return {
        "200": {"description": "Success.", "headers": _HEADERS, "content": content},
        "4XX": failed,
        "5XX": failed,
    }
