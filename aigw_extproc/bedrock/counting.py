"""CountTokens: path, request and response.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_CountTokens.html
"""

from __future__ import annotations

import msgspec

from aigw_extproc.bedrock.converse import Message, SystemContentBlock, ToolConfiguration, Wire, encode_model_id
from aigw_extproc.bedrock.families import base_model
from aigw_extproc.errors import InvalidUpstreamResponse
from aigw_extproc.wire import as_utf8


class ConverseTokensRequest(Wire):
    """The members of a Converse request that count as input.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseTokensRequest.html
    """

    messages: list[Message]
    system: list[SystemContentBlock] | None = None
    tool_config: ToolConfiguration | None = None
    additional_model_request_fields: dict[str, object] | None = None


class _Count(msgspec.Struct, frozen=True, rename="camel"):
    input_tokens: int


_COUNT = msgspec.json.Decoder(_Count)


def count_tokens_path(model: str) -> str:
    """Return the request path, without the region prefix of an inference profile: only foundation models count tokens.

    https://docs.aws.amazon.com/bedrock/latest/userguide/count-tokens.html
    """
    return f"/model/{encode_model_id(base_model(model))}/count-tokens"


def decode_count(body: bytes) -> int:
    """Return the number of tokens.

    Raises:
        InvalidUpstreamResponse: the body does not hold a number of tokens.
    """
    try:
        return _COUNT.decode(as_utf8(body)).input_tokens
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise InvalidUpstreamResponse("the upstream answered 200 with a body that is not a number of tokens") from None
