"""Cache points: their number, places and order.

https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from aigw_extproc.simulator.converse_request import Conversation, messages, tools
from aigw_extproc.simulator.errors import ServiceError
from aigw_extproc.simulator.rules.problems import MODEL_ERRORS, ModelRequest, Problems, extraneous

MAX_POINTS = 4
REMOVE = "Please remove the invalid cache point and try again."


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedCachePoint:
    """A cachePoint and its place."""

    place: str
    """tools, system or messages."""
    path: str
    """JSON pointer of its list."""
    index: int
    before: Mapping[str, Any]
    """The block before it; empty if it is the first."""
    skipped: int
    """Cache points before it in the list: Anthropic's API does not count them, since they are no blocks there."""
    ttl: str

    @property
    def anthropic_path(self) -> str:
        """Return the path of the block before it in Anthropic's API."""
        return f"{self.path[1:].replace('/', '.')}.{self.index - 1 - self.skipped}".removeprefix("toolConfig.")


def cache_points_are_limited(conversation: Conversation) -> Problems:
    """A request has at most four cache points."""
    count = sum(1 for _ in _points(conversation))
    if count > MAX_POINTS:
        yield f"{MODEL_ERRORS} A maximum of {MAX_POINTS} blocks with cache_control may be provided. Found {count}."


def cache_points_follow_a_block(conversation: Conversation) -> Problems:
    """A cache point comes after a block that is neither a cache point nor reasoning."""
    for point in _points(conversation):
        if not point.before or "cachePoint" in point.before:
            yield f"There is nothing available to cache. {REMOVE}"
        if "reasoningContent" in point.before:
            yield f"Cache point cannot be inserted after reasoning block. {REMOVE}"


def ttls_do_not_increase(conversation: Conversation) -> Problems:
    """A ttl of an hour does not come after one of five minutes."""
    for before, after in pairwise(_points(conversation)):
        if (before.ttl, after.ttl) == ("5m", "1h"):
            yield (
                f"{MODEL_ERRORS} {after.anthropic_path}.cache_control.ttl: a ttl='1h' cache_control block must not come"
                " after a ttl='5m' cache_control block. Note that blocks are processed in the following order: `tools`,"
                " `system`, `messages`."
            )


def cache_points_are_supported(request: ModelRequest) -> Problems:
    """Cache points are only where the family supports them: for Nova not among tools, nor right after their results."""
    for point in _points(request.conversation):
        if not request.family.caches:
            yield ServiceError(
                "AccessDeniedException",
                "You invoked an unsupported model or your request did not allow prompt caching.",
            )
        after_result = "toolResult" in point.before and not request.family.caches_after_results
        if point.place not in request.family.caches or after_result:
            yield extraneous(f"{point.path}/{point.index}", "cachePoint")


def cache_points_do_not_follow_plain_documents(request: ModelRequest) -> Problems:
    """For Claude no cache point comes right after a document that is neither a PDF nor cited: Bedrock loses it."""
    for point in _points(request.conversation) if request.is_claude else ():
        document = point.before.get("document", {"format": "pdf"})
        if document.get("format") != "pdf" and not document.get("citations", {}).get("enabled"):
            yield f"{MODEL_ERRORS} {point.path[1:].replace('/', '.')}.{point.index}.type: Field required"


def _points(conversation: Conversation) -> Iterator[PlacedCachePoint]:
    """Yield the cache points in the order of the prompt."""
    yield from _in_list("tools", "/toolConfig/tools", tools(conversation))
    yield from _in_list("system", "/system", conversation.get("system", []))
    for index, message in messages(conversation):
        yield from _in_list("messages", f"/messages/{index}/content", message["content"])


def _in_list(place: str, path: str, blocks: list[Mapping[str, Any]]) -> Iterator[PlacedCachePoint]:
    skipped = 0
    for index, block in enumerate(blocks):
        if "cachePoint" in block:
            before = blocks[index - 1] if index else {}
            ttl = block["cachePoint"].get("ttl", "5m")
            yield PlacedCachePoint(place=place, path=path, index=index, before=before, skipped=skipped, ttl=ttl)
            skipped += 1
