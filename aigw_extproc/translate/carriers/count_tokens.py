"""CountTokens: a Converse request is counted instead of answered.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_CountTokens.html
"""

from __future__ import annotations

import msgspec

from aigw_extproc.bedrock.counting import ConverseTokensRequest, count_tokens_path, decode_count
from aigw_extproc.translate.contract import (
    BufferedAnswer,
    ClientResponse,
    ResponseContext,
    Target,
    TokenCounts,
    UpstreamRequest,
)
from aigw_extproc.translate.converse.conversed import Conversed


class CountAnswer(BufferedAnswer, frozen=True, kw_only=True):
    """Implements `contract.Answer`: a JSON object with the number of tokens."""

    member: str
    """The name of the number in the client's API."""
    others: tuple[tuple[str, int | str | None], ...] = ()
    """Further members of the client's API."""

    def translate_response(self, body: bytes, context: ResponseContext) -> ClientResponse:
        # Counting is free, so no tokens were used.
        return ClientResponse(
            body=msgspec.json.encode({self.member: decode_count(body), **dict(self.others)}), usage=TokenCounts()
        )


MESSAGES = CountAnswer(member="input_tokens")
"""https://docs.anthropic.com/en/api/messages-count-tokens"""
RESPONSES = CountAnswer(member="input_tokens", others=(("object", "response.input_tokens"),))
"""https://platform.openai.com/docs/api-reference/responses/input-tokens"""
VLLM = CountAnswer(member="count", others=(("max_model_len", 0), ("tokens", None)))
"""As vLLM's /tokenize, whose clients require all members; Bedrock returns the number only."""


def carry(conversed: Conversed, target: Target, *, answer: CountAnswer) -> UpstreamRequest:
    """Send the parts of a Converse request that count as input to CountTokens."""
    request = conversed.request
    counted = ConverseTokensRequest(
        messages=request.messages,
        system=request.system,
        tool_config=request.tool_config,
        additional_model_request_fields=request.additional_model_request_fields,
    )
    return UpstreamRequest(
        path=count_tokens_path(target.model),
        body=msgspec.json.encode({"input": {"converse": counted}}),
        accept="application/json",
        stream=False,
        dropped=conversed.dropped,
        answer=answer,
    )
