"""Tests for aigw_extproc.extproc.codec: Envoy's messages and our answers as protobuf."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

import pytest
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from aigw_extproc.exchange.messages import (
    Action,
    AttemptHeaders,
    Begin,
    Chunk,
    Continue,
    Delegate,
    Event,
    ForwardRequest,
    Keep,
    NeedCredentials,
    NeedLimits,
    NeedMedia,
    NeedStored,
    NeedUpstream,
    Pairs,
    PassHeaders,
    ReplaceBody,
    Reply,
    RequestBody,
    RequestHeaders,
    ResponseBody,
    ResponseHeaders,
    StreamResponse,
    Wait,
)
from aigw_extproc.exchange.spending import SpentTokens
from aigw_extproc.extproc import codec, metadata
from aigw_extproc.extproc.pb import ext_proc_pb2 as pb
from aigw_extproc.translate.contract import TokenCounts

ACTION = "OVERWRITE_IF_EXISTS_OR_ADD"


def encoded(phase: str, action: Action) -> dict[str, object]:
    message = pb.ProcessingResponse.FromString(codec.encode(phase, action))
    return MessageToDict(message, preserving_proto_field_name=True)


def header(name: str, value: bytes) -> bytes:
    return pb.HeaderValue(key=name, raw_value=value).SerializeToString()


def decode(message: pb.ProcessingRequest) -> tuple[str, Event | None]:
    return codec.decode(message.SerializeToString())


def test_headers_are_decoded_with_any_bytes() -> None:
    headers = pb.HttpHeaders(
        headers=pb.HeaderMap(
            headers=[
                header(":path", b"/x"),
                header("a", b"1"),
                header("a", b"2"),
                header("b", b"\xff"),
                pb.HeaderValue(key="c", value="old").SerializeToString(),
                header("d", b""),
            ]
        ),
        end_of_stream=True,
    )
    expected = {":path": "/x", "a": "1, 2", "b": "\ufffd", "c": "old", "d": ""}
    assert decode(pb.ProcessingRequest(request_headers=headers)) == (
        "request_headers",
        RequestHeaders(expected, end_of_stream=True),
    )
    assert decode(pb.ProcessingRequest(response_headers=headers)) == (
        "response_headers",
        ResponseHeaders(expected, end_of_stream=True),
    )


def test_bodies_are_decoded() -> None:
    body = pb.HttpBody(body=b"x", end_of_stream=True)
    assert codec.decode(pb.ProcessingRequest(request_body=body).SerializeToString()) == (
        "request_body",
        RequestBody(b"x"),
    )
    assert codec.decode(pb.ProcessingRequest(response_body=body).SerializeToString()) == (
        "response_body",
        ResponseBody(b"x", True),
    )


def test_trailers_have_no_event() -> None:
    assert codec.decode(pb.ProcessingRequest(request_trailers=pb.HttpTrailers()).SerializeToString()) == (
        "request_trailers",
        None,
    )


def test_a_message_without_a_phase_is_an_error() -> None:
    with pytest.raises(DecodeError, match="Envoy's message has none of the six phases"):
        decode(pb.ProcessingRequest())


@pytest.mark.parametrize(
    "phase",
    [
        "request_headers",
        "request_body",
        "response_headers",
        "response_body",
        "request_trailers",
        "response_trailers",
    ],
)
def test_continue_has_the_phase_of_the_message(phase: str) -> None:
    message = pb.ProcessingResponse.FromString(codec.encode(phase, Continue()))
    assert message.WhichOneof("response") == phase


def test_every_action_has_an_encoder() -> None:
    """`Continue` is encoded by phase; the processor does what `Need…`, `Keep` and `Begin` ask for."""
    others = {Continue, NeedLimits, NeedStored, NeedMedia, NeedCredentials, NeedUpstream, Keep, Begin}
    assert codec._ENCODERS.keys() == codec._DUPLEX_ENCODERS.keys() == set(get_args(Action)) - others


def test_an_attempt_is_known_by_an_attribute() -> None:
    request = pb.ProcessingRequest(request_headers=pb.HttpHeaders(headers=pb.HeaderMap(headers=[header("a", b"1")])))
    request.attributes["envoy.filters.http.ext_proc"]["request.host"] = "b.attempt"
    assert decode(request) == ("request_headers", AttemptHeaders({"a": "1"}, "b.attempt"))


def test_no_answer_yet_is_no_message() -> None:
    assert codec.encode("response_headers", Wait(), duplex=True) == b""


@pytest.mark.parametrize("final", [False, True])
def test_a_chunk_in_full_duplex(final: bool) -> None:
    message = pb.ProcessingResponse.FromString(
        codec.encode("response_body", Chunk(body=b"x", final=final), duplex=True)
    )
    streamed = message.response_body.response.body_mutation.streamed_response
    assert (streamed.body, streamed.end_of_stream) == (b"x", final)


def test_the_last_chunk_in_full_duplex_can_be_empty() -> None:
    message = pb.ProcessingResponse.FromString(codec.encode("response_body", Chunk(body=b"", final=True), duplex=True))
    assert message.response_body.response.body_mutation.streamed_response == pb.StreamedBodyResponse(end_of_stream=True)


def test_a_request_is_delegated_with_new_headers_route_and_metadata() -> None:
    action = Delegate(set_headers=(("x-ai-eg-backend", "r"),), rule="r", model="m", client="c")
    assert encoded("request_body", action) == {
        "request_body": {
            "response": {
                "header_mutation": {
                    "set_headers": [
                        {"header": {"key": "x-ai-eg-backend", "raw_value": "cg=="}, "append_action": ACTION}
                    ]
                },
                "clear_route_cache": True,
            }
        },
        "dynamic_metadata": {
            "io.envoy.ai_gateway": {
                "backend_name": "r",
                "model_name_override": "m",
                "model": "m",
                "client": "c",
            },
            "io.envoy.ai_gateway.outcome": {"outcome": "incomplete"},
        },
    }


def test_headers_pass_without_the_body() -> None:
    action = PassHeaders(remove_headers=("x-ai-eg-retry",), final=True)
    assert encoded("response_headers", action) == {
        "response_headers": {"response": {"header_mutation": {"remove_headers": ["x-ai-eg-retry"]}}},
        "mode_override": {"response_header_mode": "SEND"},
    }


def test_a_request_is_forwarded_with_new_headers_body_route_and_metadata() -> None:
    action = ForwardRequest(
        set_headers=((":path", "/y"),), remove_headers=("cookie",), body=b"{}", backend="b", model="m"
    )
    assert encoded("request_body", action) == {
        "request_body": {
            "response": {
                "header_mutation": {
                    "set_headers": [{"header": {"key": ":path", "raw_value": "L3k="}, "append_action": ACTION}],
                    "remove_headers": ["cookie"],
                },
                "body_mutation": {"body": "e30="},
                "clear_route_cache": True,
            }
        },
        "dynamic_metadata": {
            "io.envoy.ai_gateway": {
                "backend_name": "b",
                "model_name_override": "m",
                "stream": False,
            },
            "io.envoy.ai_gateway.outcome": {"outcome": "incomplete"},
        },
    }


def test_the_client_of_a_key_is_in_the_metadata() -> None:
    action = ForwardRequest(set_headers=(), remove_headers=(), body=b"{}", backend="b", model="m", client="team-a")
    assert encoded("request_body", action)["dynamic_metadata"]["io.envoy.ai_gateway"]["client"] == "team-a"


@pytest.mark.parametrize(
    ("phase", "action"),
    [
        ("request_headers", Reply(status=404, headers=(), body=b"{}", details="aigw_x")),
        ("response_headers", PassHeaders(final=True)),
        ("response_headers", Continue(final=True)),
        ("response_body", ReplaceBody(set_headers=(), body=b"{}")),
        ("response_body", Chunk(body=b"x", final=True)),
    ],
)
@pytest.mark.parametrize("duplex", [False, True])
def test_each_last_answer_says_how_the_exchange_has_ended(phase: str, action: Action, duplex: bool) -> None:
    ending = metadata.ending("slow_down", "team-a", "b")
    message = pb.ProcessingResponse.FromString(codec.encode(phase, action, duplex=duplex, ending=ending))
    assert MessageToDict(message.dynamic_metadata) == {
        "io.envoy.ai_gateway": {"client": "team-a", "backend_name": "b"},
        "io.envoy.ai_gateway.outcome": {"outcome": "slow_down"},
    }


def test_a_streamed_response_has_no_content_length() -> None:
    assert encoded("response_headers", StreamResponse(set_headers=(("a", "b"),))) == {
        "response_headers": {
            "response": {
                "header_mutation": {
                    "set_headers": [{"header": {"key": "a", "raw_value": "Yg=="}, "append_action": ACTION}],
                    "remove_headers": ["content-length"],
                }
            }
        },
        "mode_override": {"response_header_mode": "SEND", "response_body_mode": "STREAMED"},
    }


def test_an_empty_chunk_is_still_a_body() -> None:
    message = pb.ProcessingResponse.FromString(codec.encode("response_body", Chunk(body=b"", final=False)))
    assert message.response_body.response.body_mutation.WhichOneof("mutation") == "body"


def test_a_body_is_replaced_with_its_length() -> None:
    assert encoded("response_body", ReplaceBody(set_headers=(("content-length", "1"),), body=b"x")) == {
        "response_body": {
            "response": {
                "header_mutation": {
                    "set_headers": [{"header": {"key": "content-length", "raw_value": "MQ=="}, "append_action": ACTION}]
                },
                "body_mutation": {"body": "eA=="},
            }
        }
    }


def test_a_reply_can_have_any_status() -> None:
    message = pb.ProcessingResponse.FromString(
        codec.encode("request_body", Reply(status=429, headers=(), body=b"x", details="aigw_x"))
    )
    assert message.immediate_response.status.code == 429
    assert message.immediate_response.details == "aigw_x"


NAMES = st.text("abcdefghijklmnopqrstuvwxyz-:", min_size=1, max_size=300)
VALUES = st.text(max_size=300)
PAIRS = st.lists(st.tuples(NAMES, VALUES), max_size=6).map(tuple)
BODIES = st.binary(max_size=300) | st.integers(0, 70_000).map(bytes)


def mutation(set_headers: Pairs, remove: Sequence[str] = ()) -> pb.HeaderMutation:
    """Build the expected mutation from protobuf's own objects."""
    overwrite = pb.HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD
    options = [
        pb.HeaderValueOption(header=pb.HeaderValue(key=name, raw_value=value.encode()), append_action=overwrite)
        for name, value in set_headers
    ]
    return pb.HeaderMutation(set_headers=options, remove_headers=remove)


