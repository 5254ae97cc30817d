"""The lists of models, in the formats of OpenAI's and Anthropic's APIs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import unquote

import msgspec

from aigw_extproc.anthropic import models as anthropic
from aigw_extproc.anthropic.errors import render as anthropic_error
from aigw_extproc.config.snapshot import RoutedModel
from aigw_extproc.errors import GatewayError, ModelNotFound
from aigw_extproc.openai import models as openai
from aigw_extproc.openai.errors import render as openai_error

M = TypeVar("M", openai.Model, anthropic.Model)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelList:
    """A list of models; below its path are the single models."""

    path: str
    render: Callable[[Iterable[RoutedModel], str], bytes]
    """Render the list or the one model at a path. Raises ModelNotFound."""
    render_error: Callable[[GatewayError, str | None], bytes]


def _openai(models: Iterable[RoutedModel], path: str) -> bytes:
    known = [openai.Model(id=model.id, created=model.created, owned_by=model.owned_by) for model in models]
    return openai.render_list(known) if path == openai.PATH else _render_one(known, path, openai.PATH)


def _anthropic(models: Iterable[RoutedModel], path: str) -> bytes:
    known = [anthropic.model(model.id, model.created) for model in models]
    return anthropic.render_list(known) if path == anthropic.PATH else _render_one(known, path, anthropic.PATH)


def _render_one(models: Iterable[M], path: str, list_path: str) -> bytes:
    """Render the model whose id, percent-encoded or not, follows `list_path` in `path`. Raises ModelNotFound."""
    wanted = unquote(path.removeprefix(f"{list_path}/"))
    for model in models:
        if model.id == wanted:
            return msgspec.json.encode(model)
    raise ModelNotFound(f"the model {wanted!r} is not configured in this gateway", param="model")


MODEL_LISTS = (
    ModelList(path=openai.PATH, render=_openai, render_error=openai_error),
    ModelList(path=anthropic.PATH, render=_anthropic, render_error=anthropic_error),
)


def model_list_at(path: str) -> ModelList | None:
    """Return the list that a path, without its query, belongs to."""
    return next((one for one in MODEL_LISTS if path == one.path or path.startswith(f"{one.path}/")), None)
