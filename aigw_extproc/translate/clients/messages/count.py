"""Request to count tokens → CountTokens.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_CountTokens.html
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from aigw_extproc.anthropic import messages
from aigw_extproc.bedrock import converse
from aigw_extproc.bedrock.counting import count_tokens_path
from aigw_extproc.bedrock.families import Family
from aigw_extproc.config.snapshot import Schema
from aigw_extproc.errors import InvalidRequest
from aigw_extproc.translate.anthropic.betas import accepted
from aigw_extproc.translate.carriers.count_tokens import CountAnswer
from aigw_extproc.translate.clients.messages.prompt import translate_prompt
from aigw_extproc.translate.contract import Fetched, MediaNeeded, UpstreamRequest
from aigw_extproc.translate.converse.caching import within_limits
from aigw_extproc.translate.converse.conversation import with_system

_encode = msgspec.json.Encoder().encode
_NOTHING_FETCHED: Mapping[str, Fetched] = {}
_SCHEMA = Schema(name="AWSBedrock")


def translate_count(
    request: messages.MessagesRequest,
    *,
    model: str,
    family: Family,
    schema: Schema = _SCHEMA,
    fetched: Mapping[str, Fetched] = _NOTHING_FETCHED,
) -> UpstreamRequest:
    """Translates a request to count tokens; the same is counted that `translate_request` would have the model read.

    Raises:
        InvalidRequest: the request means something that Bedrock cannot be told; `param` names the field.
        MediaNeeded: images have to be fetched first.
    """
    try:
        return _upstream(request, model, family, fetched)
    except RecursionError:
        raise InvalidRequest("the request body is nested too deeply") from None


def _upstream(
    request: messages.MessagesRequest, model: str, family: Family, fetched: Mapping[str, Fetched]
) -> UpstreamRequest:
    dropped: list[str] = []
    prompt = translate_prompt(messages.counted(request), family, fetched, dropped)
    if prompt.missing:
        raise MediaNeeded(prompt.missing)
    betas = accepted(request.betas, family.converse_betas, dropped, given=prompt.fields.get("anthropic_beta"))
    told = with_system(prompt.conversation, None, family)
    body = converse.ConverseRequest(
        messages=told.messages,
        system=told.system or None,
        tool_config=prompt.tool_config,
        additional_model_request_fields=(prompt.fields | ({"anthropic_beta": betas} if betas else {})) or None,
    )
    if prompt.has_cache_points and not within_limits(body):
        dropped.append("cache_control")
    return UpstreamRequest(
        path=count_tokens_path(model),
        body=_encode({"input": {"converse": body}}),
        accept="application/json",
        stream=False,
        dropped=tuple(dict.fromkeys(dropped)),
        answer=CountAnswer(member="input_tokens"),
    )