@given(headers=PAIRS, removed=st.lists(NAMES, max_size=4).map(tuple), body=BODIES)
def test_forwarded_requests_equal_protobufs_own(headers: Pairs, removed: tuple[str, ...], body: bytes) -> None:
    action = ForwardRequest(set_headers=headers, remove_headers=removed, body=body, backend="b", model="m")
    expected = pb.CommonResponse(
        header_mutation=mutation(headers, removed), body_mutation=pb.BodyMutation(body=body), clear_route_cache=True
    )
    answer = pb.ProcessingResponse.FromString(codec.encode("request_body", action))
    assert answer.request_body == pb.BodyResponse(response=expected)


@given(headers=PAIRS, body=BODIES)
def test_replaced_bodies_equal_protobufs_own(headers: Pairs, body: bytes) -> None:
    answer = pb.ProcessingResponse.FromString(
        codec.encode("response_body", ReplaceBody(set_headers=headers, body=body))
    )
    expected = pb.CommonResponse(header_mutation=mutation(headers), body_mutation=pb.BodyMutation(body=body))
    assert answer == pb.ProcessingResponse(response_body=pb.BodyResponse(response=expected))


@given(body=BODIES)
def test_chunks_equal_protobufs_own(body: bytes) -> None:
    answer = pb.ProcessingResponse.FromString(codec.encode("response_body", Chunk(body=body, final=False)))
    expected = pb.CommonResponse(body_mutation=pb.BodyMutation(body=body))
    assert answer == pb.ProcessingResponse(response_body=pb.BodyResponse(response=expected))


