"""Custom tools, whose input is a text: for a model on Bedrock each is a function with one string.

https://platform.openai.com/docs/guides/function-calling#custom-tools
"""

from __future__ import annotations

import msgspec

from aigw_extproc.openai import chat

_TEXT_INPUT = msgspec.Raw(
    msgspec.json.encode(
        {
            "type": "object",
            "properties": {"input": {"type": "string", "description": "The input of the tool, as plain text"}},
            "required": ["input"],
            "additionalProperties": False,
        }
    )
)


def custom_function(
    name: str, description: str | None, grammar: chat.Grammar | None, mark: chat.CacheMark | None
) -> chat.FunctionDefinition:
    """Return a function with one string, `input`; a grammar for it becomes a part of the description."""
    text = description or ""
    if grammar is not None and grammar.definition:
        text += f"\n\n`input` has to match this {grammar.syntax or ''} grammar:\n{grammar.definition}"
    return chat.FunctionDefinition(
        name=name, description=text.strip() or None, parameters=_TEXT_INPUT, cache_control=mark
    )


def custom_names(request: chat.ChatRequest) -> frozenset[str]:
    """Return the names of the custom tools that a request offers."""
    return frozenset(tool.custom.name for tool in request.tools or () if tool.custom is not None)
