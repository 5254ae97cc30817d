"""Cache points that the operator asks for, in requests of clients that cannot mark their prompts.

https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from aigw_extproc.bedrock.converse import ContentBlock, ConverseRequest, SystemContentBlock, Tool
from aigw_extproc.bedrock.families import Family
from aigw_extproc.translate.converse.caching import CachePoints, has_points

CHARACTERS_PER_TOKEN = 3
"""At least. A point in a prompt that is too short has no effect, so it is better to count too many tokens."""
ATTACHMENT = 3_000
"""Characters that an image, a document or a video counts as."""
LAST_TURNS = 2
"""The last one, up to which the next request can read, and the one up to which the last request wrote."""

Block = TypeVar("Block", Tool, SystemContentBlock, ContentBlock)


def add_cache_points(request: ConverseRequest, places: Sequence[str], family: Family) -> None:
    """Add cache points to a request that is being built, unless its client has marked it.

    `places` are `tools`, `system` and `turns`. There is no point before the family's minimum length.
    """
    if family.caching and not has_points(request):
        _Places(family, places).fill(request)


class Shortfall:
    """What a prompt lacks to be cached."""

    def __init__(self, family: Family) -> None:
        self._characters = family.cache_minimum * CHARACTERS_PER_TOKEN

    def ends(self, sizes: Iterable[int]) -> bool:
        """Return whether the prompt is long enough with more of it."""
        self._characters -= sum(sizes)
        return self._characters <= 0


class _Places:
    def __init__(self, family: Family, places: Sequence[str]) -> None:
        self._points = CachePoints(family, [])
        self._places = places
        self._reaches = Shortfall(family).ends

    def fill(self, request: ConverseRequest) -> None:
        tools = request.tool_config.tools if request.tool_config else []
        if self._reaches(map(_tool_size, tools)) and "tools" in self._places:
            self._add_to(tools, Tool, "tools")
        system = request.system or []
        if self._reaches(len(block.text or "") for block in system) and "system" in self._places:
            self._add_to(system, SystemContentBlock, "system")
        if "turns" in self._places:
            self._add_to_turns(request)

    def _add_to(self, blocks: list[Block], kind: type[Block], where: str) -> None:
        point = self._points.automatic(where)
        if blocks and point is not None:
            blocks.append(kind(cache_point=point))

    def _add_to_turns(self, request: ConverseRequest) -> None:
        long_enough = [message for message in request.messages if self._reaches(map(_size, message.content))]
        turns = [message.content for message in long_enough if message.role == "user"]
        for content in turns[-LAST_TURNS:]:
            self._add_behind_last(content)

    def _add_behind_last(self, content: list[ContentBlock]) -> None:
        """Add a point after the last block that takes one."""
        for index in range(len(content), 0, -1):
            block = content[index - 1]
            point = self._points.automatic("results" if block.tool_result else "messages", block)
            if point is not None:
                content.insert(index, ContentBlock(cache_point=point))
                return


def _tool_size(tool: Tool) -> int:
    spec = tool.tool_spec
    return 0 if spec is None else len(spec.name) + len(spec.description or "") + len(bytes(spec.input_schema.json))


def _size(block: ContentBlock) -> int:
    if block.text is not None:
        return len(block.text)
    if block.tool_use is not None:
        return len(bytes(block.tool_use.input))
    if block.tool_result is not None:
        return sum(ATTACHMENT if part.text is None else len(part.text) for part in block.tool_result.content)
    return ATTACHMENT
