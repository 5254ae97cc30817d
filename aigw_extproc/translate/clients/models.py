"""Where clients read which models there are, and in whose words they are told."""

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
class Catalog:
    """A list of models, and below its path each of them."""

    path: str
    render: Callable[[Iterable[Model], str], bytes]
    """The list, or the one model, that a path is of. Raises ModelNotFound."""
    render_error: Callable[[GatewayError, str | None], bytes]


def _openai(models: Iterable[Model], path: str) -> bytes:
    known = [openai.Model(id=model.id, created=model.created, owned_by=model.owned_by) for model in models]
    return openai.render_list(known) if path == openai.PATH else openai.render_one(known, path)


def _anthropic(models: Iterable[Model], path: str) -> bytes:
    known = [anthropic.model(model.id, model.created) for model in models]
    return anthropic.render_list(known) if path == anthropic.PATH else anthropic.render_one(known, path)


CATALOGS = (
    Catalog(path=openai.PATH, render=_openai, render_error=openai_error),
    Catalog(path=anthropic.PATH, render=_anthropic, render_error=anthropic_error),
)


def catalog_at(path: str) -> Catalog | None:
    """The catalog that a path, without its query, is of."""
    found = (catalog for catalog in CATALOGS if path == catalog.path or path.startswith(catalog.path + "/"))
    return next(found, None)