@given(pairs=st.lists(st.tuples(NAMES, st.binary(max_size=300)), max_size=8, unique_by=lambda pair: pair[0]))
def test_decoded_headers_equal_the_encoded_ones(pairs: list[tuple[str, bytes]]) -> None:
    headers = pb.HttpHeaders(headers=pb.HeaderMap(headers=[header(name, value) for name, value in pairs]))
    for _ in range(2):  # the second time from the cache
        _, event = decode(pb.ProcessingRequest(request_headers=headers))
        assert event == RequestHeaders({name: value.decode("utf-8", "replace") for name, value in pairs}, False)


# --- what was spent ---------------------------------------------------------------------------------------------


def spending(**fields: object) -> SpentTokens:
    usual: dict[str, object] = {
        "operation": "chat",
        "client": "alice",
        "model": "m",
        "name": "default/b/route/r/rule/0/ref/0",
        "backend": "default/b",
        "route": "default/r",
        "counts": TokenCounts(input_tokens=100, output_tokens=11, total_tokens=111),
        "cost": 7,
    }
    return SpentTokens(**{**usual, **fields})  # type: ignore[arg-type] # as the fields require


NAMES = {
    "backend_name": "default/b/route/r/rule/0/ref/0",
    "ai_service_backend_name": "default/b",
    "route_name": "default/r",
    "model_name_override": "m",
    "response_model": "m",
    "client": "alice",
}
USAGE = {"usage_input_tokens": 100, "usage_output_tokens": 11, "usage_total_tokens": 111}


