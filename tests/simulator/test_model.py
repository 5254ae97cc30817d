"""Replies of the simulated model."""

from __future__ import annotations

from typing import Any

import pytest

from aigw_extproc.simulator.model import complete, input_deltas, lengthen
from aigw_extproc.simulator.prompt import (
    ModelPrompt,
    ModelReply,
    ModelTool,
    ReplyText,
    ReplyToolUse,
    asks_for_json,
    count_text,
    tokens,
)
from aigw_extproc.simulator.script import Say, Use

CLOCK = ModelTool(name="clock", schema={"type": "object", "properties": {"zone": {"type": "string"}}})
WEATHER = ModelTool(name="get_weather", schema={"type": "object", "properties": {}})


def ask(text: str = "Hi", **more: Any) -> ModelReply:
    return complete(ModelPrompt(**{"text": text, "input_tokens": 3, "seed": b"seed", **more}))


def said(reply: ModelReply) -> str:
    (block,) = reply.content
    assert isinstance(block, ReplyText)
    return block.text


def used(reply: ModelReply) -> list[str]:
    return [block.name for block in reply.content if isinstance(block, ReplyToolUse)]


def test_a_text_is_echoed() -> None:
    assert ask("Good morning") == ModelReply(
        key="GbJYVuHBUMqDTP_ItZsjrb",
        content=(ReplyText(text="Hello! You said: Good morning"),),
        stop_reason="end_turn",
        input_tokens=3,
        output_tokens=5,
    )


def test_a_long_text_is_cut() -> None:
    assert said(ask("x" * 1001)) == f"Hello! You said: {'x' * 1000}…"


def test_attachments_are_described() -> None:
    reply = ask("Look", attachments=("a png image of 68 bytes", "a pdf document of 9 bytes"))
    assert said(reply) == "Hello! You said: Look I see a png image of 68 bytes. I see a pdf document of 9 bytes."


def test_tool_results_are_quoted() -> None:
    assert said(ask("", tool_results=("sunny", "12:00"), tools=(CLOCK,))) == "The tools answered: sunny; 12:00"


def test_max_tokens_cuts_the_text() -> None:
    reply = ask("one two three", max_tokens=4)
    assert (said(reply), reply.stop_reason, reply.output_tokens) == ("Hello! You said: one ", "max_tokens", 4)


def test_enough_max_tokens_cut_nothing() -> None:
    assert ask("one", max_tokens=4).stop_reason == "end_turn"


def test_a_stop_sequence_cuts_the_text_before_it() -> None:
    reply = ask("one two three", stop_sequences=("three", "two"))
    assert (said(reply), reply.stop_reason, reply.stop_sequence) == ("Hello! You said: one ", "stop_sequence", "two")


def test_max_tokens_before_a_stop_sequence_win() -> None:
    reply = ask("one two", max_tokens=2, stop_sequences=("two",))
    assert (reply.stop_reason, reply.stop_sequence) == ("max_tokens", None)


def test_a_stop_sequence_at_the_start_leaves_no_content() -> None:
    assert ask(stop_sequences=("Hello",)).content == ()


def test_a_tool_that_is_asked_for_is_used() -> None:
    reply = ask("Please now use clock.", tools=(WEATHER, CLOCK))
    text, use = reply.content
    assert isinstance(use, ReplyToolUse)
    assert (text, use.name, use.input) == (ReplyText(text="I will use clock."), "clock", {"zone": "example zone"})
    assert (reply.stop_reason, reply.output_tokens) == ("tool_use", 7)


def test_tools_are_used_in_their_own_order() -> None:
    assert used(ask("now use get_weather and clock", tools=(CLOCK, WEATHER))) == ["clock", "get_weather"]


@pytest.mark.parametrize(
    "text", ["Use the clock", "clock", "Tools: Use clock", "now use clock_radio", "Use alarm-clock"]
)
def test_a_tool_that_is_not_asked_for_is_not_used(text: str) -> None:
    assert used(ask(text, tools=(CLOCK,))) == []


