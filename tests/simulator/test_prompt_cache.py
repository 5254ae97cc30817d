"""Tests of the prompt cache."""

from __future__ import annotations

from typing import Any

from aigw_extproc.simulator.prompt_cache import MAX_PREFIXES, CacheUse, PromptCache

MODEL = "anthropic.claude-sonnet-4-5-20250929-v1:0"
POINT: dict[str, Any] = {"cachePoint": {"type": "default"}}
HOUR: dict[str, Any] = {"cachePoint": {"type": "default", "ttl": "1h"}}


def user(*blocks: Any) -> dict[str, Any]:
    return {"role": "user", "content": [block if isinstance(block, dict) else {"text": block} for block in blocks]}


def talk(*messages: Any, **more: Any) -> dict[str, Any]:
    return {"messages": list(messages), **more}


def used(read: int, written: int, *details: tuple[str, int]) -> CacheUse:
    return CacheUse(read=read, written=written, details=details)


def test_a_prefix_is_written_once_and_then_read() -> None:
    cache = PromptCache()
    body = talk(user("one two three", POINT, "four"))
    assert [cache.use(MODEL, body, now) for now in (0, 1)] == [used(0, 4, ("5m", 4)), used(4, 0)]


def test_a_longer_prefix_is_read_as_far_as_it_is_cached() -> None:
    cache = PromptCache()
    cache.use(MODEL, talk(user("one two", POINT)), 0)
    assert cache.use(MODEL, talk(user("one two", POINT, "three four", POINT)), 1) == used(3, 2, ("5m", 2))


def test_a_prefix_does_not_depend_on_the_points_within_it() -> None:
    cache = PromptCache()
    cache.use(MODEL, talk(user("one two", POINT, "three", POINT)), 0)
    assert cache.use(MODEL, talk(user("one two", "three", POINT)), 1) == used(4, 0)


def test_another_text_is_not_cached() -> None:
    cache = PromptCache()
    cache.use(MODEL, talk(user("one", POINT)), 0)
    assert cache.use(MODEL, talk(user("two", POINT)), 1) == used(0, 2, ("5m", 2))


def test_another_model_has_its_own() -> None:
    cache = PromptCache()
    cache.use(MODEL, talk(user("one", POINT)), 0)
    assert cache.use("other.model", talk(user("one", POINT)), 1) == used(0, 2, ("5m", 2))


def test_tools_come_before_system_and_system_before_messages() -> None:
    cache = PromptCache()
    tools = {"toolConfig": {"tools": [{"toolSpec": {"name": "clock"}}, POINT]}}
    system = {"system": [{"text": "Be brief"}, POINT]}
    cache.use(MODEL, talk(user("Hi"), **tools, **system), 0)
    assert cache.use(MODEL, talk(user("Ho", POINT), **tools, **system), 1) == used(3, 2, ("5m", 2))


def test_written_tokens_are_counted_by_ttl() -> None:
    body = talk(user("one", HOUR, "two three", POINT))
    assert PromptCache().use(MODEL, body, 0) == used(0, 4, ("1h", 2), ("5m", 2))


def test_a_prefix_expires() -> None:
    cache = PromptCache()
    body = talk(user("one", HOUR, "two", POINT))
    cache.use(MODEL, body, 0)
    assert cache.use(MODEL, body, 300) == used(2, 1, ("5m", 1))


def test_reading_extends_the_ttl() -> None:
    cache = PromptCache()
    body = talk(user("one", POINT))
    assert [cache.use(MODEL, body, now) for now in (0, 299, 598)][1:] == [used(2, 0), used(2, 0)]


def test_the_size_is_limited() -> None:
    cache = PromptCache()
    bodies = [talk(user(f"number{n}", POINT)) for n in range(MAX_PREFIXES + 1)]
    for body in bodies:
        cache.use(MODEL, body, 0)
    assert (cache.use(MODEL, bodies[-1], 1), cache.use(MODEL, bodies[0], 1)) == (used(2, 0), used(0, 2, ("5m", 2)))


def test_without_points_nothing_is_cached() -> None:
    assert PromptCache().use(MODEL, talk(user("Hi")), 0) is None


def test_boto3_sees_it_in_the_usage(bedrock: Any) -> None:
    request = {"modelId": MODEL, **talk(user("seen with boto3", POINT, "and more"))}
    usages = [bedrock.converse(**request)["usage"] for _ in range(2)]
    (*_, last) = bedrock.converse_stream(**request)["stream"]
    whole = {"inputTokens": 2, "outputTokens": 8, "totalTokens": 14}
    assert [*usages, last["metadata"]["usage"]] == [
        {
            **whole,
            "cacheReadInputTokens": 0,
            "cacheWriteInputTokens": 4,
            "cacheDetails": [{"ttl": "5m", "inputTokens": 4}],
        },
        *[{**whole, "cacheReadInputTokens": 4, "cacheWriteInputTokens": 0, "cacheDetails": []}] * 2,
    ]