def written(message: bytes) -> object:
    return MessageToDict(pb.ProcessingResponse.FromString(message).dynamic_metadata)["io.envoy.ai_gateway"]


def test_what_was_spent_is_metadata() -> None:
    assert written(metadata.spending(spending(), {})) == {**NAMES, **USAGE, "cost_microdollars": 7}


def test_all_that_can_be_spent() -> None:
    counts = TokenCounts(
        input_tokens=100,
        output_tokens=11,
        total_tokens=111,
        cached_input_tokens=60,
        cache_creation_input_tokens=7,
        long_cache_creation_input_tokens=5,
        reasoning_tokens=4,
        images=3,
        searches=2,
        invoked_model="other",
    )
    one = spending(counts=counts, client="", cost=None, estimated=True, values={"a.b": 0, "ä": 2**53})
    names = {key: name for key, name in NAMES.items() if key != "client"}
    assert written(metadata.spending(one, {"token_latency_ttft": 0.4996, "token_latency_itl": 0.02})) == {
        **names,
        **USAGE,
        "response_model": "other",
        "usage_cached_input_tokens": 60,
        "usage_cache_creation_input_tokens": 7,
        "usage_long_cache_creation_input_tokens": 5,
        "usage_reasoning_tokens": 4,
        "usage_images": 3,
        "usage_searches": 2,
        "usage_estimated": True,
        "token_latency_ttft": 500,
        "token_latency_itl": 20,
        "a.b": 0,
        "ä": 2**53,
    }


def test_what_was_spent_is_added_to_an_answer() -> None:
    """Of an answer that has metadata of its own, the names are there again, and the outcome stays."""
    ending = metadata.ending("ok", "alice", "b")
    chunk = codec.unasked(Chunk(body=b"data", final=True), ending)
    reply = codec.encode("request_body", Reply(status=200, headers=(), body=b"{}", details="aigw_batch"), ending=ending)
    for answer in (chunk, reply):
        added = answer + metadata.spending(spending(), {})
        assert written(added) == {**NAMES, **USAGE, "cost_microdollars": 7}
        rest, before = pb.ProcessingResponse.FromString(added), pb.ProcessingResponse.FromString(answer)
        assert (
            rest.dynamic_metadata.fields["io.envoy.ai_gateway.outcome"]
            == (before.dynamic_metadata.fields["io.envoy.ai_gateway.outcome"])
        )
        for message in (rest, before):
            message.ClearField("dynamic_metadata")
        assert rest == before


@given(st.dictionaries(st.text(min_size=1, max_size=300), st.integers(min_value=0, max_value=2**53), max_size=40))
def test_any_key_and_value(values: dict[str, int]) -> None:
    found = written(metadata.spending(spending(values=values), {}))
    assert found == {**NAMES, **USAGE, "cost_microdollars": 7} | values