def test_a_forced_tool_use_has_no_text() -> None:
    reply = ask("Hi", tools=(WEATHER, CLOCK), must_use_tool=True)
    assert [type(block) for block in reply.content] == [ReplyToolUse]
    assert used(reply) == ["get_weather"]


def test_after_tool_results_only_forced_tools_are_used() -> None:
    assert used(ask("clock", tools=(CLOCK,), tool_results=("12:00",))) == []
    assert used(ask("clock", tools=(CLOCK,), tool_results=("12:00",), must_use_tool=True)) == ["clock"]


def test_a_tool_result_can_name_the_next_tool() -> None:
    reply = ask("clock", tools=(CLOCK, WEATHER), tool_results=("12:00, now use get_weather",))
    assert used(reply) == ["get_weather"]


def test_keys_of_tool_uses_differ_within_a_reply() -> None:
    _, clock, weather = ask("now use clock, get_weather", tools=(CLOCK, WEATHER)).content
    assert isinstance(clock, ReplyToolUse)
    assert isinstance(weather, ReplyToolUse)
    assert clock.key != weather.key


def test_the_same_prompt_has_the_same_answer() -> None:
    assert ask("clock", tools=(CLOCK,)) == ask("clock", tools=(CLOCK,))


def test_another_request_has_other_keys() -> None:
    assert ask("clock", tools=(CLOCK,)) != ask("clock", tools=(CLOCK,), seed=b"other")


def test_a_reply_can_be_lengthened() -> None:
    assert said(lengthen(ask(), 3)) == "word1 word2 word3"


@pytest.mark.parametrize("text", ["", " ", "a", " a  b\n", "ein zwei\t\tdrei "])
def test_tokens_joined_are_the_text(text: str) -> None:
    assert "".join(tokens(text)) == text


def test_all_text_counts_and_keys_do_not() -> None:
    assert count_text({"k k k": ["a b", {"x": "c"}], "n": 1, "z": None}) == 5


def test_input_streams_in_pieces_that_join_to_its_json() -> None:
    use = ReplyToolUse(key="k", name="n", input={"city": "München", "days": 3})
    assert input_deltas(use) == ["", '{"city":"Mün', 'chen","days"', ":3}"]


def test_an_empty_input_streams_as_an_empty_piece() -> None:
    assert input_deltas(ReplyToolUse(key="k", name="n", input={})) == [""]


def test_a_request_for_json_is_answered_with_json() -> None:
    assert said(ask('Say "hi"', wants_json=True)) == '{"answer":"Hello! You said: Say \\"hi\\""}'


@pytest.mark.parametrize(
    ("system", "asks"),
    [
        ("Answer with one JSON object and nothing else: no prose around it, no code fence.", True),
        ("You are terse. Respond only with a JSON object.", True),
        ("Answer in French. A JSON object has members.", False),
        ("", False),
    ],
)
def test_a_system_prompt_can_ask_for_json(system: str, asks: bool) -> None:
    assert asks_for_json(system) is asks


def test_a_script_decides_which_tool_is_used_and_how() -> None:
    reply = ask("Hi", tools=(CLOCK, WEATHER), scripted=Use(tool="get_weather", input={"city": "Paris"}))
    text, use = reply.content
    assert isinstance(use, ReplyToolUse)
    assert text == ReplyText(text="I will use get_weather.")
    assert (use.name, use.input, reply.stop_reason) == ("get_weather", {"city": "Paris"}, "tool_use")


def test_a_script_decides_what_is_said() -> None:
    assert said(ask("now use clock", tools=(CLOCK,), scripted=Say(text="Done."))) == "Done."


def test_a_script_with_a_tool_that_is_missing_says_so() -> None:
    reply = ask("Hi", tools=(CLOCK,), scripted=Use(tool="Read", input={}))
    assert said(reply) == "The script uses Read, which is not among the tools."


def test_a_request_that_forces_a_tool_gets_one_whatever_the_script_says() -> None:
    assert used(ask("Hi", tools=(CLOCK,), must_use_tool=True, scripted=Say(text="Done."))) == ["clock"]
