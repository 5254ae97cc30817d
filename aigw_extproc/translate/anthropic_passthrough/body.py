"""A request's body as Bedrock's strict body for Claude: what it does not know is translated, or dropped and named."""

from __future__ import annotations

import msgspec

from aigw_extproc.anthropic import messages
from aigw_extproc.bedrock.invoke import anthropic_version
from aigw_extproc.translate.anthropic_passthrough import known
from aigw_extproc.translate.anthropic_passthrough.content import marked_last, strict_content
from aigw_extproc.translate.anthropic_passthrough.members import (
    NULL,
    Fields,
    Strict,
    as_blocks,
    decode,
    encoded,
    text_block,
    without_nulls,
)
from aigw_extproc.translate.anthropic_passthrough.plain import is_plain
from aigw_extproc.translate.anthropic_passthrough.system_messages import with_system_in_place
from aigw_extproc.translate.anthropic_passthrough.tools import strict_tools
from aigw_extproc.translate.contract import Target
from aigw_extproc.translate.converse.caching import MAX_CACHE_POINTS
from aigw_extproc.translate.converse.reasoning import ThinkingSpec, by_thinking
from aigw_extproc.translate.converse.schemas.mend import mended
from aigw_extproc.translate.converse.schemas.native import bound
from aigw_extproc.translate.converse.structured_output import schema_instruction

ELSEWHERE = frozenset({"model", "stream", "anthropic_beta", "anthropic_version"})
"""Fields that are in the path on Bedrock, or are set by the gateway."""
TRANSLATED = frozenset({"cache_control", "output_format"})
"""Fields that Bedrock has in another place."""

_FIELDS = msgspec.json.Decoder(Fields)
_MESSAGES = msgspec.json.Decoder(list[Fields])
_THINKING = msgspec.json.Decoder(ThinkingSpec)
_FORMAT = msgspec.json.Decoder(messages.OutputFormat)


def strict_body(request: messages.MessagesRequest, target: Target, strict: Strict) -> dict[str, object]:
    """Return the body of InvokeModel.

    Raises:
        InvalidRequest: a member has the wrong type, or Bedrock cannot serve it; `param` is its path.
        MediaNeeded: images have to be fetched first.
    """
    fields = {name: value for name, value in messages.fields(request).items() if value != NULL}
    moved = {name: fields.pop(name) for name in TRANSLATED if name in fields}
    kept = strict.keep({name: value for name, value in fields.items() if name not in ELSEWHERE}, known.REQUEST, "")
    tools = strict_tools(kept["tools"], strict) if "tools" in kept else []
    body = with_system_in_place(kept, request.body, strict.family, strict.dropped)
    if "tools" in body:
        body["tools"] = tools
    if "system" in body:
        body["system"] = strict_content(body["system"], "system", strict)
    mark = moved.get("cache_control", NULL)
    if "messages" in body and (mark != NULL or not _stays(body["messages"], strict)):
        conversation = _messages(body["messages"], strict)
        body["messages"] = conversation if mark == NULL else _marked(conversation, mark, strict)
    if strict.marks > MAX_CACHE_POINTS:
        _remove_first_marks(body, strict)
    _set_parameters(body, moved.get("output_format", NULL), strict)
    strict.images.require_fetched()
    version: dict[str, object] = {"anthropic_version": anthropic_version(target.schema.version)}
    return version | ({"anthropic_beta": strict.betas} if strict.betas else {}) | body


def _stays(messages: object, strict: Strict) -> bool:
    """Return whether nothing in the messages has to be changed."""
    forgets = strict.family.caching and not strict.family.long_cache  # then `ttl` has to go
    if not isinstance(messages, msgspec.Raw) or strict.aliases or forgets:
        return False
    marks = bytes(messages).count(b'"cache_control"')
    return strict.marks + marks <= MAX_CACHE_POINTS and is_plain(messages)


def _remove_first_marks(body: dict[str, object], strict: Strict) -> None:
    """Keep the last four cache marks, as on Converse."""
    conversation = body.get("messages")
    contents = [message.get("content") for message in conversation] if isinstance(conversation, list) else []
    surplus = strict.marks - MAX_CACHE_POINTS
    for blocks in (body.get("tools"), body.get("system"), *contents):
        for index, block in enumerate(blocks if isinstance(blocks, list) else ()):
            if surplus and "cache_control" in block:
                blocks[index] = {name: value for name, value in block.items() if name != "cache_control"}
                surplus -= 1
    strict.drop("cache_control")


