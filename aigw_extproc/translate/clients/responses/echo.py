"""The members of a response that repeat its request.

https://platform.openai.com/docs/api-reference/responses/object
"""

from __future__ import annotations

from typing import Any

import msgspec

from aigw_extproc.openai import responses
from aigw_extproc.openai.response_tools import FunctionTool, decode_tool
from aigw_extproc.wire import given


def echo(request: responses.ResponsesRequest, *, kept: bool) -> dict[str, Any]:
    """Return the members, with OpenAI's defaults for those that the request leaves out.

    `kept` is true if the response is stored.
    """
    reasoning = request.reasoning or responses.Reasoning()
    return {
        "model": request.model,
        "instructions": request.instructions,
        "max_output_tokens": request.max_output_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "tools": list(map(_tool, request.tools or ())),
        "tool_choice": _tool_choice(request.tool_choice),
        "parallel_tool_calls": request.parallel_tool_calls is not False,
        "reasoning": {"effort": reasoning.effort, "summary": reasoning.summary},
        "text": {"format": _format(request.text.format if request.text else None)},
        "truncation": "disabled",
        "metadata": request.metadata or {},
        "user": request.user,
        "safety_identifier": request.safety_identifier,
        "service_tier": "default",  # unless Bedrock reports another tier at the end
        "store": kept,
        "background": False,
        "previous_response_id": request.previous_response_id,
    }


def _tool(raw: msgspec.Raw) -> msgspec.Raw | dict[str, Any]:
    tool = decode_tool(raw, "tools")
    if not isinstance(tool, FunctionTool):
        return raw
    return {
        "type": "function",
        "name": tool.name,
        "description": tool.description,
        "parameters": given(tool.parameters),
        "strict": tool.strict,
    }


def _tool_choice(choice: str | responses.NamedToolChoice | None) -> str | dict[str, Any]:
    if choice is None or isinstance(choice, str):
        return choice or "auto"
    if choice.type == "allowed_tools":
        tools = [{"type": tool.type, "name": tool.name} for tool in choice.tools]
        return {"type": choice.type, "mode": choice.mode, "tools": tools}
    return {"type": choice.type, "name": choice.name}


def _format(text_format: responses.Format | None) -> dict[str, Any]:
    if text_format is None or text_format.type != "json_schema":
        return {"type": text_format.type if text_format else "text"}
    return {
        "type": text_format.type,
        "name": text_format.name or "answer",
        "description": text_format.description,
        "schema": given(text_format.schema),
        "strict": text_format.strict,
    }
