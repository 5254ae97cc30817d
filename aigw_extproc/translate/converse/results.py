"""Tool results, as the family takes them.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolResultBlock.html
"""

from __future__ import annotations

from collections.abc import Sequence

from aigw_extproc.bedrock.converse import CachePoint, ContentBlock, ToolResultBlock, ToolResultContentBlock
from aigw_extproc.bedrock.families import Family
from aigw_extproc.translate.converse.blocks import kind_of
from aigw_extproc.translate.converse.tool_names import valid_id
from aigw_extproc.translate.converse.turns import Result

NO_OUTPUT = "(no output)"
"""Stands for an empty result: Bedrock takes no blank text."""
ATTACHED = "(attached below)"
"""Stands for content that the family does not take inside a tool result."""


def result_of(
    call_id: str,
    blocks: Sequence[ContentBlock],
    family: Family,
    *,
    is_error: bool = False,
    cache_point: CachePoint | None = None,
) -> Result:
    """Return a result of these blocks; those that the family does not take inside it go beside it."""
    beside = tuple(block for block in blocks if not _fits_inside(block, family))
    content = [
        ToolResultContentBlock(
            text=block.text,
            image=block.image,
            document=block.document,
            video=block.video,
            search_result=block.search_result,
        )
        for block in blocks
        if _fits_inside(block, family)
    ]
    if beside:
        content.append(ToolResultContentBlock(text=ATTACHED))
    return Result(tool_result(call_id, content, is_error=is_error), cache_point, beside)


def _fits_inside(block: ContentBlock, family: Family) -> bool:
    if block.search_result is not None:
        return True
    inside = ("text", *family.inside_tool_results)
    return kind_of(block) in inside or (block.document is not None and block.document.format in inside)


def tool_result(call_id: str, content: list[ToolResultContentBlock], *, is_error: bool = False) -> ToolResultBlock:
    """Return the result of the call with the client's id `call_id`; empty content is replaced by NO_OUTPUT."""
    content = content or [ToolResultContentBlock(text=NO_OUTPUT)]
    return ToolResultBlock(valid_id(call_id), content, "error" if is_error else None)
