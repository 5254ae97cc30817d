"""The lists of models, in the formats of OpenAI's and Anthropic's APIs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, unquote

import msgspec

from aigw_extproc.anthropic import models as anthropic
from aigw_extproc.anthropic.errors import render as anthropic_error
from aigw_extproc.config.snapshot import RoutedModel
from aigw_extproc.errors import GatewayError, ModelNotFound
from aigw_extproc.openai import models as openai
from aigw_extproc.openai.errors import render as openai_error

MODEL_PATHS: Final = (openai.PATH, anthropic.PATH)
"""Paths of the lists; below each are the single models."""
ANTHROPIC_VERSION: Final = "anthropic-version"
"""The header of Anthropic's clients. Their path of the list is the same as OpenAI's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelList:
    """A format of the list of models."""

    render: Callable[[tuple[RoutedModel, ...], Sequence[tuple[str, str]]], bytes]
    """Render the list that a query asks for. Raises InvalidRequest."""
    render_one: Callable[[RoutedModel], bytes]
    render_error: Callable[[GatewayError, str | None], bytes]

    def respond(self, models: tuple[RoutedModel, ...], path: str) -> bytes:
        """Return the body for a path with its query: the list, or the model that the path names.

        Raises:
            InvalidRequest: the query is not valid.
            ModelNotFound: there is no such model.
        """
        place, _, query = path.partition("?")
        if place in MODEL_PATHS:
            return self.render(models, parse_qsl(query))
        return self.render_one(_find(models, place))


def _find(models: Iterable[RoutedModel], path: str) -> RoutedModel:
    """Return the model whose id or other name, percent-encoded or not, ends a path. Raises ModelNotFound."""
    base = next(base for base in MODEL_PATHS if path.startswith(f"{base}/"))
    wanted = unquote(path.removeprefix(f"{base}/"))
    for model in models:
        if model.id == wanted or wanted in model.aliases:
            return model
    raise ModelNotFound(f"the model {wanted!r} is not configured in this gateway", param="model")


def _openai(model: RoutedModel) -> openai.Model:
    return openai.Model(id=model.id, created=model.created, owned_by=model.owned_by)


def _anthropic(model: RoutedModel) -> anthropic.Model:
    return anthropic.model(model.id, model.created, display_name=model.name, legacy=model.legacy)


_OPENAI = ModelList(
    render=lambda models, _query: openai.render_list(map(_openai, models)),
    render_one=lambda model: msgspec.json.encode(_openai(model)),
    render_error=openai_error,
)
_ANTHROPIC = ModelList(
    render=lambda models, query: anthropic.render_list(map(_anthropic, models), anthropic.page(query)),
    render_one=lambda model: msgspec.json.encode(_anthropic(model)),
    render_error=anthropic_error,
)


def model_list_at(path: str, headers: Mapping[str, str]) -> ModelList | None:
    """Return the list that a path, without its query, belongs to, in the format of the client's API."""
    base = next((base for base in MODEL_PATHS if path == base or path.startswith(f"{base}/")), None)
    if base is None:
        return None
    return _ANTHROPIC if base == anthropic.PATH or ANTHROPIC_VERSION in headers else _OPENAI
