"""The client's id in the metadata for AWS's log of invocations."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aigw_extproc.errors import InvalidRequest
from aigw_extproc.exchange.client_metadata import in_body, in_headers
from tests.gateway.conftest import NewGateway
from tests.gateway.policies import secret
from tests.gateway.resources import backend, ref, route, rule
from tests.gateway.running import Gateway
from tests.gateway.test_api_keys import security_policy
from tests.simulator.running import RunningSimulator

KEY = {"aigw-extproc/client-metadata": "client"}
HEADER = "x-amzn-bedrock-request-metadata"
SONNET = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
HEADERS = {"authorization": "Bearer key-of-alice"}


@pytest.fixture(scope="module")
def logged(start_gateway: NewGateway, simulator: RunningSimulator) -> Gateway:
    """Models `converse` and `invoke` need a key, `open` does not; all ask for the client's id in the log."""
    return start_gateway(
        route("a", rule(ref("bedrock", to=SONNET), model="converse"), rule(ref("claude", to=SONNET), model="invoke")),
        route("b", rule(ref("bedrock", to=SONNET), model="open")),
        security_policy("a", "HTTPRoute", "a"),
        secret("keys-a", alice="key-of-alice"),
        *backend("bedrock", simulator.port, annotations=KEY),
        *backend("claude", simulator.port, annotations=KEY, schema={"name": "AWSAnthropic"}),
    )


def test_converse_and_invoke_model_have_it(logged: Gateway) -> None:
    forged = {"requestMetadata": {"client": "bob", "team": "search"}}
    received = logged.received(logged.chat("converse", headers=HEADERS, aws=forged))
    assert json.loads(received["body"])["requestMetadata"] == {"team": "search", "client": "alice"}
    received = logged.received(logged.chat("invoke", headers=HEADERS))
    headers = {name.lower(): value for name, value in received["headers"]}
    assert json.loads(headers[HEADER]) == {"client": "alice"}


def test_a_client_that_is_unknown_cannot_name_itself(logged: Gateway) -> None:
    response = logged.chat("open", aws={"requestMetadata": {"client": "bob"}})
    assert "requestMetadata" not in json.loads(logged.received(response)["body"])


def body(**pairs: str) -> bytes:
    return json.dumps({"messages": [], "requestMetadata": pairs}).encode()


def metadata(data: bytes) -> Any:
    return json.loads(data).get("requestMetadata")


def test_it_has_the_characters_and_the_length_that_aws_takes() -> None:
    assert metadata(in_body("/model/m/converse", body(), "client", "auth0|ä" + "x" * 300)) == {
        "client": "auth0__" + "x" * 249
    }


def test_too_many_pairs() -> None:
    pairs = {f"k{number}": "v" for number in range(16)}
    with pytest.raises(InvalidRequest) as refused:
        in_body("/model/m/converse-stream", body(**pairs), "client", "alice")
    assert refused.value.message == "metadata: at most 15 pairs: the gateway adds one, 'client'"
    assert len(metadata(in_body("/model/m/converse", body(**pairs), "k1", "alice"))) == 16


def test_other_operations_are_left_as_they_are() -> None:
    assert in_body("/model/m/count-tokens", body(), "client", "alice") == body()
    headers = {"accept": "a"}
    in_headers("/model/m/converse", headers, "client", "alice")
    assert headers == {"accept": "a"}
