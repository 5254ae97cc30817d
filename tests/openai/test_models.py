"""The list of models."""

from __future__ import annotations

import json

from aigw_extproc.openai.models import Model, render_list

NOVA = Model(id="us.amazon.nova-micro-v1:0", created=1733184000, owned_by="Amazon")
NOVA_JSON = {"id": NOVA.id, "object": "model", "created": 1733184000, "owned_by": "Amazon"}


def test_list() -> None:
    assert json.loads(render_list([NOVA])) == {"object": "list", "data": [NOVA_JSON]}


def test_empty_list() -> None:
    assert json.loads(render_list([])) == {"object": "list", "data": []}
