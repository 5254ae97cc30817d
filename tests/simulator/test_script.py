"""Scripts that decide what the simulated model does in each turn."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aigw_extproc.simulator.operations import respond
from aigw_extproc.simulator.script import MAX_FAILED_TURNS, FailedTurns, Say, Step, Use, scripted_step
from aigw_extproc.simulator.settings import Settings
from tests.simulator.signing import NOW, signed

LINES = 'use Read {"file_path": "a.py"}\n  use Bash {"command": "python a.py"}\nsay Done.\n'
SCRIPT = f"Please follow this.\nsimulator script:\n{LINES}</task>"
READ = Use(tool="Read", input={"file_path": "a.py"})
BASH = Use(tool="Bash", input={"command": "python a.py"})


def step(*turns: tuple[str, str], has_tools: bool = True) -> Step | None:
    return scripted_step(turns, has_tools=has_tools)


@pytest.mark.parametrize(
    ("replies", "expected"), list(enumerate((READ, BASH, Say(text="Done."), Say(text="The script has ended."))))
)
def test_each_turn_of_the_model_takes_the_next_line(replies: int, expected: Step) -> None:
    history = [("user", SCRIPT), *[("assistant", "I will."), ("user", "a result")] * replies]
    assert step(*history) == expected


def test_the_newest_script_counts() -> None:
    assert step(("user", SCRIPT), ("assistant", "x"), ("user", "simulator script:\nsay Second.")) == Say(text="Second.")


def test_without_a_script_nothing_is_decided() -> None:
    assert step(("user", "simulator script: none"), ("assistant", SCRIPT)) is None


def test_requests_without_tools_do_not_follow_a_script_with_tools() -> None:
    assert step(("user", SCRIPT), has_tools=False) is None
    assert step(("user", "simulator script:\nsay Hi."), has_tools=False) == Say(text="Hi.")


def test_a_text_can_be_a_json_string() -> None:
    assert step(("user", 'simulator script:\nsay "two\\nlines"')) == Say(text="two\nlines")


def test_a_tool_without_input_gets_an_empty_object() -> None:
    assert step(("user", "simulator script:\nuse TaskList")) == Use(tool="TaskList", input={})


def test_a_script_for_a_sub_agent_is_part_of_a_tools_input() -> None:
    inner = "simulator script:\nsay From the sub-agent."
    outer = f"simulator script:\nuse Task {json.dumps({'prompt': inner})}\nsay Done."
    assert step(("user", outer)) == Use(tool="Task", input={"prompt": inner})
    assert step(("user", outer), ("assistant", "x"), ("user", "y")) == Say(text="Done.")


def test_a_faulty_line_is_said() -> None:
    assert step(("user", "simulator script:\nuse Read {file: 1}")) == Say(
        text="The script cannot be read: JSON is malformed: object keys must be strings (byte 1) in use Read {file: 1}"
    )


def test_a_turn_can_have_a_fault() -> None:
    turns = [("user", "simulator script:\nsay One.\nfail throttling-2\nsay Two."), ("assistant", "One.")]
    assert step(turns[0]) == Say(text="One.")
    assert step(*turns, ("user", "Go on.")) == Say(text="Two.", fault="throttling-2")


# A loop of an agent: read a file, edit it, run it, see an error, finish.

LOOP = [
    ("Read", {"file_path": "a.py"}, "print(1/0)"),
    ("Edit", {"file_path": "a.py", "old_string": "1/0", "new_string": "1/x"}, "edited"),
    ("Bash", {"command": "python a.py"}, "NameError"),
    ("Edit", {"file_path": "a.py", "old_string": "1/x", "new_string": "1"}, "edited"),
]
PROMPT = (
    "simulator script:\n" + "".join(f"use {tool} {json.dumps(values)}\n" for tool, values, _ in LOOP) + "say Fixed."
)
TOOLS = ("Read", "Edit", "Bash")
SETTINGS = Settings(clock=NOW.timestamp)


def post(path: str, body: dict[str, Any]) -> Any:
    response = respond(signed(body, path=path), SETTINGS)
    assert response.status == 200, response.body
    return json.loads(response.body)


def test_a_script_drives_an_agents_loop_through_converse() -> None:
    config = {"tools": [{"toolSpec": {"name": name, "inputSchema": {"json": {"type": "object"}}}} for name in TOOLS]}
    messages: list[Any] = [{"role": "user", "content": [{"text": PROMPT}]}]
    for tool, values, result in LOOP:
        message = post("/model/amazon.nova-micro-v1%3A0/converse", {"messages": messages, "toolConfig": config})
        use = message["output"]["message"]["content"][-1]["toolUse"]
        assert (use["name"], use["input"]) == (tool, values)
        answer = {"toolResult": {"toolUseId": use["toolUseId"], "content": [{"text": result}]}}
        messages += [message["output"]["message"], {"role": "user", "content": [answer]}]
    message = post("/model/amazon.nova-micro-v1%3A0/converse", {"messages": messages, "toolConfig": config})
    assert message["output"]["message"]["content"] == [{"text": "Fixed."}]


def test_a_script_drives_an_agents_loop_through_claudes_own_body() -> None:
    path = "/model/anthropic.claude-sonnet-4-6/invoke"
    tools = [{"name": name, "input_schema": {"type": "object"}} for name in TOOLS]
    messages: list[Any] = [{"role": "user", "content": PROMPT}]
    body = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 100, "tools": tools, "messages": messages}
    for tool, values, result in LOOP:
        message = post(path, body)
        use = message["content"][-1]
        assert (use["name"], use["input"]) == (tool, values)
        answer = {"type": "tool_result", "tool_use_id": use["id"], "content": result, "is_error": result == "NameError"}
        messages += [{"role": "assistant", "content": message["content"]}, {"role": "user", "content": [answer]}]
    assert post(path, body)["content"] == [{"type": "text", "text": "Fixed."}]


def test_a_script_drives_an_agents_loop_through_openais_api() -> None:
    path = "/openai/v1/chat/completions"
    tools = [{"type": "function", "function": {"name": name}} for name in TOOLS]
    messages: list[Any] = [{"role": "user", "content": PROMPT}]
    body = {"model": "openai.gpt-oss-20b-1:0", "tools": tools, "messages": messages}
    for tool, values, result in LOOP:
        message = post(path, body)["choices"][0]["message"]
        (call,) = message["tool_calls"]
        assert (call["function"]["name"], json.loads(call["function"]["arguments"])) == (tool, values)
        messages += [message, {"role": "tool", "tool_call_id": call["id"], "content": result}]
    assert post(path, body)["choices"][0]["message"]["content"] == "Fixed."


@pytest.mark.parametrize(
    ("fault", "failure"),
    [
        ("throttling-7", {"message": "Too many requests, please wait before trying again."}),
        ("nonsense", {"message": "The simulator has no fault named nonsense: see GET /simulator/faults"}),
        ("empty", None),
    ],
)
def test_a_fault_of_a_script_is_met_once(fault: str, failure: Any) -> None:
    messages = [{"role": "user", "content": [{"text": f"simulator script:\nfail {fault}\nsay Recovered."}]}]
    request = signed({"messages": messages}, path="/model/amazon.nova-micro-v1%3A0/converse")
    failed_turns = FailedTurns()
    first, second = (respond(request, SETTINGS, failed_turns=failed_turns) for _ in range(2))
    assert (first.status >= 400, json.loads(first.body or b"null")) == (True, failure)
    assert json.loads(second.body)["output"]["message"]["content"] == [{"text": "Recovered."}]


def test_the_oldest_failed_turns_are_forgotten() -> None:
    failed_turns = FailedTurns()
    added = [failed_turns.add(b"%d" % number) for number in range(MAX_FAILED_TURNS + 1)]
    assert (all(added), failed_turns.add(b"0"), failed_turns.add(b"1000")) == (True, True, False)


def test_json_objects_are_json_through_every_api() -> None:
    system = "Answer with one JSON object and nothing else."
    hi = [{"role": "user", "content": [{"text": "Hi"}]}]
    converse = post("/model/amazon.nova-micro-v1%3A0/converse", {"messages": hi, "system": [{"text": system}]})
    said = [json.loads(converse["output"]["message"]["content"][0]["text"])]
    body = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 100, "system": system}
    hi = [{"role": "user", "content": "Hi"}]
    invoke = post("/model/anthropic.claude-sonnet-4-6/invoke", {**body, "messages": hi})
    said.append(json.loads(invoke["content"][0]["text"]))
    chat = {"model": "openai.gpt-oss-20b-1:0", "messages": hi, "response_format": {"type": "json_object"}}
    choices = post("/openai/v1/chat/completions", chat)["choices"]
    said.append(json.loads(choices[0]["message"]["content"]))
    assert said == [{"answer": "Hello! You said: Hi"}] * 3
