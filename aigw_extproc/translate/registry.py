"""Which endpoints there are, and which translation serves an endpoint on a backend's schema.

Adding a pair is adding a package beside this module and a line to `TRANSLATIONS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from aigw_extproc.bedrock.families import Family
from aigw_extproc.errors import GatewayError, InvalidRequest
from aigw_extproc.openai import chat, completions, embeddings
from aigw_extproc.openai.errors import render as openai_error
from aigw_extproc.translate import chat_converse, completions_converse, embeddings_invoke
from aigw_extproc.translate.contract import Fetched, UpstreamRequest


class ClientRequest(Protocol):
    """What the gateway has to know of a request before it is translated."""

    @property
    def model(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A path that clients post to."""

    name: str
    """`gen_ai.operation.name` in metrics."""
    parse: Callable[[bytes], ClientRequest]
    """Raises InvalidRequest."""
    render_error: Callable[[GatewayError], bytes] = openai_error


class TranslateRequest(Protocol):
    """The door of a translation; the request is what the endpoint's `parse` returned."""

    def __call__(
        self, request: Any, *, model: str, family: Family, fetched: Mapping[str, Fetched] = ...
    ) -> UpstreamRequest: ...


ENDPOINTS: dict[str, Endpoint] = {
    "/v1/chat/completions": Endpoint(name="chat", parse=chat.parse),
    "/v1/completions": Endpoint(name="completions", parse=completions.parse),
    "/v1/embeddings": Endpoint(name="embeddings", parse=embeddings.parse),
}
"""By path, without the query."""

TRANSLATIONS: dict[tuple[str, str], TranslateRequest] = {
    ("chat", "AWSBedrock"): chat_converse.translate_request,
    ("completions", "AWSBedrock"): completions_converse.translate_request,
    ("embeddings", "AWSBedrock"): embeddings_invoke.translate_request,
}
"""By endpoint name and the backend's schema."""


def translation(endpoint: Endpoint, schema: str) -> TranslateRequest:
    """The translation for an endpoint on a schema.

    Raises:
        InvalidRequest: there is none.
    """
    found = TRANSLATIONS.get((endpoint.name, schema))
    if found is None:
        usable = sorted(known for name, known in TRANSLATIONS if name == endpoint.name)
        raise InvalidRequest(
            f"this model's backend speaks {schema}, on which {endpoint.name} is not available; "
            f"use a model on {' or '.join(usable)}",
            param="model",
        )
    return found
