"""A Converse request as the body of InvokeModel for Claude.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages-request-response.html
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from aigw_extproc.bedrock import eventstream
from aigw_extproc.bedrock.converse import (
    ConverseRequest,
    InferenceConfiguration,
    OutputConfiguration,
    ToolChoice,
    ToolConfiguration,
)
from aigw_extproc.bedrock.invoke import anthropic_version, invoke_path, metadata_headers
from aigw_extproc.errors import InvalidRequest
from aigw_extproc.translate.carriers.anthropic.content import Fields, convert_content, convert_tools
from aigw_extproc.translate.carriers.anthropic.response import FrameDecoder, decode_response
from aigw_extproc.translate.carriers.response import CarriedAnswer
from aigw_extproc.translate.contract import Target, UpstreamRequest
from aigw_extproc.translate.converse.conversed import Conversed, may_pause

DROPPED = {
    "performance_config": "aws.performanceConfig",
    "prompt_variables": "aws.promptVariables",
    "project_identifier": "aws.projectIdentifier",
    "additional_model_response_field_paths": "aws.additionalModelResponseFieldPaths",
    "service_tier": "service_tier",
}
"""Fields of a Converse request that InvokeModel's body does not support, with their paths for clients."""
USERS = ("user", "user_id", "safety_identifier")
"""Keys of Converse's requestMetadata that can be Anthropic's `metadata.user_id`, in order of preference."""

_encode = msgspec.json.Encoder().encode


def carry(conversed: Conversed, target: Target) -> UpstreamRequest:
    """Send a request to InvokeModel in Claude's own format.

    Raises:
        InvalidRequest: it holds content that Anthropic's API does not support.
    """
    dropped = [name for field, name in DROPPED.items() if getattr(conversed.request, field) is not None]
    return UpstreamRequest(
        path=invoke_path(target.model, stream=conversed.stream),
        body=_encode(_body(conversed.request, target)),
        accept=eventstream.CONTENT_TYPE if conversed.stream else "application/json",
        headers=metadata_headers(conversed.request.request_metadata),
        stream=conversed.stream,
        may_pause=may_pause(conversed.request, target.family),
        dropped=tuple(dict.fromkeys((*conversed.dropped, *dropped))),
        answer=answer(conversed),
    )


def answer(conversed: Conversed) -> CarriedAnswer:
    """Return the way back from InvokeModel."""
    return CarriedAnswer(
        writer=conversed.writer,
        replayed=conversed.replayed,
        aliases=conversed.names.parameters,
        decode_response=decode_response,
        frame_decoder=FrameDecoder,
    )


def _body(request: ConverseRequest, target: Target) -> Fields:
    if request.guardrail_config is not None:
        raise InvalidRequest.at(
            "aws.guardrailConfig",
            "this model's backend speaks AWSAnthropic, which has no guardrails; use a model on AWSBedrock",
        )
    body: Fields = {
        "anthropic_version": anthropic_version(target.schema.version),
        "max_tokens": target.family.max_output,
        **_parameters(request.inference_config),
        "messages": [
            {"role": message.role, "content": convert_content(message.content)} for message in request.messages
        ],
    }
    if request.system is not None:
        body["system"] = convert_content(request.system)
    body |= _tools(request.tool_config) | _metadata(request.request_metadata or {})
    for name, value in (request.additional_model_request_fields or {}).items():
        _merge(body, name, value)
    for name, value in _output_config(request.output_config).items():
        _merge(body, "output_config", {name: value})
    return body


def _merge(body: Fields, name: str, value: object) -> None:
    """Set a field; an object keeps the members that it has already."""
    present = body.get(name, {})
    body[name] = {**present, **value} if isinstance(value, dict) and isinstance(present, dict) else value


def _parameters(configuration: InferenceConfiguration | None) -> Fields:
    """Anthropic has the same parameters in snake case."""
    return {} if configuration is None else _present(configuration)


def _tools(configuration: ToolConfiguration | None) -> Fields:
    if configuration is None:
        return {}
    tools: Fields = {"tools": convert_tools(configuration.tools)}
    return tools | ({"tool_choice": _tool_choice(configuration.tool_choice)} if configuration.tool_choice else {})


def _tool_choice(choice: ToolChoice) -> Fields:
    """Converse's union is a member of that name, Anthropic's a type."""
    if choice.tool is not None:
        return {"type": "tool", "name": choice.tool.name}
    return {"type": "any" if choice.any is not None else "auto"}


def _metadata(pairs: Mapping[str, str]) -> Fields:
    user = next((pairs[name] for name in USERS if name in pairs), None)
    return {} if user is None else {"metadata": {"user_id": user}}


def _output_config(output: OutputConfiguration | None) -> Fields:
    if output is None:
        return {}
    effort: Fields = {} if output.effort is None else {"effort": output.effort}
    if output.text_format is None:
        return effort
    schema = msgspec.Raw(output.text_format.structure.json_schema.schema.encode())
    return effort | {"format": {"type": "json_schema", "schema": schema}}


def _present(struct: msgspec.Struct) -> Fields:
    return {name: value for name, value in msgspec.structs.asdict(struct).items() if value is not None}
