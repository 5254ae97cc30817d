"""What differs between a client's request and the one that goes out.

Parameters that were dropped are known from the translation. The rest is found by comparing the two bodies as they are:
names and ids that the other has an alias for, schemas of tools, texts that are not there any more, turns.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any, Final

import msgspec

from aigw_extproc.explain.explanation import Change
from aigw_extproc.explain.reasons import why_dropped
from aigw_extproc.translate.converse.tool_names import alias

MAX_CHANGES: Final = 200
"""Of those that are found by comparing; more are not listed, nor looked for."""
_SHOWN: Final = 120  # characters of a value
_IDS: Final = frozenset({"id", "call_id", "tool_call_id", "tool_use_id"})
_TEXTS: Final = frozenset({"content", "text", "arguments", "output"})
_MESSAGES: Final = ("messages", "input")
_ALIAS: Final = "Bedrock or the model refuses it: too long, or characters other than letters, digits, _ and -"


def changes(client: bytes, upstream: Sequence[bytes], dropped: Iterable[str]) -> tuple[Change, ...]:
    """Return the differences between the client's body and those that go out, which both are JSON objects."""
    ours, theirs = _object(client), _object(upstream[0] if upstream else b"{}")
    found = [_dropped(name, ours) for name in dropped]
    with suppress(RecursionError):  # its parts may be too deep to compare, though not to translate
        found += islice(_compared(ours, theirs, len(upstream)), MAX_CHANGES)
    return tuple(found)


def _object(body: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError):
        return {}


def _dropped(name: str, client: Mapping[str, Any]) -> Change:
    value = client.get(name)
    before = _short(value) if name in client else ""
    return Change(kind="dropped", place=name, reason=why_dropped(name, value), before=before)


def _compared(client: Mapping[str, Any], upstream: Mapping[str, Any], count: int) -> Iterator[Change]:
    strings = set(_strings(upstream))
    yield from _aliases(client, strings)
    yield from _schemas(client, upstream)
    yield from _turns(client, upstream)
    yield from _texts(client, strings)
    if count > 1:
        reason = "the model takes less at once; the answers become one"
        yield Change(kind="repaired", place="input", reason=reason, before="1 request", after=f"{count} requests")


# --- names and ids ----------------------------------------------------------------------------------------------


def _aliases(client: Mapping[str, Any], strings: set[str]) -> Iterator[Change]:
    """Yield the names and ids that have an alias in the upstream's request. An alias is a function of the name."""
    seen: set[str] = set()
    for place, name in _names(client):
        if name in seen:
            continue
        seen.add(name)
        for short in (alias(name), alias(name, shown=name.replace("-", "_"))):
            if short in strings:
                yield Change(kind="aliased", place=place, reason=_ALIAS, before=_short(name), after=short)
                break


