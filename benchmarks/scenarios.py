"""What is asked of every stack."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.load import Request
from benchmarks.stacks import Stack
from benchmarks.traffic import CHAT_PATH, chat_request, converse_request


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What is asked, by how many at a time, how often."""

    name: str
    stream: bool
    connections: int
    requests: int

    def request(self, stack: Stack) -> Request:
        """The same question in the words that the stack takes."""
        if stack.translates:
            expected = b"data: [DONE]\n\n" if self.stream else b'"object":"chat.completion"'
            return Request(path=CHAT_PATH, body=chat_request(stream=self.stream), expected=expected)
        upstream = converse_request(stream=self.stream)
        return Request(path=upstream.path, body=upstream.body, expected=b"end_turn")


CHAT = Scenario(name="chat, 16 connections", stream=False, connections=16, requests=4000)
CHAT_LATENCY = Scenario(name="chat, 1 connection", stream=False, connections=1, requests=400)
STREAM = Scenario(name="stream, 16 connections", stream=True, connections=16, requests=320)
SCENARIOS = (CHAT, CHAT_LATENCY, STREAM)
