"""Tokens, as Anthropic counts them and as the gateway does."""

from __future__ import annotations

import msgspec

from aigw_extproc.anthropic.message import CacheCreation
from aigw_extproc.translate.contract import TokenCounts


class MessageUsage(msgspec.Struct, frozen=True):
    """The tokens in a message, or in an event of its stream; None for those that it does not report."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_creation: CacheCreation | None = None

    def then(self, later: MessageUsage) -> MessageUsage:
        """Return the counts with those of a later event: they are totals, so the later ones win."""
        present = {name: value for name, value in msgspec.structs.asdict(later).items() if value is not None}
        return msgspec.structs.replace(self, **present)

    def counted(self) -> TokenCounts:
        """Return the tokens as OpenAI counts them: the input includes what the cache read and wrote."""
        cached, created = self.cache_read_input_tokens or 0, self.cache_creation_input_tokens or 0
        total_input, output = (self.input_tokens or 0) + cached + created, self.output_tokens or 0
        return TokenCounts(
            input_tokens=total_input,
            output_tokens=output,
            total_tokens=total_input + output,
            cached_input_tokens=cached,
            cache_creation_input_tokens=created,
            long_cache_creation_input_tokens=self.cache_creation.ephemeral_1h_input_tokens
            if self.cache_creation
            else 0,
        )
