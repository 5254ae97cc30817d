"""Every field of a Converse request reaches the backend, is reported as dropped or is refused."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import msgspec
import pytest
from msgspec import Raw

from aigw_extproc.bedrock import converse as bedrock
from aigw_extproc.bedrock.converse import ConverseRequest
from aigw_extproc.bedrock.counting import ConverseTokensRequest
from aigw_extproc.errors import InvalidRequest
from aigw_extproc.translate.carriers import anthropic, converse
from aigw_extproc.translate.contract import Target, UpstreamRequest
from aigw_extproc.translate.converse.conversed import Conversed
from tests.translate import goldens

MARK = "bWFyaw=="
"""Text in every sample; it is valid base64."""
SOURCE = bedrock.Source(bytes=MARK)
SCHEMA = bedrock.ToolInputSchema(json=Raw(b'{"type":"object","title":"bWFyaw=="}'))
SPEC = bedrock.ToolSpecification(name="f", input_schema=SCHEMA)
CITED = bedrock.CitationsConfig(enabled=True)
RAW = Raw(b'{"x":"bWFyaw=="}')

SAMPLES: dict[type[msgspec.Struct], dict[str, Any]] = {
    ConverseRequest: {
        "messages": [bedrock.Message(role="user", content=[bedrock.ContentBlock(text=MARK)])],
        "system": [bedrock.SystemContentBlock(text=MARK)],
        "inference_config": bedrock.InferenceConfiguration(stop_sequences=[MARK]),
        "tool_config": bedrock.ToolConfiguration(tools=[bedrock.Tool(tool_spec=SPEC)]),
        "output_config": bedrock.OutputConfiguration(effort=MARK),
        "additional_model_request_fields": {"x": MARK},
        "additional_model_response_field_paths": [MARK],
        "guardrail_config": RAW,
        "performance_config": RAW,
        "prompt_variables": RAW,
        "request_metadata": {"team": MARK},
        "service_tier": bedrock.ServiceTier(type=MARK),
        "project_identifier": MARK,
    },
    bedrock.InferenceConfiguration: {
        "max_tokens": 4321,
        "temperature": 0.4321,
        "top_p": 0.4321,
        "stop_sequences": [MARK],
    },
    bedrock.OutputConfiguration: {
        "text_format": bedrock.OutputFormat(
            type="json_schema",
            structure=bedrock.OutputFormatStructure(
                json_schema=bedrock.JsonSchemaDefinition(schema='{"title":"bWFyaw=="}')
            ),
        ),
        "effort": MARK,
    },
    bedrock.ContentBlock: {
        "text": MARK,
        "guard_content": bedrock.GuardContent(bedrock.GuardedText(MARK)),
        "image": bedrock.ImageBlock(format="png", source=SOURCE),
        "document": bedrock.DocumentBlock(format="pdf", name="d", source=SOURCE),
        "video": bedrock.VideoBlock(format="mp4", source=SOURCE),
        "audio": bedrock.AudioBlock(format="mp3", source=SOURCE),
        "tool_use": bedrock.ToolUseBlock(tool_use_id="t", name="f", input=RAW),
        "tool_result": bedrock.ToolResultBlock("t", [bedrock.ToolResultContentBlock(text=MARK)]),
        "search_result": bedrock.SearchResultBlock(MARK, "t", [bedrock.TextContent("x")]),
        "reasoning_content": bedrock.ReasoningContent(reasoning_text=bedrock.ReasoningText(MARK, "s")),
        "citations_content": bedrock.CitationsContent(content=[bedrock.GeneratedText(MARK)]),
        "tool_addition": bedrock.ToolChange(bedrock.ToolReference("tool_reference", MARK)),
        "tool_removal": bedrock.ToolChange(bedrock.ToolReference("tool_reference", MARK)),
        "cache_point": bedrock.CachePoint(type="default", ttl=MARK),
    },
    bedrock.ToolSpecification: {"name": MARK, "input_schema": SCHEMA, "description": MARK, "strict": True},
    bedrock.DocumentBlock: {"format": "pdf", "name": MARK, "source": SOURCE, "context": MARK, "citations": CITED},
}
MARKS = (MARK.encode(), b"4321", b"strict", b"citations")
"""Bytes by which a sample is recognised in a body."""


def request(**fields: Any) -> ConverseRequest:
    """Return a request in which only the given fields hold a mark."""
    plain = [bedrock.Message(role="user", content=[bedrock.ContentBlock(text="Hi.")])]
    return ConverseRequest(**{"messages": plain, **fields})


def with_content(*blocks: bedrock.ContentBlock) -> ConverseRequest:
    return request(messages=[bedrock.Message(role="user", content=list(blocks))])


def with_tool(**fields: Any) -> ConverseRequest:
    spec = msgspec.structs.replace(SPEC, input_schema=bedrock.ToolInputSchema(json=Raw(b"{}")))
    tool = bedrock.Tool(tool_spec=msgspec.structs.replace(spec, **fields))
    return request(tool_config=bedrock.ToolConfiguration(tools=[tool]))


def with_document(**fields: Any) -> ConverseRequest:
    document = bedrock.DocumentBlock(format="pdf", name="d", source=bedrock.Source(bytes=""))
    return with_content(bedrock.ContentBlock(document=msgspec.structs.replace(document, **fields)))


REQUESTS: dict[type[msgspec.Struct], Callable[..., ConverseRequest]] = {
    ConverseRequest: request,
    bedrock.InferenceConfiguration: lambda **one: request(inference_config=bedrock.InferenceConfiguration(**one)),
    bedrock.OutputConfiguration: lambda **one: request(output_config=bedrock.OutputConfiguration(**one)),
    bedrock.ContentBlock: lambda **one: with_content(bedrock.ContentBlock(text="Hi."), bedrock.ContentBlock(**one)),
    bedrock.ToolSpecification: with_tool,
    bedrock.DocumentBlock: with_document,
}
CARRIERS: dict[str, Callable[[Conversed, Target], UpstreamRequest]] = {
    "AWSBedrock": converse.carry,
    "AWSAnthropic": anthropic.carry,
}
NOT_COUNTED = {
    *("inference_config", "output_config", "additional_model_response_field_paths", "guardrail_config"),
    *("performance_config", "prompt_variables", "request_metadata", "service_tier", "project_identifier"),
}
"""The fields of a Converse request that are not input."""
FIELDS = [(struct, field) for struct, samples in SAMPLES.items() for field in samples]


def carried(schema: str, body: ConverseRequest) -> UpstreamRequest:
    conversed = Conversed(request=body, dropped=(), writer=goldens.chat_writer({}))
    return CARRIERS[schema](conversed, goldens.target("anthropic.claude-sonnet-4-5-20250929-v1:0", schema))


@pytest.mark.parametrize("struct", SAMPLES, ids=lambda struct: struct.__name__)
def test_every_field_has_a_sample(struct: type[msgspec.Struct]) -> None:
    assert set(struct.__struct_fields__) == SAMPLES[struct].keys()


@pytest.mark.parametrize(
    ("schema", "field"),
    list(product(CARRIERS, FIELDS)),
    ids=lambda value: value if isinstance(value, str) else f"{value[0].__name__}.{value[1]}",
)
def test_a_field_is_carried_or_dropped_by_name_or_refused(schema: str, field: tuple[type[msgspec.Struct], str]) -> None:
    struct, name = field
    body = REQUESTS[struct](**{name: SAMPLES[struct][name]})
    try:
        upstream = carried(schema, body)
    except InvalidRequest as refusal:
        assert refusal.param
        return
    is_format = (struct, name) == (bedrock.DocumentBlock, "format")  # it becomes a media type
    sent = upstream.body + repr(upstream.headers).encode()
    assert upstream.dropped or is_format or any(mark in sent for mark in MARKS)


def test_every_field_is_counted_or_listed_as_not_counted() -> None:
    counted = set(ConverseTokensRequest.__struct_fields__)
    assert counted | NOT_COUNTED == set(ConverseRequest.__struct_fields__)
    assert not counted & NOT_COUNTED
