"""HTTP requests as values, before anything has been decoded."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import unquote

from aigw_extproc.simulator.errors import ServiceError

# A model id is one path segment, with `/` and `:` percent-encoded; so the raw path has to be matched.
# https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html#API_runtime_Converse_RequestSyntax
MODEL_PATH = re.compile(r"/model/(?P<model>[^/]+)/(?P<operation>[a-z-]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """A request. Header names are in lower case, in the order of their arrival."""

    method: str
    raw_path: str
    """Path of the request line, still percent-encoded."""
    query: str = ""
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes = field(repr=False)

    def header(self, name: str) -> str | None:
        """Return the first value of a header."""
        return next((value for key, value in self.headers if key == name), None)

    def target(self) -> tuple[str, str]:
        """Return the operation's path segment (`converse-stream`) and the model id, decoded once.

        Raises ServiceError (UnknownOperationException) for paths that Bedrock does not have.
        """
        match = MODEL_PATH.fullmatch(self.raw_path)
        if match is None or self.method != "POST":
            raise ServiceError("UnknownOperationException", f"Unknown operation: {self.method} {self.raw_path}")
        return match["operation"], unquote(match["model"])
