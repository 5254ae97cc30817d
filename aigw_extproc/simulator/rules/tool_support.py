"""Tools, where a family has them at all.

https://docs.aws.amazon.com/bedrock/latest/userguide/conversation-inference-supported-models-features.html
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolChoice.html
"""

from __future__ import annotations

from aigw_extproc.simulator.capabilities import model_field
from aigw_extproc.simulator.rules.conversation import MODEL_ERRORS, Asked, Problems, unsupported


def tools_are_known(asked: Asked) -> Problems:
    """The family uses tools, and streams while it does."""
    if "toolConfig" not in asked.conversation:
        return
    if not asked.family.tools:
        yield "This model doesn't support tool use."
    elif asked.streamed and not asked.family.streamed_tools:
        yield "This model doesn't support tool use in streaming mode."


def choice_is_known(asked: Asked) -> Problems:
    """The family can be told to use a tool."""
    for kind in asked.conversation.get("toolConfig", {}).get("toolChoice", {}).keys() - asked.family.choices:
        if asked.is_claude:
            yield f'{MODEL_ERRORS} tool_choice: type "tool" and "any" are not supported'
        else:
            yield unsupported(f"toolConfig.toolChoice.{kind}")


def choice_is_made_once(asked: Asked) -> Problems:
    """Claude's own `tool_choice.type` does not go with a toolChoice."""
    own = model_field(asked.conversation, "tool_choice", "type")
    for kind in asked.conversation.get("toolConfig", {}).get("toolChoice", {}):
        if asked.is_claude and own is not None:
            yield (
                f"The additional field tool_choice/type conflicts with the existing field toolConfig.toolChoice.{kind}."
                " Remove tool_choice/type and try again."
            )
