"""The operations of bedrock-runtime: from an authentic request to its answer."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import msgspec

from aigw_extproc.simulator import answers, converse, converse_prompt, faults, openai_chat, rules, shapes
from aigw_extproc.simulator.answers import Answer
from aigw_extproc.simulator.authentication import authenticate
from aigw_extproc.simulator.errors import Invalid, ServiceError
from aigw_extproc.simulator.faults import Injection
from aigw_extproc.simulator.invoke_formats import PROFILE, family_of
from aigw_extproc.simulator.model import complete
from aigw_extproc.simulator.model_families import capabilities_of
from aigw_extproc.simulator.prompt import Prompt, Reply
from aigw_extproc.simulator.prompt_cache import CacheUse, PromptCache
from aigw_extproc.simulator.received import Received
from aigw_extproc.simulator.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of an operation."""

    operation: str
    """Its name in the service model."""
    model_id: str
    received: Received
    fault: Injection | None
    cache: PromptCache
    now: float

    def check_shape(self, body: Mapping[str, Any]) -> None:
        """Holds the request against the service model; behind that, Bedrock looks whether the model may be used."""
        shapes.validate(self.operation, _members(self, body))
        if self.fault:
            self.fault.admit()

    def complete(self, prompt: Prompt) -> Reply:
        """The model's reply, as the fault wants it."""
        reply = complete(prompt)
        return self.fault.reword(reply) if self.fault else reply


def respond(received: Received, settings: Settings, cache: PromptCache | None = None) -> Answer:
    """The answer to a request; whatever is wrong with it is an answer too. Without a cache none is remembered."""
    try:
        return _respond(received, settings, cache or PromptCache())
    except ServiceError as failure:
        return answers.error(failure)
    except RecursionError:
        return answers.error(ServiceError("SerializationException", "The body is nested too deeply"))


def _respond(received: Received, settings: Settings, cache: PromptCache) -> Answer:
    authenticate(received, settings)
    if (received.method, received.raw_path) == ("POST", openai_chat.PATH):
        return openai_chat.respond(received.body)
    segment, model_id = received.target()
    if segment not in OPERATIONS:
        raise ServiceError("UnknownOperationException", f"There is no operation {segment}")
    operation, handle = OPERATIONS[segment]
    fault = faults.asked_for(model_id, received.header(faults.HEADER))
    call = Call(
        operation=operation, model_id=model_id, received=received, fault=fault, cache=cache, now=settings.clock()
    )
    answer = handle(call)
    return fault.disturb(answer) if fault else answer


def _converse(call: Call) -> Answer:
    return answers.json(converse.response(*_conversed(call)))


def _converse_stream(call: Call) -> Answer:
    return answers.stream(converse.frames(*_conversed(call)))


def _conversed(call: Call) -> tuple[Mapping[str, Any], Reply, CacheUse | None]:
    """A valid request, what the model replies, and what of the request was cached."""
    body = _json(call.received.body)
    call.check_shape(body)
    rules.check(body, call.model_id, streamed=call.operation == "ConverseStream")
    reply = call.complete(converse_prompt.prompt(body, capabilities_of(call.model_id)))
    return body, reply, call.cache.use(call.model_id, body, call.now)


def _invoke(call: Call) -> Answer:
    call.check_shape(_blob(call))
    invocation = family_of(call.model_id).invoke(call.model_id, call.received.body, call.complete)
    return answers.json(invocation.body, headers=invocation.headers)


def _invoke_stream(call: Call) -> Answer:
    call.check_shape(_blob(call))
    encoded = family_of(call.model_id).invoke_stream(call.model_id, call.received.body, call.complete)
    return answers.stream(encoded, x_amzn_bedrock_content_type="application/json")


def _count_tokens(call: Call) -> Answer:
    body = _json(call.received.body)
    call.check_shape(body)
    # https://docs.aws.amazon.com/bedrock/latest/userguide/count-tokens.html: foundation models only.
    if PROFILE.match(call.model_id):
        raise Invalid("The provided model doesn't support counting tokens.")
    (kind, value), *_ = body["input"].items()
    return answers.json({"inputTokens": COUNTERS[kind](call, value)})


def _count_conversation(call: Call, conversation: Mapping[str, Any]) -> int:
    rules.check(conversation, call.model_id)
    return converse_prompt.input_tokens(conversation)


def _count_invocation(call: Call, invocation: Mapping[str, Any]) -> int:
    return family_of(call.model_id).count_tokens(base64.b64decode(invocation["body"]))


def _json(body: bytes) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ServiceError("SerializationException", f"The body is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise ServiceError("SerializationException", "The body is not a JSON object")
    return value


def _blob(call: Call) -> dict[str, str]:
    return {"body": base64.b64encode(call.received.body).decode()}


def _members(call: Call, body: Mapping[str, Any]) -> dict[str, Any]:
    """All members of the operation's input, from where the service model says that they travel."""
    members = shapes.service_model().operation_model(call.operation).input_shape.members
    travelling = {name: shape.serialization for name, shape in members.items() if "location" in shape.serialization}
    misplaced = [name for name in travelling if name in body]
    if misplaced:
        raise Invalid(f"extraneous key [{misplaced[0]}] is not permitted in the body")
    headers = {name: call.received.header(where["name"].lower()) for name, where in travelling.items()}
    present = {name: value for name, value in headers.items() if value is not None}
    return {**body, **present, "modelId": call.model_id}


COUNTERS: Mapping[str, Callable[[Call, Mapping[str, Any]], int]] = MappingProxyType(
    {"converse": _count_conversation, "invokeModel": _count_invocation}
)

OPERATIONS: Mapping[str, tuple[str, Callable[[Call], Answer]]] = MappingProxyType(
    {
        "converse": ("Converse", _converse),
        "converse-stream": ("ConverseStream", _converse_stream),
        "count-tokens": ("CountTokens", _count_tokens),
        "invoke": ("InvokeModel", _invoke),
        "invoke-with-response-stream": ("InvokeModelWithResponseStream", _invoke_stream),
    }
)
"""By the last segment of the path."""
