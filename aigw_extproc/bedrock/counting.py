"""CountTokens: its path, what it counts and what it answers.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_CountTokens.html
"""

from __future__ import annotations

import msgspec

from aigw_extproc.bedrock.converse import Message, SystemContentBlock, ToolConfiguration, Wire, encode_model_id
from aigw_extproc.bedrock.families import base_model
from aigw_extproc.errors import InvalidUpstreamResponse
from aigw_extproc.wire import as_utf8


class ConverseTokensRequest(Wire):
    """https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseTokensRequest.html"""

    messages: list[Message]
    system: list[SystemContentBlock] | None = None
    tool_config: ToolConfiguration | None = None
    additional_model_request_fields: dict[str, object] | None = None


class _Count(msgspec.Struct, frozen=True, rename="camel"):
    input_tokens: int


_COUNT = msgspec.json.Decoder(_Count)


def count_tokens_path(model: str) -> str:
    """The request path. Only foundation models count: the region prefix of an inference profile is taken off.

    https://docs.aws.amazon.com/bedrock/latest/userguide/count-tokens.html
    """
    return f"/model/{encode_model_id(base_model(model))}/count-tokens"


def decode_count(body: bytes) -> int:
    """The number of tokens. Raises InvalidUpstreamResponse for a body that has none."""
    try:
        return _COUNT.decode(as_utf8(body)).input_tokens
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise InvalidUpstreamResponse("the upstream answered 200 with a body that is not a number of tokens") from None
