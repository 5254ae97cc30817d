"""What a response says again of its request.

https://platform.openai.com/docs/api-reference/responses/object
"""

from __future__ import annotations

from typing import Any

from aigw_extproc.openai import responses
from aigw_extproc.wire import given


def echo(request: responses.ResponsesRequest) -> dict[str, Any]:
    """The members of a response that come from its request, with OpenAI's defaults for what it leaves out."""
    reasoning = request.reasoning or responses.Reasoning()
    return {
        "model": request.model,
        "instructions": request.instructions,
        "max_output_tokens": request.max_output_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "tools": [_tool(tool) for tool in request.tools or ()],
        "tool_choice": _tool_choice(request.tool_choice),
        "parallel_tool_calls": request.parallel_tool_calls is not False,
        "reasoning": {"effort": reasoning.effort, "summary": reasoning.summary},
        "text": {"format": _format(request.text.format if request.text else None)},
        "truncation": "disabled",
        "metadata": request.metadata or {},
        "user": request.user,
        "safety_identifier": request.safety_identifier,
        "service_tier": "default",  # unless Bedrock says at the end that it served another
        "store": False,
        "background": False,
        "previous_response_id": None,
    }


def _tool(tool: responses.FunctionTool) -> dict[str, Any]:
    return {
        "type": tool.type,
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


def _format(wanted: responses.Format | None) -> dict[str, Any]:
    if wanted is None or wanted.type != "json_schema":
        return {"type": wanted.type if wanted else "text"}
    return {
        "type": wanted.type,
        "name": wanted.name or "answer",
        "description": wanted.description,
        "schema": given(wanted.schema),
        "strict": wanted.strict,
    }
