"""Chat completion request → Converse request.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from aigw_extproc.bedrock import converse
from aigw_extproc.bedrock.families import Family
from aigw_extproc.errors import InvalidRequest
from aigw_extproc.openai import chat
from aigw_extproc.translate.chat_converse import tools
from aigw_extproc.translate.chat_converse.answer import ChatAnswer
from aigw_extproc.translate.chat_converse.messages import names_in_history, translate_messages
from aigw_extproc.translate.chat_converse.tool_names import ToolNames
from aigw_extproc.translate.contract import UpstreamRequest

SERVICE_TIERS = frozenset({"default", "flex", "priority", "reserved"})
MAX_REQUEST_METADATA = 16

# Values that ask for nothing: leaving them out is no loss worth reporting.
_DEFAULTS = {
    "logprobs": b"false",
    "store": b"false",
    "frequency_penalty": b"0",
    "presence_penalty": b"0",
    "logit_bias": b"{}",
    "modalities": b'["text"]',
    "response_format": b'{"type":"text"}',
}

# https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html, requestMetadata
_METADATA_KEY = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,.-]{1,256}\Z")
_METADATA_VALUE = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,.-]{0,256}\Z")

_encode = msgspec.json.Encoder().encode


def translate_request(request: chat.ChatRequest, *, model: str, family: Family) -> UpstreamRequest:
    """Translates a parsed chat completion request, which is left as it is.

    `model` is the id that Bedrock is asked for; `request.model` the name under which the client knows it.

    Raises:
        InvalidRequest: the request means something that Bedrock cannot be told; `param` names the field.
    """
    if request.n is not None and request.n != 1:
        raise InvalidRequest(f"n: Bedrock answers with one choice, got {request.n}", param="n")
    dropped: list[str] = list(_unknown(request))
    offered, choice = tools.definitions(request), tools.choice(request)
    history = names_in_history(request.messages)
    names = ToolNames.of([*(function.name for _, function in offered), *history])
    conversation = translate_messages(request.messages, names=names, family=family, tools_as_text=choice.mode == "none")
    body = converse.ConverseRequest(
        messages=conversation.messages,
        system=conversation.system or None,
        inference_config=_inference_configuration(request, family, dropped),
        tool_config=_tool_configuration(offered, choice, history, names, family, dropped),
        additional_model_request_fields=_model_fields(request, choice, names, family, dropped),
        request_metadata=_request_metadata(request, dropped),
        service_tier=_service_tier(request, dropped),
    )
    stream = bool(request.stream)
    options = request.stream_options
    return UpstreamRequest(
        path=converse.converse_path(model, stream=stream),
        body=_encode(body),
        accept="application/vnd.amazon.eventstream" if stream else "application/json",
        stream=stream,
        dropped=tuple(dict.fromkeys(dropped)),
        answer=ChatAnswer(
            model=request.model,
            names=names,
            include_usage=bool(options is not None and options.include_usage),
        ),
    )


def _unknown(request: chat.ChatRequest) -> Iterator[str]:
    """Fields without a counterpart, unless they are null or ask for what happens anyway."""
    for name, value in request.others.items():
        raw = bytes(value)
        if raw not in {b"null", _DEFAULTS.get(name)}:
            yield name


def _inference_configuration(
    request: chat.ChatRequest, family: Family, dropped: list[str]
) -> converse.InferenceConfiguration | None:
    temperature = _unit_interval("temperature", request.temperature, dropped)
    top_p = _unit_interval("top_p", request.top_p, dropped)
    if not family.sampling:
        dropped += [name for name, value in (("temperature", temperature), ("top_p", top_p)) if value is not None]
        temperature = top_p = None
    if temperature is not None and top_p is not None and not family.sampling_together:
        dropped.append("top_p")
        top_p = None
    configuration = converse.InferenceConfiguration(
        max_tokens=_max_tokens(request),
        temperature=temperature,
        top_p=top_p,
        stop_sequences=_stop_sequences(request, dropped),
    )
    return None if configuration == converse.InferenceConfiguration() else configuration


def _max_tokens(request: chat.ChatRequest) -> int | None:
    for name in ("max_completion_tokens", "max_tokens"):
        value: int | None = getattr(request, name)
        if value is not None:
            if value < 1:
                raise InvalidRequest(f"{name}: has to be at least 1, got {value}", param=name)
            return value
    return None


def _unit_interval(name: str, value: float | None, dropped: list[str]) -> float | None:
    """OpenAI's temperature goes up to 2, Bedrock's to 1: what lies above is clamped, and reported."""
    if value is None:
        return None
    if value < 0:
        raise InvalidRequest(f"{name}: has to be between 0 and 1, got {value:g}", param=name)
    if value > 1:
        dropped.append(name)
        return 1.0
    return value


def _stop_sequences(request: chat.ChatRequest, dropped: list[str]) -> list[str] | None:
    """Models refuse a stop sequence of nothing but white space, so those are left out."""
    stop = [request.stop] if isinstance(request.stop, str) else request.stop or []
    if any(text and not text.strip() for text in stop):
        dropped.append("stop")
    return [text for text in stop if text.strip()] or None


def _tool_configuration(
    offered: list[tuple[str, chat.FunctionDefinition]],
    choice: tools.Choice,
    history: list[str],
    names: ToolNames,
    family: Family,
    dropped: list[str],
) -> converse.ToolConfiguration | None:
    if choice.mode == "none":
        return None
    if not offered:
        if tools.is_forced(choice):
            raise InvalidRequest(f"{choice.place}: asks for a tool, but the request offers none", param=choice.place)
        functions = tools.from_history(history)
        return tools.tool_configuration(functions, choice, names, family) if functions else None
    if tools.is_forced(choice) and not family.forced_tool_choice:
        dropped.append("tool_choice")
    return tools.tool_configuration(offered, choice, names, family)


def _model_fields(
    request: chat.ChatRequest, choice: tools.Choice, names: ToolNames, family: Family, dropped: list[str]
) -> dict[str, object] | None:
    if request.parallel_tool_calls is not False or choice.mode == "none" or not (request.tools or request.functions):
        return None
    if not family.disable_parallel_tool_use:
        dropped.append("parallel_tool_calls")
        return None
    return {"tool_choice": tools.anthropic_choice(choice, names) | {"disable_parallel_tool_use": True}}


def _request_metadata(request: chat.ChatRequest, dropped: list[str]) -> dict[str, str] | None:
    """Who asks, for Bedrock's invocation log; what does not fit its alphabet is dropped whole, and reported."""
    pairs = dict(request.metadata or {})
    if not _fits(pairs):
        dropped.append("metadata")
        pairs = {}
    for name in ("user", "safety_identifier"):
        value: str | None = getattr(request, name)
        if value is not None and not _fits(pairs | {name: value}):
            dropped.append(name)
        elif value is not None:
            pairs[name] = value
    return pairs or None


def _fits(pairs: dict[str, str]) -> bool:
    return len(pairs) <= MAX_REQUEST_METADATA and all(
        _METADATA_KEY.match(key) and _METADATA_VALUE.match(value) for key, value in pairs.items()
    )


def _service_tier(request: chat.ChatRequest, dropped: list[str]) -> converse.ServiceTier | None:
    tier = request.service_tier
    if tier in {None, "auto", "standard"}:
        return None
    if tier not in SERVICE_TIERS:
        dropped.append("service_tier")
        return None
    return converse.ServiceTier(type=tier)
