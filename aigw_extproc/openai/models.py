"""The list of models, and one model.

https://platform.openai.com/docs/api-reference/models
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec


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
