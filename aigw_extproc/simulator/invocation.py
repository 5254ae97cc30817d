"""Requests and results of InvokeModel, the same for every body format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from aigw_extproc.simulator.errors import Invalid

T = TypeVar("T")


class InvokeBody(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Base of the bodies: a field that is not listed is an error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """The result of an invocation, with the tokens that Bedrock counts for every model."""

    body: Mapping[str, Any]
    input_tokens: int
    output_tokens: int = 0

    @property
    def headers(self) -> dict[str, str]:
        """Return the response headers that Bedrock adds."""
        return {
            "x-amzn-bedrock-input-token-count": str(self.input_tokens),
            "x-amzn-bedrock-output-token-count": str(self.output_tokens),
            "x-amzn-bedrock-invocation-latency": "42",
        }


def decode(body: bytes, schema: type[T]) -> T:
    """Decode a body of a schema. Raises Invalid."""
    try:
        return msgspec.json.decode(body, type=schema)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid(f"Malformed input request: {error}, please reformat your input and try again.") from None
