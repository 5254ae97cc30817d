"""Tokens, as Anthropic counts them and as the gateway does."""

from __future__ import annotations

import msgspec

from aigw_extproc.translate.contract import Usage


class MessageUsage(msgspec.Struct, frozen=True):
    """What a message, or an event of its stream, says of tokens; None for what it does not say."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None

    def then(self, later: MessageUsage) -> MessageUsage:
        """With what a later event says; numbers are totals, so the later ones count."""
        said = {name: value for name, value in msgspec.structs.asdict(later).items() if value is not None}
        return msgspec.structs.replace(self, **said)

    def counted(self) -> Usage:
        """As OpenAI counts them: the input includes what the cache read and wrote."""
        cached, created = self.cache_read_input_tokens or 0, self.cache_creation_input_tokens or 0
        total_input, output = (self.input_tokens or 0) + cached + created, self.output_tokens or 0
        return Usage(
            input_tokens=total_input,
            output_tokens=output,
            total_tokens=total_input + output,
            cached_input_tokens=cached,
            cache_creation_input_tokens=created,
        )
