"""The list of models, and one model.

https://platform.openai.com/docs/api-reference/models
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import unquote

import msgspec

from aigw_extproc.errors import ModelNotFound

PATH = "/v1/models"


class Model(msgspec.Struct, kw_only=True, frozen=True):
    id: str
    object: str = "model"
    created: int
    owned_by: str


class ModelList(msgspec.Struct, kw_only=True, frozen=True):
    object: str = "list"
    data: list[Model]


def render_list(models: Iterable[Model]) -> bytes:
    """The answer to GET /v1/models, as JSON bytes."""
    return msgspec.json.encode(ModelList(data=list(models)))


def render_one(models: Iterable[Model], path: str) -> bytes:
    """The answer to GET /v1/models/{id}, as JSON bytes; `path` is the request's, the id percent-encoded or not.

    Raises:
        ModelNotFound: no model has this id.
    """
    wanted = unquote(path.removeprefix(f"{PATH}/"))
    for model in models:
        if model.id == wanted:
            return msgspec.json.encode(model)
    raise ModelNotFound(f"the model {wanted!r} is not configured in this gateway", param="model")
