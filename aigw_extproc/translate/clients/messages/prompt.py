"""The parts of a request that count as input: history, tools, reasoning."""

from __future__ import annotations

import msgspec

from aigw_extproc.anthropic import messages
from aigw_extproc.bedrock.converse import ContentBlock, ToolConfiguration
from aigw_extproc.bedrock.families import Family
from aigw_extproc.translate.clients.messages import tools
from aigw_extproc.translate.clients.messages.content import ContentTranslator
from aigw_extproc.translate.clients.messages.history import names_in_history, translate_history
from aigw_extproc.translate.clients.messages.parameters import translate_reasoning
from aigw_extproc.translate.contract import Target
from aigw_extproc.translate.converse.caching import CachePoints
from aigw_extproc.translate.converse.conversation import Conversation, forbids_reasoning
from aigw_extproc.translate.converse.reasoning import ReasoningSpec, model_fields, off
from aigw_extproc.translate.converse.tool_names import ToolNames
from aigw_extproc.translate.converse.tools import (
    Selection,
    forcible_choices,
    serial_fields,
    tool_configuration,
    tool_names,
    with_web_search,
)


class Prompt(msgspec.Struct, frozen=True, kw_only=True):
    """The translated input of a request."""

    conversation: Conversation
    tool_config: ToolConfiguration | None
    reasoning: ReasoningSpec
    fields: dict[str, object]
    """The model's own fields for reasoning and tools."""
    names: ToolNames
    cache: CachePoints


def translate_prompt(request: messages.CountTokensParams, target: Target, dropped: list[str]) -> Prompt:
    """Translate the input of a request.

    Raises:
        InvalidRequest: Bedrock does not support it; `param` names the field.
        MediaNeeded: images have to be fetched first.
    """
    family, content = target.family, ContentTranslator(target.family, target.fetched, dropped)
    offered, choice = tools.definitions(request, family, dropped), tools.choice(request)
    history = names_in_history(request.messages)
    names = tool_names(offered, history, family)
    as_text = choice.mode == "none" or not family.tools
    conversation = translate_history(request, names=names, family=family, content=content, tools_as_text=as_text)
    reasoning = _reasoning(request, conversation, family, dropped)
    selection = Selection(
        offered=offered,
        history=history,
        choice=choice,
        answer_tool=None,
        tools_known=family.tools,
        forcible=forcible_choices(family, reasons=reasoning.on),
    )
    tool_config = tool_configuration(selection, names, family, content.cache, dropped)
    if family.web_search and any(map(tools.is_web_search, request.tools or ())):
        tool_config = with_web_search(tool_config, family)
    _mark_last(request, conversation, content.cache)
    fields = model_fields(reasoning, family, has_reasoning=conversation.has_reasoning)
    if request.tool_choice is not None and request.tool_choice.disable_parallel_tool_use:
        fields |= serial_fields(selection, family, "tool_choice.disable_parallel_tool_use", dropped)
    content.images.require_fetched()
    return Prompt(
        conversation=conversation,
        tool_config=tool_config,
        reasoning=reasoning,
        fields=fields,
        names=names,
        cache=content.cache,
    )


def _reasoning(
    request: messages.CountTokensParams, conversation: Conversation, family: Family, dropped: list[str]
) -> ReasoningSpec:
    reasoning = translate_reasoning(request, family, dropped)
    if reasoning.on and forbids_reasoning(conversation, family):
        dropped.append("thinking")
        return off(family, request.max_tokens)
    return reasoning


def _mark_last(request: messages.CountTokensParams, conversation: Conversation, cache: CachePoints) -> None:
    """Add the request's cache mark after its last block, unless the block has a cache point."""
    last = conversation.messages[-1].content
    if request.cache_control is None or last[-1].cache_point is not None:
        return
    point = cache.after(last[-1], request.cache_control, "results" if last[-1].tool_result else "messages")
    if point is not None:
        last.append(ContentBlock(cache_point=point))
