"""Messages request → the body of InvokeModel: the same, but for what Bedrock's strict body does not know.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages-request-response.html
"""

from __future__ import annotations

from base64 import b64encode

import msgspec

from aigw_extproc.anthropic import messages
from aigw_extproc.bedrock import eventstream
from aigw_extproc.bedrock.counting import count_tokens_path
from aigw_extproc.bedrock.families import Family
from aigw_extproc.bedrock.invoke import invoke_path, metadata_headers
from aigw_extproc.translate.anthropic.betas import accepted_betas
from aigw_extproc.translate.anthropic_passthrough.answer import AnthropicPassthroughAnswer
from aigw_extproc.translate.anthropic_passthrough.automatic_caching import add_cache_marks
from aigw_extproc.translate.anthropic_passthrough.body import strict_body
from aigw_extproc.translate.anthropic_passthrough.members import Strict
from aigw_extproc.translate.contract import Answer, Target, UpstreamRequest
from aigw_extproc.translate.converse.images import Images
from aigw_extproc.translate.converse.metadata import of_user

LATEST = Family(strict_tools=True, structured_output=True, reasoning="adaptive")
"""What an unknown model is taken for, such as one that has only an ARN: Bedrock decides."""

_encode = msgspec.json.Encoder().encode


class _Thinking(msgspec.Struct, frozen=True):
    budget_tokens: int | None = None


_METADATA = msgspec.json.Decoder(messages.Metadata)
_THINKING = msgspec.json.Decoder(_Thinking)


def translate_request(request: messages.MessagesRequest, target: Target) -> UpstreamRequest:
    """Move a request to create a message into InvokeModel; what the model reads is not changed.

    `target.schema.version` is the body's `anthropic_version`.

    Raises:
        InvalidRequest: Bedrock cannot serve the request; `param` names the field.
        MediaNeeded: images have to be fetched first.
    """
    strict, stream = _strict(request, target), bool(request.stream)
    body = strict_body(request, target, strict)
    if target.cache_points:
        add_cache_marks(body, target.cache_points, strict)
    return UpstreamRequest(
        path=invoke_path(target.model, stream=stream),
        body=_encode(body),
        accept=eventstream.CONTENT_TYPE if stream else "application/json",
        headers=_metadata(messages.fields(request).get("metadata")),
        stream=stream,
        may_pause="tools" in body or "thinking" in body or bool(target.family.reasoning_off),
        dropped=tuple(strict.dropped),
        answer=AnthropicPassthroughAnswer(aliases=strict.aliases),
    )


def translate_count(request: messages.MessagesRequest, target: Target, *, answer: Answer) -> UpstreamRequest:
    """Move a request to count tokens into CountTokens. Raises as `translate_request` does."""
    strict = _strict(request, target)
    body = strict_body(request, target, strict)
    body.setdefault("max_tokens", _least_limit(body.get("thinking")))
    invocation = {"body": b64encode(_encode(body)).decode()}
    return UpstreamRequest(
        path=count_tokens_path(target.model),
        body=_encode({"input": {"invokeModel": invocation}}),
        accept="application/json",
        stream=False,
        dropped=tuple(strict.dropped),
        answer=answer,
    )


def _strict(request: messages.MessagesRequest, target: Target) -> Strict:
    dropped: list[str] = []
    betas = accepted_betas(request.betas, target.family.invoke_betas, dropped)
    family = LATEST if target.family == Family() else target.family
    return Strict(family=family, betas=betas, dropped=dropped, images=Images(target.fetched))


def _metadata(metadata: object) -> tuple[tuple[str, str], ...]:
    """Return the header that names the user in Bedrock's invocation log, if anything of its id may stand there."""
    try:
        user_id = _METADATA.decode(metadata).user_id if isinstance(metadata, msgspec.Raw) else None
    except msgspec.MsgspecError:
        user_id = None
    return metadata_headers(of_user(user_id or ""))


def _least_limit(thinking: object) -> int:
    """Return a limit: the body must have one, and it must exceed a budget of thinking; it does not affect the count."""
    try:
        budget = _THINKING.decode(thinking).budget_tokens if isinstance(thinking, msgspec.Raw) else None
    except msgspec.MsgspecError:
        budget = None
    return (budget or 0) + 1
