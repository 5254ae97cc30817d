"""The request of vLLM's tokenizer API: a prompt, or a conversation with its tools.

https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html, "Tokenizer API"
"""

from __future__ import annotations

import msgspec

from aigw_extproc import wire
from aigw_extproc.errors import InvalidRequest
from aigw_extproc.openai import chat


class Prompt(wire.Open, frozen=True, kw_only=True):
    model: str
    prompt: str


_PROMPT = msgspec.json.Decoder(Prompt)


def parse(body: bytes) -> chat.ChatRequest:
    """Parse the body of POST /tokenize; a prompt becomes one user message.

    Raises:
        InvalidRequest: the body is not JSON or a field has the wrong type; `param` is the field's path.
    """
    if "messages" in wire.decode(wire.FIELDS, body):
        return chat.parse(body)
    request = wire.decode_open(_PROMPT, body)
    if not request.prompt.strip():
        raise InvalidRequest.at("prompt", "the prompt is blank")
    message = chat.UserMessage(content=request.prompt)
    return chat.ChatRequest(model=request.model, messages=[message], others=request.others)
