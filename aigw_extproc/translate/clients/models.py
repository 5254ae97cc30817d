"""The lists of models, in the formats of OpenAI's and Anthropic's APIs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from aigw_extproc.anthropic import models as anthropic
from aigw_extproc.anthropic.errors import render as anthropic_error
from aigw_extproc.config.snapshot import Model
from aigw_extproc.errors import GatewayError
from aigw_extproc.openai import models as openai
from aigw_extproc.openai.errors import render as openai_error


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelList:
    """A list of models; each model has a path below that of the list."""

    path: str
    render: Callable[[Iterable[Model], str], bytes]
    """Render the list, or the single model at a path. Raises ModelNotFound."""
    render_error: Callable[[GatewayError, str | None], bytes]


def _openai(models: Iterable[Model], path: str) -> bytes:
    entries = [openai.Model(id=model.id, created=model.created, owned_by=model.owned_by) for model in models]
    return openai.render_list(entries) if path == openai.PATH else openai.render_one(entries, path)


def _anthropic(models: Iterable[Model], path: str) -> bytes:
    entries = [anthropic.model(model.id, model.created) for model in models]
    return anthropic.render_list(entries) if path == anthropic.PATH else anthropic.render_one(entries, path)


MODEL_LISTS = (
    ModelList(path=openai.PATH, render=_openai, render_error=openai_error),
    ModelList(path=anthropic.PATH, render=_anthropic, render_error=anthropic_error),
)


def model_list_at(path: str) -> ModelList | None:
    """Return the list that a path, without its query, belongs to."""
    lists = (entry for entry in MODEL_LISTS if path == entry.path or path.startswith(f"{entry.path}/"))
    return next(lists, None)
