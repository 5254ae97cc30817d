"""Support of tools by the family.

https://docs.aws.amazon.com/bedrock/latest/userguide/conversation-inference-supported-models-features.html
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolChoice.html
"""

from __future__ import annotations

from aigw_extproc.simulator.converse_request import model_field, tool_choice
from aigw_extproc.simulator.rules.problems import MODEL_ERRORS, ModelRequest, Problems, unsupported


def tools_are_supported(request: ModelRequest) -> Problems:
    """The family supports tools, also in streaming mode."""
    if "toolConfig" not in request.conversation:
        return
    if not request.family.tools:
        yield "This model doesn't support tool use."
    elif request.streamed and not request.family.streamed_tools:
        yield "This model doesn't support tool use in streaming mode."


def tool_choice_is_supported(request: ModelRequest) -> Problems:
    """The family supports the toolChoice."""
    for kind in tool_choice(request.conversation).keys() - request.family.choices:
        if request.is_claude:
            yield f'{MODEL_ERRORS} tool_choice: type "tool" and "any" are not supported'
        else:
            yield unsupported(f"toolConfig.toolChoice.{kind}")


def tool_choice_is_set_once(request: ModelRequest) -> Problems:
    """Claude's own `tool_choice.type` excludes a toolChoice."""
    own = model_field(request.conversation, "tool_choice", "type")
    for kind in tool_choice(request.conversation):
        if request.is_claude and own is not None:
            yield (
                f"The additional field tool_choice/type conflicts with the existing field toolConfig.toolChoice.{kind}."
                " Remove tool_choice/type and try again."
            )
