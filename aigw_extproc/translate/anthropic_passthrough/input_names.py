"""The client's names of parameters in Claude's responses, where the model was given aliases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from aigw_extproc.translate.anthropic_passthrough.members import Fields, encoded
from aigw_extproc.translate.converse.input_keys import Aliases, reverse
from aigw_extproc.translate.converse.schemas.keys import KeyTranslator, translated

_MESSAGE = msgspec.json.Decoder(Fields)
_CONTENT = msgspec.json.Decoder(list[Fields])


class _Block(msgspec.Struct, frozen=True):
    type: str = ""
    name: str = ""


class _Delta(msgspec.Struct, frozen=True):
    partial_json: str | None = None


class _Event(msgspec.Struct, frozen=True):
    type: str
    index: int = 0
    content_block: _Block | None = None
    delta: _Delta = _Delta()


_EVENT = msgspec.json.Decoder(_Event)


def restored_message(body: bytes, aliases: Aliases) -> bytes:
    """Return a message, which has been validated, with the client's names."""
    message = _MESSAGE.decode(body)
    content = [_restored(block, aliases) for block in _CONTENT.decode(message["content"])]
    return msgspec.json.encode({**message, "content": content})


def _restored(block: Fields, aliases: Aliases) -> Fields:
    names = aliases.get(str(msgspec.json.decode(block["name"]))) if "name" in block and "input" in block else None
    return {**block, "input": translated(block["input"], reverse(names))} if names else block


class RestoredEvents:
    """Restores the names in the events of one stream, each as JSON. A name that is cut is held back."""

    def __init__(self, aliases: Aliases) -> None:
        self._aliases: Mapping[str, Mapping[str, str]] = aliases
        self._translators: dict[int, KeyTranslator] = {}
        """Of the open blocks that need one, by index."""

    def restore(self, data: bytes) -> Iterator[tuple[str, bytes]]:
        """Yield the type and the JSON of the event, after what was held back if it ends a block."""
        event = _EVENT.decode(data)
        keys = self._translators.get(event.index)
        match event.type:
            case "content_block_start" if event.content_block and event.content_block.name in self._aliases:
                names = reverse(self._aliases[event.content_block.name])
                self._translators[event.index] = KeyTranslator(names)
            case "content_block_delta" if keys and event.delta.partial_json is not None:
                data = _input_delta(event.index, keys.feed(event.delta.partial_json))
            case "content_block_stop" if keys:
                del self._translators[event.index]
                if held := keys.close():
                    yield "content_block_delta", _input_delta(event.index, held)
        yield event.type, data


def _input_delta(index: int, text: str) -> bytes:
    delta = {"type": "input_json_delta", "partial_json": text}
    return bytes(encoded({"type": "content_block_delta", "index": index, "delta": delta}))
