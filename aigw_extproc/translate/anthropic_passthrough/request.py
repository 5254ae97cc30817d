"""Messages request → the body of InvokeModel: the same, but for what Bedrock says elsewhere.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages-request-response.html
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping

import msgspec

from aigw_extproc.anthropic import messages
from aigw_extproc.bedrock.counting import count_tokens_path
from aigw_extproc.bedrock.families import Family
from aigw_extproc.bedrock.invoke import anthropic_version, invoke_path
from aigw_extproc.config.snapshot import Schema
from aigw_extproc.translate.anthropic.betas import accepted
from aigw_extproc.translate.anthropic_passthrough.answer import MessagesAnswer
from aigw_extproc.translate.carriers.count_tokens import CountAnswer
from aigw_extproc.translate.contract import Fetched, UpstreamRequest

ELSEWHERE = frozenset({"model", "stream", "anthropic_beta", "anthropic_version"})
"""Fields that are in the path on Bedrock, or are set anew."""
NOT_ON_BEDROCK = frozenset({"service_tier", "inference_geo", "container", "mcp_servers", "speed", "diagnostics"})
"""Fields that Anthropic's own service takes, and for which Bedrock would refuse the request."""
FIELDS_OF_BETAS = {"context_management": "context-management-2025-06-27"}
"""Fields that are refused without their beta."""

_encode = msgspec.json.Encoder().encode
_NOTHING_FETCHED: Mapping[str, Fetched] = {}
_SCHEMA = Schema(name="AWSAnthropic")


class _Thinking(msgspec.Struct, frozen=True):
    budget_tokens: int | None = None


_THINKING = msgspec.json.Decoder(_Thinking)


def translate_request(
    request: messages.MessagesRequest,
    *,
    model: str,
    family: Family,
    schema: Schema = _SCHEMA,
    fetched: Mapping[str, Fetched] = _NOTHING_FETCHED,
) -> UpstreamRequest:
    """Moves a request to create a message into InvokeModel; what the client says to the model stays as it is.

    `schema.version` is the body's `anthropic_version`.

    Raises:
        InvalidRequest: the body is not a JSON object.
    """
    dropped: list[str] = []
    body, stream = _body(request, family, schema, dropped), bool(request.stream)
    return UpstreamRequest(
        path=invoke_path(model, stream=stream),
        body=_encode(body),
        accept="application/vnd.amazon.eventstream" if stream else "application/json",
        stream=stream,
        dropped=tuple(dropped),
        answer=MessagesAnswer(),
    )


def translate_count(
    request: messages.MessagesRequest,
    *,
    model: str,
    family: Family,
    schema: Schema = _SCHEMA,
    fetched: Mapping[str, Fetched] = _NOTHING_FETCHED,
) -> UpstreamRequest:
    """Moves a request to count tokens into CountTokens. Raises InvalidRequest as `translate_request` does."""
    dropped: list[str] = []
    body = _body(request, family, schema, dropped)
    body.setdefault("max_tokens", _least_limit(body.get("thinking")))
    invocation = {"body": b64encode(_encode(body)).decode()}
    return UpstreamRequest(
        path=count_tokens_path(model),
        body=_encode({"input": {"invokeModel": invocation}}),
        accept="application/json",
        stream=False,
        dropped=tuple(dropped),
        answer=CountAnswer(member="input_tokens"),
    )


def _body(request: messages.MessagesRequest, family: Family, schema: Schema, dropped: list[str]) -> dict[str, object]:
    fields = messages.fields(request)
    betas = accepted(request.betas, family.invoke_betas, dropped)
    unknown = NOT_ON_BEDROCK | {field for field, beta in FIELDS_OF_BETAS.items() if beta not in betas}
    dropped += [name for name in fields if name in unknown]
    kept: dict[str, object] = {
        name: value for name, value in fields.items() if name not in ELSEWHERE and name not in unknown
    }
    version: dict[str, object] = {"anthropic_version": anthropic_version(schema.version)}
    return version | ({"anthropic_beta": betas} if betas else {}) | kept


def _least_limit(thinking: object) -> int:
    """The body has to have a limit, which counts for nothing here but has to be above a budget of thinking."""
    try:
        budget = _THINKING.decode(thinking).budget_tokens if isinstance(thinking, msgspec.Raw) else None
    except msgspec.MsgspecError:
        budget = None
    return (budget or 0) + 1
