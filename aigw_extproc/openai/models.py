"""The list of models, and one model.

https://platform.openai.com/docs/api-reference/models
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

PATH = "/v1/models"


class Model(msgspec.Struct, kw_only=True, frozen=True):
    id: str
    object: str = "model"
    created: int
    owned_by: str


def render_list(models: Iterable[Model]) -> bytes:
    """Render the response to GET /v1/models as JSON bytes."""
    return msgspec.json.encode({"object": "list", "data": list(models)})