def _messages(value: object, strict: Strict) -> list[dict[str, object]]:
    if isinstance(value, msgspec.Raw):
        value = decode(_MESSAGES, value, "messages")
    given = value if isinstance(value, list) else []
    messages = [_message(message, f"messages[{index}]", strict) for index, message in enumerate(given)]
    return [after for before, after in zip(given, messages, strict=True) if not _is_emptied(before, after)]


def _is_emptied(before: dict[str, object], after: dict[str, object]) -> bool:
    """Return whether nothing that Bedrock knows is left of a message."""
    return after.get("content") == [] and before.get("content") not in ([], msgspec.Raw(b"[]"))


def _message(message: dict[str, object], place: str, strict: Strict) -> dict[str, object]:
    content = strict_content(message.get("content"), f"{place}.content", strict)
    if message.keys() == known.MESSAGE.keys():
        return {**message, "content": content}
    raw = {name: value for name, value in message.items() if isinstance(value, msgspec.Raw)}
    mark = raw.pop("cache_control", NULL)
    kept: dict[str, object] = {**strict.keep(raw, known.MESSAGE, "messages."), "content": content}
    return kept if mark == NULL else _marked([kept], mark, strict)[0]


def _marked(messages: list[dict[str, object]], mark: msgspec.Raw, strict: Strict) -> list[dict[str, object]]:
    """Return messages with a cache mark on their last block, unless it has one."""
    marked = marked_last(messages, strict.cache_control({"cache_control": mark})["cache_control"])
    if marked is None or marked == messages:
        strict.marks -= 1
    if marked is None:
        strict.drop("cache_control")
    return marked or messages


def _set_parameters(body: dict[str, object], output_format: msgspec.Raw, strict: Strict) -> None:
    for name, members in (("tool_choice", known.TOOL_CHOICE), ("metadata", known.METADATA)):
        if isinstance(raw := body.get(name), msgspec.Raw):
            body[name] = strict.keep(decode(_FIELDS, raw, name), members, f"{name}.")
    if isinstance(raw := body.get("context_management"), msgspec.Raw):
        body["context_management"] = without_nulls(raw)
    if strict.family.sampling == "either" and "temperature" in body and body.pop("top_p", None) is not None:
        strict.drop("top_p")
    if isinstance(raw := body.get("thinking"), msgspec.Raw):
        body["thinking"] = _thinking(without_nulls(raw), body.get("max_tokens"), strict)
        if body["thinking"] is None:
            del body["thinking"]
    raw = body.pop("output_config", NULL)
    config = decode(_FIELDS, raw, "output_config") if isinstance(raw, msgspec.Raw) and raw != NULL else {}
    name = "output_format" if "format" not in config else "output_config.format"
    config = {"format": output_format, **strict.keep(config, known.OUTPUT_CONFIG, "output_config.")}
    bound_format = _format(config.pop("format"), name, body, strict)
    config |= {} if bound_format is None else {"format": bound_format}
    if config:
        body["output_config"] = config


def _thinking(raw: msgspec.Raw, max_tokens: object, strict: Strict) -> object:
    """Return the thinking that was asked for, or the nearest that the model has, or None.

    Raises:
        InvalidRequest: there is no room for it.
    """
    wanted = decode(_THINKING, raw, "thinking")
    if not strict.family.invoke_betas or wanted.type in strict.family.thinking:
        return raw
    limit = msgspec.json.decode(max_tokens) if isinstance(max_tokens, msgspec.Raw) else None
    reasoning = by_thinking(wanted, strict.family, limit if isinstance(limit, int) else None, strict.dropped)
    return reasoning.fields.get("thinking")


def _format(raw: msgspec.Raw, name: str, body: dict[str, object], strict: Strict) -> msgspec.Raw | None:
    """Return the format with a schema that the model can be bound to; otherwise the schema becomes an instruction."""
    if raw == NULL:
        return None
    wanted = decode(_FORMAT, raw, name)
    schema = bound(mended(wanted.schema)) if strict.takes("structured_output") else None
    if schema is not None:
        return encoded({"type": wanted.type, "schema": schema})
    strict.drop(name)
    system = body.get("system", [])
    blocks = as_blocks(system) if isinstance(system, str | list) else []
    body["system"] = [*blocks, text_block(schema_instruction(wanted.schema))]
    return None
