"""Cache points: how many, where, and in which order.

https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from aigw_extproc.simulator.errors import ServiceError
from aigw_extproc.simulator.rules.conversation import MODEL_ERRORS, Asked, Conversation, Problems, messages

MOST_POINTS = 4
REMOVE = "Please remove the invalid cache point and try again."


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A cachePoint among its neighbours."""

    place: str
    """tools, system or messages."""
    path: str
    """JSON pointer of the list that it is in."""
    index: int
    before: Mapping[str, Any]
    """The block before it; empty where it is the first."""
    skipped: int
    """Cache points before it in the list: Anthropic's API, in which they are no blocks, does not count them."""
    ttl: str

    @property
    def anthropic_path(self) -> str:
        """The block that it closes, as Anthropic's API has it."""
        return f"{self.path[1:].replace('/', '.')}.{self.index - 1 - self.skipped}".removeprefix("toolConfig.")


def cache_points_are_few(conversation: Conversation) -> Problems:
    """At most four in a request."""
    count = sum(1 for _ in _points(conversation))
    if count > MOST_POINTS:
        yield f"{MODEL_ERRORS} A maximum of {MOST_POINTS} blocks with cache_control may be provided. Found {count}."


def cache_points_close_something(conversation: Conversation) -> Problems:
    """Before each stands a block, and not another cache point or what was thought."""
    for point in _points(conversation):
        if not point.before or "cachePoint" in point.before:
            yield f"There is nothing available to cache. {REMOVE}"
        if "reasoningContent" in point.before:
            yield f"Cache point cannot be inserted after reasoning block. {REMOVE}"


def times_to_live_do_not_rise(conversation: Conversation) -> Problems:
    """What is kept for an hour does not stand behind what is kept for five minutes."""
    for before, after in pairwise(_points(conversation)):
        if (before.ttl, after.ttl) == ("5m", "1h"):
            yield (
                f"{MODEL_ERRORS} {after.anthropic_path}.cache_control.ttl: a ttl='1h' cache_control block must not come"
                " after a ttl='5m' cache_control block. Note that blocks are processed in the following order: `tools`,"
                " `system`, `messages`."
            )


def cache_points_are_where_the_family_takes_them(asked: Asked) -> Problems:
    """None for families that do not cache; Nova's not among tools, nor right behind their results."""
    for point in _points(asked.conversation):
        if not asked.family.caches:
            yield ServiceError(
                "AccessDeniedException",
                "You invoked an unsupported model or your request did not allow prompt caching.",
            )
        behind_result = "toolResult" in point.before and not asked.family.caches_behind_results
        if point.place not in asked.family.caches or behind_result:
            yield (
                f"{MODEL_ERRORS} Malformed input request: #{point.path}/{point.index}: extraneous key [cachePoint] is"
                " not permitted, please reformat your input and try again."
            )


def cache_points_are_not_behind_plain_documents(asked: Asked) -> Problems:
    """For Claude none stands right behind a document that is neither a PDF nor to be cited: the point gets lost."""
    for point in _points(asked.conversation) if asked.is_claude else ():
        document = point.before.get("document", {"format": "pdf"})
        if document.get("format") != "pdf" and not document.get("citations", {}).get("enabled"):
            yield f"{MODEL_ERRORS} {point.path[1:].replace('/', '.')}.{point.index}.type: Field required"


def _points(conversation: Conversation) -> Iterator[Point]:
    """In the order in which a prompt is read."""
    yield from _in_list("tools", "/toolConfig/tools", conversation.get("toolConfig", {}).get("tools", []))
    yield from _in_list("system", "/system", conversation.get("system", []))
    for index, message in messages(conversation):
        yield from _in_list("messages", f"/messages/{index}/content", message["content"])


def _in_list(place: str, path: str, blocks: list[Mapping[str, Any]]) -> Iterator[Point]:
    skipped = 0
    for index, block in enumerate(blocks):
        if "cachePoint" in block:
            before = blocks[index - 1] if index else {}
            ttl = block["cachePoint"].get("ttl", "5m")
            yield Point(place=place, path=path, index=index, before=before, skipped=skipped, ttl=ttl)
            skipped += 1
