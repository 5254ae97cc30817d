"""Facts about Converse's responses.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html, "Response Syntax"
"""

from __future__ import annotations

import msgspec

from aigw_extproc.bedrock import converse
from aigw_extproc.bedrock.converse import ConverseResponse
from aigw_extproc.errors import InvalidUpstreamResponse
from aigw_extproc.wire import as_utf8, given

MALFORMED = "malformed_"
"""How stop reasons begin that say that the model's output is of no use."""


def decode_response(body: bytes) -> ConverseResponse:
    """The body of a 200 from Converse.

    Raises:
        InvalidUpstreamResponse: it is not a Converse response, or has no output.
    """
    try:
        response = converse.RESPONSE.decode(as_utf8(body))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise InvalidUpstreamResponse("the upstream answered 200 with a body that is not a Converse response") from None
    if response.output is None or response.output.message is None:
        raise InvalidUpstreamResponse(
            f"Bedrock answered without an output (stop reason {response.stop_reason or 'unknown'})"
        )
    return response


def output_blocks(response: ConverseResponse) -> list[converse.ContentBlock]:
    """The content of a decoded response."""
    return response.output.message.content if response.output and response.output.message else []


def require_sound(stop_reason: str | None) -> None:
    """Returns when the output can be used.

    Raises:
        InvalidUpstreamResponse: Bedrock says that the model's output is malformed.
    """
    if stop_reason and stop_reason.startswith(MALFORMED):
        raise InvalidUpstreamResponse(f"the model's output is malformed ({stop_reason})", code=stop_reason)


def compact(value: msgspec.Raw) -> str:
    """JSON without white space; nothing at all is the empty object."""
    return msgspec.json.format(bytes(given(value) or b"{}"), indent=-1).decode()
