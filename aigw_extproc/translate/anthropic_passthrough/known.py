"""What Bedrock's body for Claude knows. It refuses a request with any other member: "Extra inputs are not permitted".

https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages-request-response.html
"""

from __future__ import annotations

from collections.abc import Mapping

TOOL_SEARCH = "tool-search-tool-2025-10-19"
TOOL_EXAMPLES = "tool-examples-2025-10-29"
CONTEXT_MANAGEMENT = "context-management-2025-06-27"
SAMPLING = "sampling"
EFFORT = "effort-2025-11-24"

Members = Mapping[str, str]
"""The members of an object, and what each of them needs: a beta, a fact of the family, or nothing."""

FACTS = frozenset({"strict_tools", "structured_output"})
"""Facts of families among the needs."""


def _always(*names: str) -> dict[str, str]:
    return dict.fromkeys(names, "")


REQUEST: Members = {
    **_always("max_tokens", "messages", "system", "stop_sequences"),
    **dict.fromkeys(("temperature", "top_p", "top_k"), SAMPLING),
    **_always("tools", "tool_choice", "metadata", "thinking", "output_config"),
    "context_management": CONTEXT_MANAGEMENT,
}
MESSAGE: Members = _always("role", "content")
TOOL: Members = {
    **_always("type", "name", "description", "input_schema", "cache_control"),
    "strict": "strict_tools",
    "defer_loading": TOOL_SEARCH,
    "input_examples": TOOL_EXAMPLES,
}
"""Of a tool that the client defines; tools of Anthropic's own have other members."""
TOOL_CHOICE: Members = _always("type", "name", "disable_parallel_tool_use")
OUTPUT_CONFIG: Members = {**_always("format"), "effort": EFFORT}
METADATA: Members = _always("user_id")
CACHE_CONTROL: Members = _always("type", "ttl")
BLOCKS: Mapping[bytes, Members] = {
    b'"text"': _always("type", "text", "citations", "cache_control"),
    b'"image"': _always("type", "source", "cache_control"),
    b'"document"': _always("type", "source", "title", "context", "citations", "cache_control"),
    b'"search_result"': _always("type", "source", "title", "content", "citations", "cache_control"),
    b'"tool_use"': _always("type", "id", "name", "input", "cache_control"),
    b'"tool_result"': _always("type", "tool_use_id", "content", "is_error", "cache_control"),
    b'"thinking"': _always("type", "thinking", "signature"),
    b'"redacted_thinking"': _always("type", "data"),
}
"""By the JSON of the block's type. Members of other blocks are not known."""
ADDS_BETA = frozenset({TOOL_SEARCH, TOOL_EXAMPLES})
"""Betas that are requested by using their members; others by name."""
DIRECT_CALLER = ({"type": "direct"}, ["direct"])
"""Values of `caller` and `allowed_callers` that say what is so without them."""
