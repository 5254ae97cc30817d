"""What the rules check and yield."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from aigw_extproc.simulator.capabilities import Capabilities
from aigw_extproc.simulator.converse_request import Conversation
from aigw_extproc.simulator.errors import ServiceError

Problems = Iterator[str | ServiceError]
"""The violations of a rule; a string is the message of a ValidationException."""

MODEL_ERRORS = "The model returned the following errors:"
"""The beginning of errors that Converse passes on from the model's own API."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """A conversation with the model that it is sent to."""

    conversation: Conversation
    model_id: str
    family: Capabilities
    streamed: bool

    @property
    def is_claude(self) -> bool:
        """Whether errors have the wording of Anthropic's API."""
        return self.family.provider == "anthropic"


def unsupported(field: str, where: str = "") -> str:
    """Return Converse's error for a field that the model does not support."""
    return f"This model doesn't support the {field} field{where}. Remove {field} and try again."


def extraneous(pointer: str, key: str) -> str:
    """Return the error of Amazon's models for a key that their API does not have, at a JSON pointer."""
    problem = f"#{pointer}: extraneous key [{key}] is not permitted"
    return f"{MODEL_ERRORS} Malformed input request: {problem}, please reformat your input and try again."


def repeated(names: list[str]) -> list[str]:
    """Return the names that occur more than once."""
    return [name for name, count in Counter(names).items() if count > 1]
