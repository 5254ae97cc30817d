"""Converse request → the body of InvokeModel for Claude.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages-request-response.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from aigw_extproc.bedrock.families import Family
from aigw_extproc.bedrock.invoke import anthropic_version, invoke_path
from aigw_extproc.config.snapshot import Schema
from aigw_extproc.errors import InvalidRequest
from aigw_extproc.translate.carriers.anthropic.answer import AnthropicAnswer
from aigw_extproc.translate.carriers.anthropic.content import marked, translate_block, translate_tool
from aigw_extproc.translate.contract import Fetched, Translate, UpstreamRequest

DROPPED = {
    "performanceConfig": "aws.performanceConfig",
    "promptVariables": "aws.promptVariables",
    "additionalModelResponseFieldPaths": "aws.additionalModelResponseFieldPaths",
    "serviceTier": "service_tier",
}
"""What InvokeModel's body has no place for, in the words of clients."""
USERS = ("user", "user_id", "safety_identifier")
"""Keys of Converse's requestMetadata that can be Anthropic's `metadata.user_id`, the first one first."""
PARAMETERS = {
    "maxTokens": "max_tokens",
    "temperature": "temperature",
    "topP": "top_p",
    "stopSequences": "stop_sequences",
}

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode
_NOTHING_FETCHED: Mapping[str, Fetched] = {}
_SCHEMA = Schema(name="AWSAnthropic")


def over_anthropic(translate: Translate) -> Translate:
    """The same translation, whose requests go to InvokeModel and whose answers come from there.

    The translation raises what `translate` does, and InvalidRequest for content that Anthropic's API does not know.
    """

    def translate_request(
        request: Any,
        *,
        model: str,
        family: Family,
        schema: Schema = _SCHEMA,
        fetched: Mapping[str, Fetched] = _NOTHING_FETCHED,
    ) -> UpstreamRequest:
        told = translate(request, model=model, family=family, schema=schema, fetched=fetched)
        body = _decode(told.body)
        dropped = [name for field, name in DROPPED.items() if field in body]
        return UpstreamRequest(
            path=invoke_path(model, stream=told.stream),
            body=_encode(_body(body, family, schema, dropped)),
            accept=told.accept,
            stream=told.stream,
            dropped=tuple(dict.fromkeys((*told.dropped, *dropped))),
            answer=AnthropicAnswer(inner=told.answer),
        )

    return translate_request


def _body(body: dict[str, Any], family: Family, schema: Schema, dropped: list[str]) -> dict[str, Any]:
    if "guardrailConfig" in body:
        raise InvalidRequest.at(
            "aws.guardrailConfig",
            "this model's backend speaks AWSAnthropic, which has no guardrails; use a model on AWSBedrock",
        )
    messages = [
        {"role": message["role"], "content": marked(message["content"], translate_block)}
        for message in body["messages"]
    ]
    told: dict[str, Any] = {
        "anthropic_version": anthropic_version(schema.version),
        "max_tokens": family.max_output,
        **{PARAMETERS[name]: value for name, value in body.get("inferenceConfig", {}).items()},
        "messages": messages,
    }
    if "system" in body:
        told["system"] = marked(body["system"], translate_block)
    told |= _tools(body.get("toolConfig", {})) | _metadata(body.get("requestMetadata", {}), dropped)
    for name, value in body.get("additionalModelRequestFields", {}).items():
        told[name] = {**told.get(name, {}), **value} if isinstance(value, dict) else value
    return _with_format(told, body.get("outputConfig", {}))


def _tools(configuration: Mapping[str, Any]) -> dict[str, Any]:
    if not configuration:
        return {}
    told: dict[str, Any] = {"tools": marked(configuration["tools"], translate_tool)}
    for kind, choice in configuration.get("toolChoice", {}).items():
        told["tool_choice"] = {"type": kind, **choice}
    return told


def _metadata(pairs: Mapping[str, str], dropped: list[str]) -> dict[str, Any]:
    user = next((pairs[name] for name in USERS if name in pairs), None)
    if pairs.keys() - set(USERS):
        dropped.append("metadata")
    return {} if user is None else {"metadata": {"user_id": user}}


def _with_format(told: dict[str, Any], output: Mapping[str, Any]) -> dict[str, Any]:
    if "textFormat" not in output:
        return told
    schema = _decode(output["textFormat"]["structure"]["jsonSchema"]["schema"])
    answer_format = {"format": {"type": "json_schema", "schema": schema}}
    return told | {"output_config": {**told.get("output_config", {}), **answer_format}}
