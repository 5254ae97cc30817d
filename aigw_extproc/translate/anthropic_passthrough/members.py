"""Members of objects in a request, kept if Bedrock's strict body knows them, and named if not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from aigw_extproc import wire
from aigw_extproc.bedrock.families import Family
from aigw_extproc.errors import InvalidRequest
from aigw_extproc.translate.anthropic_passthrough import known
from aigw_extproc.translate.converse.images import Images
from aigw_extproc.translate.converse.schemas.keys import Names

Fields = dict[str, msgspec.Raw]
"""An object whose members are not decoded, so that those which stay keep their bytes."""
T = TypeVar("T")

NULL = msgspec.Raw(b"null")
_FIELDS = msgspec.json.Decoder(Fields)
_encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class Strict:
    """What one request needs, and what it loses."""

    family: Family
    betas: list[str]
    """Those that are requested."""
    dropped: list[str]
    """Paths of what is left out."""
    images: Images
    aliases: dict[str, Names] = field(default_factory=dict)
    """Aliases of parameters, by the name of their tool."""
    marks: int = 0
    """Blocks with a cache mark."""

    def keep(self, fields: Fields, members: known.Members, place: str) -> Fields:
        """Return the members that the model's body knows; `place` is the path of the object, in reports."""
        return {
            name: value
            for name, value in fields.items()
            if value != NULL and (self.takes(members.get(name)) or self.drop(f"{place}{name}"))
        }

    def keep_plain(self, fields: Fields, members: known.Members, place: str) -> Fields:
        """Do as `keep` for an object whose members need nothing: mostly it stays as it is, at little cost."""
        if fields.keys() <= members.keys() and NULL not in fields.values():
            return fields
        return self.keep(fields, members, place)

    def takes(self, need: str | None) -> bool:
        """Return whether the model has what a member needs; a beta that is a member's own is requested then."""
        if need is None:
            return False
        if need in known.FACTS:
            return bool(getattr(self.family, need))
        if need == known.SAMPLING:
            return self.family.sampling != "none"
        if need in known.ADDS_BETA:
            return self.request_beta(need)
        if need == known.EFFORT and self.family.reasoning == "adaptive":
            return True  # newer models have it without a beta
        return not need or need in self.betas

    def request_beta(self, beta: str) -> bool:
        """Request a beta. Returns whether the model has it."""
        if beta in self.family.invoke_betas and beta not in self.betas:
            self.betas.append(beta)
        return beta in self.betas

    def drop(self, path: str) -> bool:
        """Report what is left out. Returns False."""
        if path not in self.dropped:
            self.dropped.append(path)
        return False

    def cache_control(self, fields: Fields) -> Fields:
        """Return a block with the cache mark that Bedrock knows."""
        mark = fields.get("cache_control", NULL)
        if mark == NULL:
            return fields
        self.marks += 1
        kept = self.keep(decode(_FIELDS, mark, "cache_control"), known.CACHE_CONTROL, "cache_control.")
        if self.family.caching and not self.family.long_cache:
            kept.pop("ttl", None)
        return {**fields, "cache_control": encoded(kept)}


def decode(decoder: msgspec.json.Decoder[T], raw: msgspec.Raw, place: str) -> T:
    """Decode a member. Raises InvalidRequest, with `place` before the path of the fault."""
    try:
        return wire.decode(decoder, bytes(raw))
    except InvalidRequest as error:
        path = f"{place}.{error.param}" if error.param else place
        raise InvalidRequest.at(path.replace(".[", "["), error.reason) from None


def encoded(value: object) -> msgspec.Raw:
    """Return a value as the JSON of a member."""
    return msgspec.Raw(_encode(value))


def without_nulls(raw: msgspec.Raw) -> msgspec.Raw:
    """Return JSON without null members."""
    return encoded(_without_nulls(msgspec.json.decode(raw))) if b"null" in bytes(raw) else raw


def _without_nulls(value: object) -> object:
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    if isinstance(value, dict):
        return {name: _without_nulls(item) for name, item in value.items() if item is not None}
    return value


def text_block(text: str) -> Fields:
    """Return a block of text."""
    return {"type": encoded("text"), "text": encoded(text)}


def as_blocks(content: str | Sequence[Fields]) -> list[Fields]:
    """Return the blocks of a content; a string is one block of text."""
    return [text_block(content)] if isinstance(content, str) else list(content)
