"""The list of models, and one model.

https://docs.anthropic.com/en/api/models-list
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from urllib.parse import unquote

import msgspec

from aigw_extproc.errors import ModelNotFound

PATH = "/anthropic/v1/models"


class Model(msgspec.Struct, kw_only=True, frozen=True):
    type: str = "model"
    id: str
    display_name: str
    created_at: str
    """RFC 3339."""
    lifecycle: str = "active"


class ModelList(msgspec.Struct, kw_only=True, frozen=True):
    """One page, which holds all there are."""

    data: list[Model]
    has_more: bool = False
    first_id: str | None
    last_id: str | None


def model(id_: str, created: int) -> Model:
    """The entry of a model; `created` in seconds since 1970."""
    moment = datetime.fromtimestamp(created, UTC).isoformat().replace("+00:00", "Z")
    return Model(id=id_, display_name=id_, created_at=moment)


def render_list(models: Iterable[Model]) -> bytes:
    """The answer to GET /anthropic/v1/models, as JSON bytes."""
    data = list(models)
    first, last = (data[0].id, data[-1].id) if data else (None, None)
    return msgspec.json.encode(ModelList(data=data, first_id=first, last_id=last))


def render_one(models: Iterable[Model], path: str) -> bytes:
    """The answer to GET /anthropic/v1/models/{id}, as JSON bytes; the id in `path` is percent-encoded or not.

    Raises:
        ModelNotFound: no model has this id.
    """
    wanted = unquote(path.removeprefix(f"{PATH}/"))
    for entry in models:
        if entry.id == wanted:
            return msgspec.json.encode(entry)
    raise ModelNotFound(f"the model {wanted!r} is not configured in this gateway", param="model")
