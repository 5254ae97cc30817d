"""Messages request → the body of InvokeModel: the same, but for fields that Bedrock has elsewhere.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages-request-response.html
"""

from __future__ import annotations

from base64 import b64encode

import msgspec

from aigw_extproc.anthropic import messages
from aigw_extproc.bedrock import eventstream
from aigw_extproc.bedrock.counting import count_tokens_path
from aigw_extproc.bedrock.invoke import anthropic_version, invoke_path
from aigw_extproc.translate.anthropic.betas import accepted_betas
from aigw_extproc.translate.anthropic_passthrough.answer import AnthropicPassthroughAnswer
from aigw_extproc.translate.contract import Answer, Target, UpstreamRequest

ELSEWHERE = frozenset({"model", "stream", "anthropic_beta", "anthropic_version"})
"""Fields that are in the path on Bedrock, or are set by the gateway."""
NOT_ON_BEDROCK = frozenset({"service_tier", "inference_geo", "mcp_servers", "speed", "diagnostics"})
"""Fields of Anthropic's own service that Bedrock refuses."""
FIELDS_OF_BETAS = {"context_management": "context-management-2025-06-27"}
"""Fields that Bedrock refuses without their beta."""

_encode = msgspec.json.Encoder().encode


class _Thinking(msgspec.Struct, frozen=True):
    budget_tokens: int | None = None


_THINKING = msgspec.json.Decoder(_Thinking)


def translate_request(request: messages.MessagesRequest, target: Target) -> UpstreamRequest:
    """Move a request to create a message into InvokeModel; what the model reads is not changed.

    `target.schema.version` is the body's `anthropic_version`.

    Raises:
        InvalidRequest: the body is not a JSON object.
    """
    dropped: list[str] = []
    body, stream = _body(request, target, dropped), bool(request.stream)
    return UpstreamRequest(
        path=invoke_path(target.model, stream=stream),
        body=_encode(body),
        accept=eventstream.CONTENT_TYPE if stream else "application/json",
        stream=stream,
        dropped=tuple(dropped),
        answer=AnthropicPassthroughAnswer(),
    )


def translate_count(request: messages.MessagesRequest, target: Target, *, answer: Answer) -> UpstreamRequest:
    """Move a request to count tokens into CountTokens. Raises InvalidRequest as `translate_request` does."""
    dropped: list[str] = []
    body = _body(request, target, dropped)
    body.setdefault("max_tokens", _least_limit(body.get("thinking")))
    invocation = {"body": b64encode(_encode(body)).decode()}
    return UpstreamRequest(
        path=count_tokens_path(target.model),
        body=_encode({"input": {"invokeModel": invocation}}),
        accept="application/json",
        stream=False,
        dropped=tuple(dropped),
        answer=answer,
    )


def _body(request: messages.MessagesRequest, target: Target, dropped: list[str]) -> dict[str, object]:
    fields = messages.fields(request)
    betas = accepted_betas(request.betas, target.family.invoke_betas, dropped)
    unknown = NOT_ON_BEDROCK | {field for field, beta in FIELDS_OF_BETAS.items() if beta not in betas}
    dropped += [name for name in fields if name in unknown]
    kept: dict[str, object] = {
        name: value for name, value in fields.items() if name not in ELSEWHERE and name not in unknown
    }
    version: dict[str, object] = {"anthropic_version": anthropic_version(target.schema.version)}
    return version | ({"anthropic_beta": betas} if betas else {}) | kept


def _least_limit(thinking: object) -> int:
    """Return a limit: the body must have one, and it must exceed a budget of thinking; it does not affect the count."""
    try:
        budget = _THINKING.decode(thinking).budget_tokens if isinstance(thinking, msgspec.Raw) else None
    except msgspec.MsgspecError:
        budget = None
    return (budget or 0) + 1
