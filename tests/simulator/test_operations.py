"""Operations, with requests that botocore has signed."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from botocore.eventstream import EventStreamBuffer

from aigw_extproc.simulator import shapes
from aigw_extproc.simulator.http_messages import HttpResponse
from aigw_extproc.simulator.operations import respond
from aigw_extproc.simulator.reasoning import redact, sign
from aigw_extproc.simulator.settings import Settings
from tests.simulator.signing import HELLO, NOW, signed

SETTINGS = Settings(clock=NOW.timestamp)
CLAUDE = {
    "anthropic_version": "bedrock-2023-05-31",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "Good morning"}],
}


IMAGE: dict[str, Any] = {
    "type": "image",
    "source": {"type": "base64", "media_type": "image/png", "data": base64.b64encode(bytes(68)).decode()},
}


def body_of(answer: HttpResponse) -> Any:
    return json.loads(b"".join(step for step in answer.steps if isinstance(step, bytes)))


def call(operation: str, body: Any, *, model: str = "anthropic.claude-3-haiku-20240307-v1%3A0", **more: Any) -> Any:
    """Return the decoded body of a successful response."""
    answer = respond(signed(body, path=f"/model/{model}/{operation}", **more), SETTINGS)
    assert answer.status == 200, body_of(answer)
    return body_of(answer)


def failure(
    operation: str, body: Any, *, model: str = "anthropic.claude-3-haiku-20240307-v1%3A0", **more: Any
) -> tuple[str, str]:
    """Return the name and the message of an error."""
    answer = respond(signed(body, path=f"/model/{model}/{operation}", **more), SETTINGS)
    assert answer.status >= 400, body_of(answer)
    return dict(answer.headers)["x-amzn-errortype"].partition(":")[0], body_of(answer)["message"]


def converse(**members: Any) -> Any:
    return call("converse", {**HELLO, **members})


def test_service_tier_and_performance_are_echoed() -> None:
    answer = converse(serviceTier={"type": "flex"}, performanceConfig={"latency": "optimized"})
    assert (answer["serviceTier"], answer["performanceConfig"]) == ({"type": "flex"}, {"latency": "optimized"})


def test_max_tokens_are_honoured() -> None:
    answer = converse(inferenceConfig={"maxTokens": 2})
    assert (answer["output"]["message"]["content"], answer["stopReason"]) == ([{"text": "Hello! You "}], "max_tokens")


def test_stop_sequences_are_honoured() -> None:
    answer = converse(inferenceConfig={"stopSequences": ["said"]})
    assert (answer["output"]["message"]["content"], answer["stopReason"]) == (
        [{"text": "Hello! You "}],
        "stop_sequence",
    )


def test_the_stop_sequence_is_returned_on_request() -> None:
    answer = converse(
        inferenceConfig={"stopSequences": ["said"]}, additionalModelResponseFieldPaths=["/stop_sequence", "/other"]
    )
    assert answer["additionalModelResponseFields"] == {"stop_sequence": "said"}


def test_unknown_response_fields_are_left_out() -> None:
    assert "additionalModelResponseFields" not in converse(additionalModelResponseFieldPaths=["/other", "/a/b"])


def test_response_fields_of_the_model_are_returned_on_request() -> None:
    answer = converse(additionalModelResponseFieldPaths=["/stop_reason", "/usage/output_tokens", "/stop_sequence"])
    assert answer["additionalModelResponseFields"] == {
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"output_tokens": 4},
    }


def test_request_metadata_is_accepted() -> None:
    assert converse(requestMetadata={"team": "a"})["stopReason"] == "end_turn"


def test_a_prompt_of_the_library_is_answered_by_its_variables() -> None:
    arn = "arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Aprompt%2FABCDE12345"
    answer = call("converse", {"promptVariables": {"name": {"text": "Ada"}}}, model=arn)
    assert answer["output"]["message"]["content"] == [{"text": "Hello! You said: Ada"}]


def test_some_families_use_tools_without_text() -> None:
    tools = [{"toolSpec": {"name": "clock", "inputSchema": {"json": {"type": "object"}}}}]
    asked = {"messages": [{"role": "user", "content": [{"text": "Use clock"}]}]}
    answer = call("converse", {**asked, "toolConfig": {"tools": tools}}, model="meta.llama3-1-8b-instruct-v1%3A0")
    assert [list(block) for block in answer["output"]["message"]["content"]] == [["toolUse"]]


def test_claudes_own_field_can_force_a_tool() -> None:
    tools = [{"toolSpec": {"name": "clock", "inputSchema": {"json": {"type": "object"}}}}]
    answer = converse(toolConfig={"tools": tools}, additionalModelRequestFields={"tool_choice": {"type": "any"}})
    assert answer["stopReason"] == "tool_use"


def test_claude_returns_reasoning_in_its_own_format() -> None:
    thinking = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
    messages = [{"role": "user", "content": "redact"}]
    answer = call("invoke", {**CLAUDE, **thinking, "messages": messages})
    text = "Let me think about redact."
    assert answer["content"] == [
        {"type": "thinking", "thinking": text, "signature": sign(text)},
        {"type": "redacted_thinking", "data": redact("about redact")},
        {"type": "text", "text": "Hello! You said: redact"},
    ]


def test_claude_streams_its_reasoning() -> None:
    thinking = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
    messages = [{"role": "user", "content": "redact"}]
    body = {**CLAUDE, **thinking, "messages": messages}
    answer = respond(signed(body, path="/model/x/invoke-with-response-stream"), SETTINGS)
    events = [json.loads(base64.b64decode(data["bytes"])) for _, data in frames_of(answer)]
    text = "Let me think about redact."
    assert [event for event in events if event.get("index") in (0, 1)] == [
        {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "thinking", "thinking": "", "signature": ""},
        },
        *(
            {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": word}}
            for word in ("Let ", "me ", "think ", "about ", "redact.")
        ),
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "signature_delta", "signature": sign(text)},
        },
        {"type": "content_block_stop", "index": 0},
        {
            "type": "content_block_start",
            "index": 1,
            "content_block": {"type": "redacted_thinking", "data": redact("about redact")},
        },
        {"type": "content_block_stop", "index": 1},
    ]


def test_only_the_last_user_turn_is_answered() -> None:
    messages = [*HELLO["messages"], {"role": "assistant", "content": [{"text": "Yes?"}]}]
    messages += [{"role": "user", "content": [{"text": "Bye"}, {"text": "now"}]}]
    assert call("converse", {"messages": messages})["output"]["message"]["content"] == [
        {"text": "Hello! You said: Bye now"}
    ]


def test_input_tokens_count_system_and_tools() -> None:
    assert converse()["usage"]["inputTokens"] == 2
    assert converse(system=[{"text": "Be very brief"}])["usage"]["inputTokens"] == 5


def test_media_are_described() -> None:
    png = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(60)).decode()
    content = [
        {"text": "Look"},
        {"image": {"format": "png", "source": {"bytes": png}}},
        {"image": {"format": "gif", "source": {"s3Location": {"uri": "s3://bucket/key"}}}},
        {"document": {"name": "a", "source": {"text": "three short words"}}},
    ]
    answer = call("converse", {"messages": [{"role": "user", "content": content}]}, model="amazon.nova-lite-v1%3A0")
    assert answer["output"]["message"]["content"] == [
        {
            "text": "Hello! You said: Look I see a png image of 68 bytes. I see a gif image of the object"
            " s3://bucket/key. I see a plain document of 3 words."
        }
    ]


def test_tool_results_of_every_kind_are_quoted() -> None:
    ids = "abcd"
    uses = [{"toolUse": {"toolUseId": key, "name": "clock", "input": {}}} for key in ids]
    png = base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()
    results: list[dict[str, Any]] = [
        {"toolUseId": "a", "content": [{"text": "12:00"}, {"json": {"zone": "UTC"}}]},
        {"toolUseId": "b", "content": [{"text": "no such zone"}], "status": "error"},
        {"toolUseId": "c", "content": [{"image": {"format": "png", "source": {"bytes": png}}}]},
        {"toolUseId": "d", "content": []},
    ]
    messages = [
        *HELLO["messages"],
        {"role": "assistant", "content": uses},
        {"role": "user", "content": [{"toolResult": result} for result in results]},
    ]
    tools = [{"toolSpec": {"name": "clock", "inputSchema": {"json": {"type": "object"}}}}]
    answer = call("converse", {"messages": messages, "toolConfig": {"tools": tools}})
    assert answer["output"]["message"]["content"] == [
        {
            "text": 'The tools answered: 12:00 {"zone":"UTC"}; error: no such zone; a png image of 8 bytes; nothing',
        }
    ]


def test_a_model_id_may_be_an_arn() -> None:
    arn = "arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2Fus.anthropic.claude-v2%3A1"
    assert call("converse", HELLO, model=arn)["stopReason"] == "end_turn"


def frames_of(answer: HttpResponse) -> list[tuple[str, Any]]:
    buffer = EventStreamBuffer()
    for step in answer.steps:
        assert isinstance(step, bytes)
        buffer.add_data(step)
    return [(message.headers[":event-type"], json.loads(message.payload)) for message in buffer]


EVERYTHING = {
    "messages": [{"role": "user", "content": [{"text": "now use clock"}]}],
    "toolConfig": {
        "tools": [{"toolSpec": {"name": name, "inputSchema": {"json": {"type": "object"}}}} for name in ("clock", "b")]
    },
    "serviceTier": {"type": "flex"},
    "performanceConfig": {"latency": "standard"},
    "additionalModelResponseFieldPaths": ["/stop_sequence"],
}


def reasoned(text: str) -> dict[str, Any]:
    """Return a request whose response has blocks of every kind but tools."""
    document = {"name": "a", "source": {"text": "x"}, "citations": {"enabled": True}}
    content = [{"text": text}, {"document": document}, {"cachePoint": {"type": "default"}}]
    guardrail = {"guardrailIdentifier": "abc", "guardrailVersion": "1", "trace": "enabled"}
    thinking = {"thinking": {"type": "adaptive"}}
    return {
        "messages": [{"role": "user", "content": content}],
        "guardrailConfig": guardrail,
        "additionalModelRequestFields": thinking,
    }


ANSWERED = {"everything": EVERYTHING, "reasoning": reasoned("redact"), "forbidden": reasoned("forbidden")}


@pytest.mark.parametrize("body", [HELLO, *ANSWERED.values()], ids=["little", *ANSWERED])
def test_answers_have_the_shape_of_the_service_model(body: dict[str, Any]) -> None:
    shape = shapes.service_model().operation_model("Converse").output_shape
    assert shapes.violations(shape, call("converse", body, model="x")) == []


def test_counts_have_the_shape_of_the_service_model() -> None:
    shape = shapes.service_model().operation_model("CountTokens").output_shape
    assert shapes.violations(shape, call("count-tokens", {"input": {"converse": HELLO}})) == []


@pytest.mark.parametrize("body", ANSWERED.values(), ids=ANSWERED)
def test_events_have_the_shape_of_the_service_model(body: dict[str, Any]) -> None:
    members = shapes.service_model().shape_for("ConverseStreamOutput").members
    answer = respond(signed(body, path="/model/x/converse-stream"), SETTINGS)
    events = [(name, {key: value for key, value in data.items() if key != "p"}) for name, data in frames_of(answer)]
    assert [(name, shapes.violations(members[name], data)) for name, data in events] == [
        (name, []) for name, _ in events
    ]


def test_a_stream_has_events_of_every_type() -> None:
    members = shapes.service_model().shape_for("ConverseStreamOutput").members
    answer = respond(signed(EVERYTHING, path="/model/x/converse-stream"), SETTINGS)
    assert {name for name, _ in frames_of(answer)} == {name for name in members if "Exception" not in name}


def test_a_stream_of_invoke_model_names_the_type_of_its_chunks() -> None:
    answer = respond(signed(CLAUDE, path="/model/x/invoke-with-response-stream"), SETTINGS)
    assert dict(answer.headers)["x-amzn-bedrock-content-type"] == "application/json"


def test_claude_answers_in_its_own_format() -> None:
    assert call("invoke", CLAUDE) == {
        "model": "anthropic.claude-3-haiku-20240307-v1:0",
        "id": "msg_bdrk_rkefDZInB9P2YNGw4C6F9W",
        "type": "message",
        "role": "assistant",
        "content": [{"type": "text", "text": "Hello! You said: Good morning"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 3, "output_tokens": 5},
    }


def test_claude_uses_tools() -> None:
    tools = [{"name": "clock", "input_schema": {"type": "object", "properties": {"zone": {"type": "string"}}}}]
    answer = call("invoke", {**CLAUDE, "tools": tools, "tool_choice": {"type": "tool", "name": "clock"}})
    (use,) = answer["content"]
    assert use.pop("id").startswith("toolu_bdrk_")
    assert use == {"type": "tool_use", "name": "clock", "input": {"zone": "example zone"}}


def test_claude_uses_no_tool_when_the_choice_is_none() -> None:
    tools = [{"name": "morning", "input_schema": {"type": "object"}}]
    answer = call("invoke", {**CLAUDE, "tools": tools, "tool_choice": {"type": "none"}})
    assert answer["stop_reason"] == "end_turn"


def test_claude_describes_attachments_and_tool_results() -> None:
    note = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "12345"}}
    image = [IMAGE, {"type": "text", "text": "Look"}, note]
    answer = call("invoke", {**CLAUDE, "messages": [{"role": "user", "content": image}]})
    assert answer["content"][0]["text"] == (
        "Hello! You said: Look I see a png image of 68 bytes. I see a plain document of 5 characters."
    )
    results = [
        {"type": "tool_result", "tool_use_id": "a", "content": "12:00"},
        {"type": "tool_result", "tool_use_id": "b", "content": [{"type": "text", "text": "no"}], "is_error": True},
    ]
    answer = call("invoke", {**CLAUDE, "messages": [{"role": "user", "content": results}]})
    assert answer["content"][0]["text"] == "The tools answered: 12:00; error: no"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"anthropic_version": "2023-06-01"}, "Invalid enum value '2023-06-01' - at `$.anthropic_version`"),
        ({"max_tokens": 0}, "Expected `int` >= 1 - at `$.max_tokens`"),
        ({"model": "claude"}, "Object contains unknown field `model`"),
        ({"stream": True}, "Object contains unknown field `stream`"),
        ({"messages": []}, "Expected `array` of length >= 1 - at `$.messages`"),
    ],
)
def test_a_body_that_breaks_claudes_schema_is_refused(change: dict[str, Any], problem: str) -> None:
    message = f"Malformed input request: {problem}, please reformat your input and try again."
    assert failure("invoke", {**CLAUDE, **change}) == ("ValidationException", message)


@pytest.mark.parametrize(
    ("messages", "problem"),
    [
        ([{"role": "assistant", "content": "x"}], "messages: first message must use the user role"),
        (
            [{"role": "user", "content": [{"type": "text", "text": " "}]}],
            "messages.0.content.0: text content blocks must contain non-whitespace text",
        ),
        (
            [{"role": "user", "content": [{"text": "x"}]}],
            (
                "Malformed input request: Object missing required field `type` - at `$.messages[0].content[0]`, please"
                " reformat your input and try again."
            ),
        ),
        (
            [{"role": "user", "content": [IMAGE | {"source": IMAGE["source"] | {"data": "a b"}}]}],
            "source.base64.data: Invalid base64 data",
        ),
    ],
)
def test_claudes_messages_are_checked(messages: list[Any], problem: str) -> None:
    assert failure("invoke", {**CLAUDE, "messages": messages}) == ("ValidationException", problem)


@pytest.mark.parametrize(
    ("tools", "problem"),
    [
        ([{"name": "a", "input_schema": {}}] * 2, "tools: Tool names must be unique."),
        (
            [{"name": "a", "input_schema": {"type": "object", "required": None}}],
            (
                "tools.0.custom.input_schema: JSON schema is invalid. It must match JSON Schema draft 2020-12"
                " (https://json-schema.org/draft/2020-12). Learn more about tool use at"
                " https://docs.claude.com/en/docs/tool-use."
            ),
        ),
    ],
)
def test_claudes_tools_are_checked(tools: list[Any], problem: str) -> None:
    assert failure("invoke", {**CLAUDE, "tools": tools}) == ("ValidationException", problem)


def test_claudes_body_has_a_required_version() -> None:
    body = {key: value for key, value in CLAUDE.items() if key != "anthropic_version"}
    assert failure("invoke", body) == (
        "ValidationException",
        (
            "Malformed input request: Object missing required field `anthropic_version`, please reformat your input and"
            " try again."
        ),
    )


def test_headers_of_invoke_model_are_checked() -> None:
    assert failure("invoke", CLAUDE, headers={"x-amzn-bedrock-service-tier": "gold"}) == (
        "ValidationException",
        (
            "1 validation error detected: Value 'gold' at 'serviceTier' failed to satisfy constraint: Member must"
            " satisfy enum value set: [priority, default, flex, reserved]"
        ),
    )


def test_an_unsupported_family_is_refused() -> None:
    assert failure("invoke", {"inputText": "x"}, model="meta.llama3-8b-instruct-v1:0") == (
        "ValidationException",
        "The simulator does not support InvokeModel for meta.llama3-8b-instruct-v1:0",
    )


@pytest.mark.parametrize(
    "model",
    [
        "us.anthropic.claude-sonnet-4-20250514-v1%3A0",
        "arn%3Aaws%3Abedrock%3Aus-east-1%3A%3Afoundation-model%2Fanthropic.claude-v2",
        "arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Aapplication-inference-profile%2Fabc123",
        "simulator.long-3",
    ],
)
def test_the_format_is_found_for_every_kind_of_id(model: str) -> None:
    assert call("invoke", CLAUDE, model=model)["role"] == "assistant"


def test_tokens_of_a_conversation_are_counted() -> None:
    body = {"input": {"converse": {**HELLO, "system": [{"text": "Be brief"}]}}}
    assert call("count-tokens", body) == {"inputTokens": 4}


def test_tokens_of_an_invocation_are_counted() -> None:
    inner = base64.b64encode(json.dumps(CLAUDE).encode()).decode()
    assert call("count-tokens", {"input": {"invokeModel": {"body": inner}}}) == {"inputTokens": 3}


def test_counting_checks_the_rules() -> None:
    assert failure("count-tokens", {"input": {"converse": {"messages": []}}})[1].startswith(
        "A conversation must start with a user message."
    )


@pytest.mark.parametrize("model", ["us.anthropic.claude-v2", "global.anthropic.claude-v2"])
def test_tokens_are_counted_for_foundation_models_only(model: str) -> None:
    assert failure("count-tokens", {"input": {"converse": HELLO}}, model=model) == (
        "ValidationException",
        "The provided model doesn't support counting tokens.",
    )


@pytest.mark.parametrize("path", ["/", "/model/x", "/model/x/y/converse", "/model/x/complete", "/v1/chat/completions"])
def test_other_paths_are_unknown_operations(path: str) -> None:
    answer = respond(signed(HELLO, path=path), SETTINGS)
    assert (answer.status, dict(answer.headers)["x-amzn-errortype"]) == (
        404,
        "UnknownOperationException:http://internal.amazon.com/coral/com.amazon.coral.service/",
    )


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "The body is not JSON: Input data was truncated"),
        (b"{", "The body is not JSON: Input data was truncated"),
        (b"[]", "The body is not a JSON object"),
        (b'{"messages": \xff}', "The body is not JSON: JSON is malformed: invalid character (byte 13)"),
        (b"[" * 100_000, "The body is nested too deeply"),
    ],
)
def test_a_body_that_is_not_json_is_refused(body: bytes, message: str) -> None:
    assert failure("converse", body) == ("SerializationException", message)


def test_members_of_the_path_are_refused_in_the_body() -> None:
    assert failure("converse", {**HELLO, "modelId": "x"}) == (
        "ValidationException",
        "extraneous key [modelId] is not permitted in the body",
    )


def test_the_signature_is_checked_first() -> None:
    assert failure("converse", b"not JSON", secret="canary-wrong")[0] == "InvalidSignatureException"


@pytest.mark.parametrize(
    ("metadata", "problem"),
    [
        ("team", "The request metadata is not valid JSON."),
        (
            '{"team": 1}',
            "1 validation error detected: Value at 'team' failed to satisfy constraint: Expected string, found number",
        ),
    ],
)
def test_metadata_of_an_invocation_is_checked(metadata: str, problem: str) -> None:
    headers = {"x-amzn-bedrock-request-metadata": metadata}
    assert failure("invoke", CLAUDE, headers=headers) == ("ValidationException", problem)


def test_metadata_of_an_invocation() -> None:
    headers = {"x-amzn-bedrock-request-metadata": '{"team": "search"}'}
    assert call("invoke", CLAUDE, headers=headers)["type"] == "message"


@pytest.mark.parametrize(
    ("messages", "model", "problem"),
    [
        (["user", "system"], "anthropic.claude-opus-4-7", "role 'system' is not supported on this model"),
        (
            ["system", "user"],
            "anthropic.claude-opus-5",
            "messages.0: use the top-level 'system' parameter for the initial system prompt",
        ),
        (
            ["user", "assistant", "system"],
            "anthropic.claude-opus-5",
            "messages.2: role 'system' must follow a 'user' message",
        ),
    ],
)
def test_claudes_system_messages_are_checked(messages: list[str], model: str, problem: str) -> None:
    body = {**CLAUDE, "messages": [{"role": role, "content": "Hi"} for role in messages]}
    assert failure("invoke", body, model=model) == ("ValidationException", problem)
