"""The list of models, and one model.

https://platform.claude.com/docs/en/api/models/list
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal

import msgspec

from aigw_extproc.errors import InvalidRequest
from aigw_extproc.wire import split_fault

PATH = "/anthropic/v1/models"
MAX_PAGE = 1000

Lifecycle = Literal["active", "deprecated", "retired"]


class Model(msgspec.Struct, kw_only=True, frozen=True):
    type: str = "model"
    id: str
    display_name: str
    created_at: str
    """RFC 3339."""
    lifecycle: Lifecycle = "active"


def model(id_: str, created: int, *, display_name: str = "", legacy: bool = False) -> Model:
    """Return the entry of a model; `created` is in seconds since 1970."""
    moment = datetime.fromtimestamp(created, UTC).isoformat().replace("+00:00", "Z")
    lifecycle: Lifecycle = "deprecated" if legacy else "active"
    return Model(id=id_, display_name=display_name or id_, created_at=moment, lifecycle=lifecycle)


class Page(msgspec.Struct, kw_only=True, frozen=True):
    """The part of the list that a query asks for. Without `limit` it is as long as a page can be.

    Anthropic's own default is 20, which would hide models from clients that do not ask for further pages.
    """

    limit: Annotated[int, msgspec.Meta(ge=1, le=MAX_PAGE)] = MAX_PAGE
    after_id: str | None = None
    before_id: str | None = None
    lifecycle: frozenset[Lifecycle] = frozenset({"active", "deprecated"})


def page(query: Iterable[tuple[str, str]]) -> Page:
    """Parse a query. Further parameters are ignored.

    Anthropic's SDKs write a list as `lifecycle[]=active&lifecycle[]=retired`.

    Raises:
        InvalidRequest: a parameter is not valid.
    """
    pairs = tuple(query)
    stages = [value for name, value in pairs if name in ("lifecycle", "lifecycle[]")]
    values = dict(pairs) | ({"lifecycle": stages} if stages else {})
    try:
        parsed = msgspec.convert(values, Page, strict=False)
    except msgspec.ValidationError as error:
        fault, path = split_fault(str(error))
        raise InvalidRequest.at(path or "query", fault) from None
    if parsed.after_id is not None and parsed.before_id is not None:
        raise InvalidRequest.at("before_id", "cannot be given together with after_id")
    return parsed


def render_list(everything: Iterable[Model], wanted: Page) -> bytes:
    """Render a page of the list as JSON bytes.

    Raises:
        InvalidRequest: there is no model of the cursor's id.
    """
    models = [model for model in everything if model.lifecycle in wanted.lifecycle]
    if wanted.before_id is not None:
        earlier = models[: _position(models, "before_id", wanted.before_id)]
        data, more = earlier[-wanted.limit :], len(earlier) > wanted.limit
    else:
        first = 0 if wanted.after_id is None else _position(models, "after_id", wanted.after_id) + 1
        data, more = models[first : first + wanted.limit], len(models) > first + wanted.limit
    ends = (data[0].id, data[-1].id) if data else (None, None)
    return msgspec.json.encode({"data": data, "has_more": more, "first_id": ends[0], "last_id": ends[1]})


def _position(models: Sequence[Model], name: str, id_: str) -> int:
    for index, each in enumerate(models):
        if each.id == id_:
            return index
    raise InvalidRequest.at(name, f"there is no model {id_!r} in this list")
