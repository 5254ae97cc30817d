"""The list of models, and one model.

https://docs.anthropic.com/en/api/models-list
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec

PATH = "/anthropic/v1/models"


class Model(msgspec.Struct, kw_only=True, frozen=True):
    type: str = "model"
    id: str
    display_name: str
    created_at: str
    """RFC 3339."""
    lifecycle: str = "active"


def model(id_: str, created: int) -> Model:
    """Return the entry of a model; `created` is in seconds since 1970."""
    moment = datetime.fromtimestamp(created, UTC).isoformat().replace("+00:00", "Z")
    return Model(id=id_, display_name=id_, created_at=moment)


def render_list(models: Iterable[Model]) -> bytes:
    """Render the response to GET /anthropic/v1/models as JSON bytes: one page with all models."""
    data = list(models)
    first, last = (data[0].id, data[-1].id) if data else (None, None)
    return msgspec.json.encode({"data": data, "has_more": False, "first_id": first, "last_id": last})