def _names(client: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for place, name, schema in _tools(client):
        yield f"{place.rpartition('.')[0] or place}.name", name
        for path, members in _objects(schema):
            yield from ((f"{place}{path}.{member}", member) for member in members)
    for place, key, value in _leaves({each: client[each] for each in _MESSAGES if each in client}):
        if key in _IDS or key == "name":
            yield place, value


def _objects(schema: Any, path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the properties of a schema and of those inside it."""
    if isinstance(schema, dict):
        properties = schema.get("properties")
        if isinstance(properties, dict):
            yield f"{path}.properties", properties
        for key, value in schema.items():
            yield from _objects(value, f"{path}.{key}")
    elif isinstance(schema, list):
        for index, value in enumerate(schema):
            yield from _objects(value, f"{path}[{index}]")


# --- schemas of tools -------------------------------------------------------------------------------------------


def _tools(body: Mapping[str, Any]) -> list[tuple[str, str, Any]]:
    """Return the place, the name and the schema of each tool, in the format of any of the APIs."""
    configuration = body.get("toolConfig")
    tools = configuration.get("tools") if isinstance(configuration, dict) else body.get("tools")
    found = []
    for index, tool in enumerate(tools if isinstance(tools, list) else ()):
        definition = tool if isinstance(tool, dict) else {}
        inner = next((key for key in ("function", "toolSpec") if isinstance(definition.get(key), dict)), "")
        definition = definition[inner] if inner else definition
        if not isinstance(definition.get("name"), str):
            continue
        key = next((key for key in ("parameters", "input_schema", "inputSchema") if key in definition), "")
        schema = definition.get(key)
        schema = schema["json"] if key == "inputSchema" and isinstance(schema, dict) and "json" in schema else schema
        place = ".".join(filter(None, (f"tools[{index}]", inner, key)))
        found.append((place, definition["name"], schema))
    return found


def _schemas(client: Mapping[str, Any], upstream: Mapping[str, Any]) -> Iterator[Change]:
    """Yield what was repaired in the schemas of tools. Those with an alias are in the same order as their names."""
    ours, theirs = _tools(client), {name: schema for _, name, schema in _tools(upstream)}
    unnamed = [name for name in theirs if name not in {name for _, name, _ in ours}]
    renamed = [name for _, name, _ in ours if name not in theirs]
    aliases = dict(zip(renamed, unnamed, strict=True)) if len(renamed) == len(unnamed) else {}
    for place, name, schema in ours:
        sent = aliases.get(name, name)
        if sent in theirs:
            yield from _difference(place, schema, theirs[sent])


def _difference(place: str, before: Any, after: Any) -> Iterator[Change]:
    if before == after and type(before) is type(after):
        return
    if not isinstance(before, dict) or not isinstance(after, dict):
        yield _repair(place, _short(before), _short(after))
        return
    renamed = {alias(name): name for name in before}
    for name in before:
        short = alias(name)
        if name in after:
            yield from _difference(f"{place}.{name}", before[name], after[name])
        elif short in after:
            yield from _difference(f"{place}.{name}", before[name], after[short])
        else:
            yield _repair(f"{place}.{name}", _short(before[name]), "")
    for name in after:
        if name not in before and name not in renamed:
            yield _repair(f"{place}.{name}", "", _short(after[name]))


def _repair(place: str, before: str, after: str) -> Change:
    keyword = place.rpartition(".")[2]
    reason = _KEYWORDS.get(keyword, "models refuse the schema as it is, by JSON Schema's draft 2020-12")
    return Change(kind="repaired", place=place, reason=reason, before=before, after=after)


_KEYWORDS: Final = {
    "additionalProperties": "a strict tool has closed objects, and free-form ones are open",
    "description": "it tells the model what the keywords meant that it cannot take",
    "type": "JSON Schema has no type of this name, or the model needs an object here",
    "anyOf": "the model takes no alternatives here",
    "oneOf": "the model takes no alternatives here",
    "allOf": "the model takes no alternatives here",
    "$schema": "the model does not need it",
}


# --- messages ---------------------------------------------------------------------------------------------------


def _turns(client: Mapping[str, Any], upstream: Mapping[str, Any]) -> Iterator[Change]:
    place = next((each for each in _MESSAGES if isinstance(client.get(each), list)), None)
    if place is None or not isinstance(upstream.get("messages"), list):
        return
    before, after = len(client[place]), len(upstream["messages"])
    if before != after:
        reason = "turns alternate: the system prompt has its own place, and messages of one role become one turn"
        yield Change(
            kind="repaired", place=place, reason=reason, before=_count(before, "message"), after=_count(after, "turn")
        )


def _texts(client: Mapping[str, Any], strings: set[str]) -> Iterator[Change]:
    """Yield the texts of messages that do not go out as they are."""
    for place, key, text in _leaves({each: client[each] for each in _MESSAGES if each in client}):
        if key not in _TEXTS or text in strings:
            continue
        if not text.strip():
            reason = "a call without arguments gets {}" if key == "arguments" else "blank texts are removed"
            yield Change(kind="repaired", place=place, reason=reason)
        elif text.rstrip() in strings:
            reason = "a last message of the assistant may not end in white space"
            yield Change(kind="repaired", place=place, reason=reason, before=_short(text), after=_short(text.rstrip()))
        elif key in {"content", "text"} and not (inside := _containing(text, strings)):
            yield Change(kind="repaired", place=place, reason=_LEFT_OUT, before=_short(text))
        elif key in {"content", "text"} and inside:
            yield Change(kind="repaired", place=place, reason=_WRAPPED, before=_short(text), after=_short(inside))


_LEFT_OUT: Final = "this content does not go out in this form"
_WRAPPED: Final = "it goes out as a part of another text"


def _containing(text: str, strings: Iterable[str]) -> str:
    return next((one for one in strings if text in one), "")


# --- values -----------------------------------------------------------------------------------------------------


def _strings(value: Any) -> Iterator[str]:
    """Yield every text in a value, and the names of members."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, member in value.items():
            yield name
            yield from _strings(member)
    elif isinstance(value, list):
        for member in value:
            yield from _strings(member)


def _leaves(value: Any, place: str = "", key: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield the place, the member's name and the text of every text in a value."""
    if isinstance(value, str):
        yield place, key, value
    elif isinstance(value, dict):
        for name, member in value.items():
            yield from _leaves(member, f"{place}.{name}" if place else name, name)
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from _leaves(member, f"{place}[{index}]", key)


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
