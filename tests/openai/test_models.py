"""The list of models, and one of them."""

from __future__ import annotations

import json

import pytest

from aigw_extproc.errors import ModelNotFound
from aigw_extproc.openai.models import Model, render_list, render_one

NOVA = Model(id="us.amazon.nova-micro-v1:0", created=1733184000, owned_by="Amazon")
ARN = Model(id="arn:aws:bedrock:us-east-1:1:inference-profile/x", created=0, owned_by="me")
NOVA_JSON = {"id": NOVA.id, "object": "model", "created": 1733184000, "owned_by": "Amazon"}


def test_the_list() -> None:
    assert json.loads(render_list([NOVA])) == {"object": "list", "data": [NOVA_JSON]}


def test_a_list_of_none() -> None:
    assert json.loads(render_list([])) == {"object": "list", "data": []}


@pytest.mark.parametrize("path", ["/v1/models/us.amazon.nova-micro-v1:0", "/v1/models/us.amazon.nova-micro-v1%3A0"])
def test_one_by_its_id_encoded_or_not(path: str) -> None:
    assert json.loads(render_one([ARN, NOVA], path)) == NOVA_JSON


def test_an_id_may_hold_slashes() -> None:
    assert json.loads(render_one([NOVA, ARN], f"/v1/models/{ARN.id}"))["id"] == ARN.id


def test_one_that_is_not_configured() -> None:
    with pytest.raises(ModelNotFound) as raised:
        render_one([NOVA], "/v1/models/gpt%2F4")
    assert raised.value.message == "the model 'gpt/4' is not configured in this gateway"
    assert raised.value.param == "model"
