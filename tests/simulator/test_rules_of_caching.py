"""Rules of cache points."""

from __future__ import annotations

from typing import Any

import pytest

from aigw_extproc.simulator import rules
from aigw_extproc.simulator.errors import ServiceError
from tests.simulator.conversations import HI, TOOLS, assistant, document, result, talk, thought, tool_talk, use, user

ANY = ""
SONNET_3_5 = "anthropic.claude-3-5-sonnet-20240620-v1:0"
SONNET_4_5 = "anthropic.claude-sonnet-4-5-20250929-v1:0"
NOVA = "us.amazon.nova-pro-v1:0"
LLAMA = "meta.llama3-3-70b-instruct-v1:0"
KIMI = "moonshotai.kimi-k3"

POINT: dict[str, Any] = {"cachePoint": {"type": "default"}}
HOUR: dict[str, Any] = {"cachePoint": {"type": "default", "ttl": "1h"}}
MODEL = "The model returned the following errors: "
NOTHING = "There is nothing available to cache. Please remove the invalid cache point and try again."
UNCACHED = "You invoked an unsupported model or your request did not allow prompt caching."


def order(place: str) -> str:
    return (
        f"{MODEL}{place}.cache_control.ttl: a ttl='1h' cache_control block must not come after a ttl='5m' cache_control"
        " block. Note that blocks are processed in the following order: `tools`, `system`, `messages`."
    )


def extraneous(place: str) -> str:
    return (
        f"{MODEL}Malformed input request: {place}: extraneous key [cachePoint] is not permitted, please reformat your"
        " input and try again."
    )


def with_tools(*more: Any) -> dict[str, Any]:
    return {"toolConfig": {"tools": [*TOOLS["tools"], *more]}}


BROKEN: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "five points": (
        ANY,
        talk(user(HI, POINT, HI, POINT, HI, POINT), system=[HI, POINT], **with_tools(POINT)),
        "ValidationException",
        f"{MODEL}A maximum of 4 blocks with cache_control may be provided. Found 5.",
    ),
    "nothing before it": (ANY, talk(user(POINT, HI)), "ValidationException", NOTHING),
    "nothing before it in system": (ANY, talk(system=[POINT, HI]), "ValidationException", NOTHING),
    "two in a row": (ANY, talk(user(HI, POINT, POINT)), "ValidationException", NOTHING),
    "after reasoning": (
        ANY,
        talk(user(), assistant(thought("Hm"), POINT, HI), user()),
        "ValidationException",
        "Cache point cannot be inserted after reasoning block. Please remove the invalid cache point and try again.",
    ),
    "an hour after minutes in messages": (
        ANY,
        talk(user(), assistant(), user(HI, POINT, HI, HOUR)),
        "ValidationException",
        order("messages.2.content.1"),
    ),
    "an hour in system after minutes in tools": (
        ANY,
        talk(system=[HI, HOUR], **with_tools(POINT)),
        "ValidationException",
        order("system.0"),
    ),
    "an hour in messages after minutes in system": (
        ANY,
        talk(user(HI, HOUR), system=[HI, POINT], **with_tools(HOUR)),
        "ValidationException",
        order("messages.0.content.0"),
    ),
    "Llama": (LLAMA, talk(user(HI, POINT)), "AccessDeniedException", UNCACHED),
    "Kimi, which caches automatically": (KIMI, talk(system=[HI, POINT]), "AccessDeniedException", UNCACHED),
    "an early Claude": (SONNET_3_5, talk(user(HI, POINT)), "AccessDeniedException", UNCACHED),
    "among Nova's tools": (
        NOVA,
        talk(**with_tools(POINT)),
        "ValidationException",
        extraneous("#/toolConfig/tools/1"),
    ),
    "after a tool result for Nova": (
        NOVA,
        tool_talk(user(), assistant(use("a")), user(result("a"), POINT)),
        "ValidationException",
        extraneous("#/messages/2/content/1"),
    ),
    "after a plain document for Claude": (
        SONNET_4_5,
        talk(user(HI, document("a"), POINT)),
        "ValidationException",
        f"{MODEL}messages.0.content.2.type: Field required",
    ),
}


@pytest.mark.parametrize(("model", "conversation", "name", "message"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_rule_is_reported(model: str, conversation: dict[str, Any], name: str, message: str) -> None:
    with pytest.raises(ServiceError) as caught:
        rules.check(conversation, model)
    assert (caught.value.name, caught.value.message) == (name, message)


KEPT: dict[str, tuple[str, dict[str, Any]]] = {
    "four points of falling time": (
        SONNET_4_5,
        talk(user(HI, POINT, HI, POINT), system=[HI, HOUR], **with_tools(HOUR)),
    ),
    "no points where nothing is cached": (LLAMA, talk()),
    "after a tool result for Claude": (
        SONNET_4_5,
        tool_talk(user(), assistant(use("a")), user(result("a"), POINT)),
    ),
    "after a text after a tool result for Nova": (
        NOVA,
        tool_talk(user(), assistant(use("a")), user(result("a"), HI, POINT), system=[HI, POINT]),
    ),
    "after a PDF": (SONNET_4_5, talk(user(HI, document("a", "JVBERi0xLjc=", "pdf"), POINT))),
    "after a document to be cited": (SONNET_4_5, talk(user(HI, document("a", citations={"enabled": True}), POINT))),
    "after a plain document for Nova": (NOVA, talk(user(HI, document("a"), POINT))),
}


@pytest.mark.parametrize(("model", "conversation"), KEPT.values(), ids=KEPT.keys())
def test_a_valid_request_passes(model: str, conversation: dict[str, Any]) -> None:
    assert rules.check(conversation, model) is None
