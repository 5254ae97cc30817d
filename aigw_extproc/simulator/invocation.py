"""What InvokeModel comes to, whatever the family's body."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from aigw_extproc.simulator.errors import Invalid

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """A model's answer, with what Bedrock counts of every model's."""

    body: Mapping[str, Any]
    input_tokens: int
    output_tokens: int = 0

    @property
    def headers(self) -> dict[str, str]:
        """Bedrock's own, beside the model's body."""
        return {
            "x-amzn-bedrock-input-token-count": str(self.input_tokens),
            "x-amzn-bedrock-output-token-count": str(self.output_tokens),
            "x-amzn-bedrock-invocation-latency": "42",
        }


def decode(body: bytes, schema: type[T]) -> T:
    """Reads a body that must be of its schema. Raises Invalid."""
    try:
        return msgspec.json.decode(body, type=schema)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid(f"Malformed input request: {error}, please reformat your input and try again.") from None
