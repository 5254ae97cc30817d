"""The parts of a request that the model reads, and that count as input: history, tools, reasoning."""

from __future__ import annotations

import msgspec

from aigw_extproc.anthropic import messages
from aigw_extproc.bedrock.converse import ContentBlock, ToolConfiguration
from aigw_extproc.bedrock.families import Family
from aigw_extproc.translate.clients.messages import parameters, tools
from aigw_extproc.translate.clients.messages.content import ContentTranslator
from aigw_extproc.translate.clients.messages.history import names_in_history, translate_history
from aigw_extproc.translate.contract import MediaNeeded, Target
from aigw_extproc.translate.converse.conversation import Conversation
from aigw_extproc.translate.converse.reasoning import Reasoning, model_fields, off
from aigw_extproc.translate.converse.tool_names import ToolNames
from aigw_extproc.translate.converse.tools import Selection, serial_tool_choice, tool_configuration


class Prompt(msgspec.Struct, frozen=True, kw_only=True):
    """A prompt in Converse's words."""

    conversation: Conversation
    tool_config: ToolConfiguration | None
    thoughts: Reasoning
    fields: dict[str, object]
    """The model's own, so far."""
    names: ToolNames
    has_cache_points: bool


def translate_prompt(request: messages.CountTokensParams, target: Target, dropped: list[str]) -> Prompt:
    """Translate what the model reads.

    Raises:
        InvalidRequest: Bedrock does not support it; `param` names the field.
        MediaNeeded: images have to be fetched first.
    """
    family, content = target.family, ContentTranslator(target.family, target.fetched, dropped)
    offered, choice = tools.definitions(request, family, dropped), tools.choice(request)
    history = names_in_history(request.messages)
    names = ToolNames.of([*(definition.name for definition in offered), *history])
    as_text = choice.mode == "none" or not family.tools
    conversation = translate_history(request, names=names, family=family, content=content, tools_as_text=as_text)
    thoughts = _reasoning(request, conversation, family, dropped)
    selection = Selection(
        offered=offered,
        history=history,
        choice=choice,
        answer_tool=None,
        tools_known=family.tools,
        forcible=() if thoughts.on and not family.forced_while_reasoning else family.tool_choice,
    )
    tool_config = tool_configuration(selection, names, family, content.cache, dropped)
    _mark_last(request, conversation, content)
    fields = model_fields(thoughts, family, has_reasoning=conversation.has_reasoning)
    if tools.serially(request, selection):
        if family.serial_tools == "tool_choice":
            fields["tool_choice"] = serial_tool_choice(selection)
        else:
            dropped.append("tool_choice.disable_parallel_tool_use")
    if content.images.missing:
        raise MediaNeeded(tuple(dict.fromkeys(content.images.missing)))
    return Prompt(
        conversation=conversation,
        tool_config=tool_config,
        thoughts=thoughts,
        fields=fields,
        names=names,
        has_cache_points=content.cache.used,
    )


def _reasoning(
    request: messages.CountTokensParams, conversation: Conversation, family: Family, dropped: list[str]
) -> Reasoning:
    """Thinking cannot begin in the middle of a tool loop: Claude wants the thought that led to the call."""
    thoughts = parameters.reasoning(request, family, dropped)
    if thoughts.on and conversation.unsigned_calls and family.reasoning_history == "signed":
        dropped.append("thinking")
        return off(family, request.max_tokens)
    return thoughts


def _mark_last(request: messages.CountTokensParams, conversation: Conversation, content: ContentTranslator) -> None:
    """A mark on the whole request is one on the last block of it, unless that has its own."""
    last = conversation.messages[-1].content
    if request.cache_control is None or last[-1].cache_point is not None:
        return
    point = content.cache.after(last[-1], request.cache_control, "results" if last[-1].tool_result else "messages")
    if point is not None:
        last.append(ContentBlock(cache_point=point))
