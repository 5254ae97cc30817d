"""Responses that are kept: what an exchange asks of the store, and how later requests use it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from aigw_extproc.config.policies import ApiKeys, Policy, key_digest
from aigw_extproc.config.snapshot import Address, Backend, Rule, Schema, Snapshot, Upstream
from aigw_extproc.exchange.machine import Exchange
from aigw_extproc.exchange.messages import (
    Action,
    Chunk,
    Event,
    ForwardRequest,
    Keep,
    NeedStored,
    ReplaceBody,
    Reply,
    RequestBody,
    RequestHeaders,
    ResponseBody,
    ResponseHeaders,
    StoredReady,
    StreamResponse,
)
from aigw_extproc.routing import Router
from aigw_extproc.translate.contract import Stored, StoredResponse
from tests.translate.goldens import frames

ID = "0123456789abcdef0123456789abcdef"
FUNCTION = {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}}
UPSTREAM = Upstream(cluster="b", host="bedrock.test", addresses=(Address(host="bedrock.test", port=443),))
BACKEND = Backend(name="b", schema=Schema(name="AWSBedrock"), upstream=UPSTREAM, auth=None)
HEADERS = {":method": "POST", ":path": "/v1/responses", ":authority": "gateway", "content-type": "application/json"}
USAGE = {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2}
ANSWER = {"message": {"role": "assistant", "content": [{"text": "Hello."}]}}
COMPLETE = json.dumps({"output": ANSWER, "stopReason": "end_turn", "usage": USAGE}).encode()
EVENTS = frames(
    [
        ["messageStart", {"role": "assistant"}],
        ["contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "Hello."}}],
        ["contentBlockStop", {"contentBlockIndex": 0}],
        ["messageStop", {"stopReason": "end_turn"}],
        ["metadata", {"usage": USAGE}],
    ]
)


class Client:
    """A client, and a store in which one exchange after another keeps its responses."""

    def __init__(self, *, keeps: bool = True, policy: Policy | None = None, **headers: str) -> None:
        self.records: dict[tuple[str, str], StoredResponse] = {}
        self.router = Router(
            Snapshot(rules=(Rule(name="r", backends=(BACKEND,), policy=policy, owned_by="x", created=0),))
        )
        self.keeps = keeps
        self.headers = HEADERS | headers

    def begin(self, headers: Mapping[str, str] = {}, **fields: Any) -> Action:
        """Send a request, and return what the exchange does when the store has answered."""
        self.exchange = Exchange(self.router, pick=0.0, keeps=self.keeps)
        action = self.send(RequestHeaders(self.headers | headers, end_of_stream=bool(headers)))
        if not headers:
            action = self.send(RequestBody(json.dumps({"model": "m", "input": "Hi", **fields}).encode()))
        if isinstance(action, NeedStored):
            self.needed = action
            found = {key: self.records[action.owner, key] for key in action.ids if (action.owner, key) in self.records}
            action = self.send(StoredReady(Stored(new_id=f"{len(self.records):032x}", found=found)))
        return action

    def send(self, event: Event) -> Action:
        return self.exchange.receive(event, now=1.0)

    def ask(self, **fields: Any) -> dict[str, Any]:
        """Return the complete response to a request."""
        assert isinstance(self.begin(**fields), ForwardRequest)
        self.send(ResponseHeaders({":status": "200", "x-amzn-requestid": "R"}, end_of_stream=False))
        action = self.send(ResponseBody(COMPLETE, end_of_stream=True))
        if isinstance(action, Keep):
            self.records[action.owner, action.response.id] = action.response
            action = action.then
        assert isinstance(action, ReplaceBody)
        response: dict[str, Any] = json.loads(action.body)
        return response


def upstream(action: Action) -> dict[str, Any]:
    assert isinstance(action, ForwardRequest), action
    body: dict[str, Any] = json.loads(action.body)
    return body


def refusal(action: Action) -> tuple[int, str | None, str | None]:
    assert isinstance(action, Reply)
    error = json.loads(action.body)["error"]
    return action.status, error["code"], error["param"]


def text(*texts: str) -> list[dict[str, str]]:
    return [{"text": each} for each in texts]


CONVERSATION = [
    {"role": "user", "content": text("Hi")},
    {"role": "assistant", "content": text("Hello.")},
    {"role": "user", "content": text("And?")},
]


def test_a_response_is_kept_before_the_client_gets_it() -> None:
    client = Client()
    response = client.ask()
    assert (client.needed.ids, response["id"], response["store"]) == ((), "resp_" + "0" * 32, True)
    assert json.loads(client.records["", response["id"]].body) == response


def test_a_conversation_goes_on_from_a_response() -> None:
    client = Client()
    first = client.ask()
    assert upstream(client.begin(input="And?", previous_response_id=first["id"]))["messages"] == CONVERSATION
    second = client.ask(input="And?", previous_response_id=first["id"])
    assert second["previous_response_id"] == first["id"]
    third = upstream(client.begin(input="And then?", previous_response_id=second["id"]))["messages"]
    assert third == [
        *CONVERSATION,
        {"role": "assistant", "content": text("Hello.")},
        {"role": "user", "content": text("And then?")},
    ]


def test_an_item_is_in_the_place_of_its_reference() -> None:
    client = Client()
    (item,) = client.ask()["output"]
    user, again = {"role": "user", "content": "Hi"}, {"role": "user", "content": "And?"}
    for reference in ({"type": "item_reference", "id": item["id"]}, {"id": item["id"]}):
        assert upstream(client.begin(input=[user, reference, again]))["messages"] == CONVERSATION


def test_what_must_not_be_kept_is_not() -> None:
    client = Client()
    response = client.ask(store=False)
    assert (client.records, response["store"], response["id"]) == ({}, False, "resp_R")


def test_an_earlier_response_is_used_by_one_that_is_not_kept() -> None:
    client = Client()
    first = client.ask()
    client.ask(input="And?", previous_response_id=first["id"], store=False)
    assert len(client.records) == 1


def test_a_stream_is_kept_before_its_last_event() -> None:
    client = Client()
    client.begin(stream=True)
    head = {":status": "200", "content-type": "application/vnd.amazon.eventstream"}
    assert isinstance(client.send(ResponseHeaders(head, end_of_stream=False)), StreamResponse)
    action = client.send(ResponseBody(EVENTS, end_of_stream=False))
    assert isinstance(action, Keep)
    assert isinstance(action.then, Chunk)
    assert b"response.completed" in action.then.body
    assert json.loads(action.response.body)["output"][0]["content"][0]["text"] == "Hello."
    assert client.send(ResponseBody(b"", end_of_stream=True)) == Chunk(body=b"", final=True)


def test_a_stream_that_fails_is_not_kept() -> None:
    client = Client()
    client.begin(stream=True)
    head = {":status": "200", "content-type": "application/vnd.amazon.eventstream"}
    client.send(ResponseHeaders(head, end_of_stream=False))
    assert isinstance(client.send(ResponseBody(EVENTS[:200], end_of_stream=True)), Chunk)


def test_what_is_not_there_is_named() -> None:
    client, item = Client(), {"type": "item_reference", "id": f"msg_{ID}_0"}
    missing = (404, "response_not_found")
    assert refusal(client.begin(previous_response_id="resp_x")) == (*missing, "previous_response_id")
    assert refusal(client.begin(input=[item])) == (*missing, "input[0]")
    assert refusal(client.begin(input=[{"type": "item_reference", "id": "msg_1"}])) == (*missing, "input[0]")
    first = client.ask()
    item["id"] = first["output"][0]["id"].removesuffix("0") + "7"
    assert refusal(client.begin(input=[item])) == (*missing, "input[0]")


def test_without_a_store_state_is_refused_and_nothing_kept() -> None:
    client = Client(keeps=False)
    assert client.ask()["store"] is False
    for fields, param in (
        ({"store": True}, "store"),
        ({"previous_response_id": "resp_x"}, "previous_response_id"),
        ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "input[0]"),
    ):
        assert refusal(client.begin(**fields)) == (400, None, param)
    assert refusal(client.begin({":method": "GET", ":path": "/v1/responses/resp_x"}))[0] == 404


def test_a_response_is_retrieved_and_deleted() -> None:
    client = Client()
    response = client.ask()
    path = {":path": f"/v1/responses/{response['id']}?include=x"}
    action = client.begin({":method": "GET", **path})
    assert isinstance(action, Reply)
    assert (action.status, json.loads(action.body)) == (200, response)
    action = client.begin({":method": "DELETE", **path})
    assert isinstance(action, Reply)
    assert client.needed == NeedStored(owner="", ids=(response["id"],), delete=True)
    assert json.loads(action.body) == {"id": response["id"], "object": "response", "deleted": True}
    client.records.clear()
    assert refusal(client.begin({":method": "GET", **path})) == (404, "response_not_found", None)
    assert refusal(client.begin({":method": "PUT", **path}))[0] == 405
    assert refusal(client.begin({":method": "GET", ":path": "/v1/responses/a/b"}))[0] == 404


def test_a_response_belongs_to_its_client() -> None:
    keys = ApiKeys(clients={key_digest(key): key for key in ("anna", "berta")})
    client = Client(policy=Policy(name="p", keys=keys), authorization="Bearer anna")
    first = client.ask()
    client.headers["authorization"] = "Bearer berta"
    assert client.begin(previous_response_id=first["id"]) is not None
    assert refusal(client.begin(previous_response_id=first["id"]))[:2] == (404, "response_not_found")
    assert refusal(client.begin({":method": "GET", ":path": f"/v1/responses/{first['id']}"}))[0] == 404
    del client.headers["authorization"]
    assert refusal(client.begin({":method": "GET", ":path": f"/v1/responses/{first['id']}"}))[0] == 401
    assert {len(owner) for owner, _ in client.records} == {64}


def test_the_tools_of_the_conversation_so_far_are_restored() -> None:
    client = Client()
    tools = {"type": "additional_tools", "role": "developer", "tools": [FUNCTION]}
    first = client.ask(input=[tools, {"role": "user", "content": "Hi"}])
    body = upstream(client.begin(input="And?", previous_response_id=first["id"]))
    assert body["toolConfig"]["tools"][0]["toolSpec"]["name"] == "f"


def test_a_record_survives_its_encoding() -> None:
    client = Client()
    client.ask()
    (record,) = client.records.values()
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(record), type=StoredResponse) == record
