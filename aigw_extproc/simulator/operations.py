"""The operations of bedrock-runtime, and the lists of models of the control plane."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import msgspec

from aigw_extproc.simulator import (
    converse,
    converse_prompt,
    faults,
    http_messages,
    model_lists,
    openai_chat,
    rules,
    shapes,
)
from aigw_extproc.simulator.authentication import authenticate
from aigw_extproc.simulator.converse_request import Conversation
from aigw_extproc.simulator.errors import Invalid, ServiceError
from aigw_extproc.simulator.faults import Fault
from aigw_extproc.simulator.http_messages import HttpRequest, HttpResponse
from aigw_extproc.simulator.invoke_formats import PROFILE, invoke_format_of
from aigw_extproc.simulator.model import complete
from aigw_extproc.simulator.model_families import capabilities_of
from aigw_extproc.simulator.prompt import ModelPrompt, ModelReply
from aigw_extproc.simulator.prompt_cache import CacheUse, PromptCache
from aigw_extproc.simulator.script import FailedTurns
from aigw_extproc.simulator.settings import Settings


@dataclass(slots=True, kw_only=True)
class Call:
    """A call of an operation."""

    operation: str
    """Name in the service model."""
    model_id: str
    request: HttpRequest
    fault: Fault
    """Of the request; a script that the prompt contains may choose another."""
    cache: PromptCache
    failed_turns: FailedTurns
    now: float

    def check_shape(self, body: Mapping[str, Any]) -> None:
        """Check the request against the service model, then raise the fault's refusal. Raises ServiceError."""
        shapes.validate(self.operation, _members(self, body))
        self._raise_refusal()

    def use_cache(self, conversation: Conversation) -> CacheUse | None:
        """Look up a prompt, and cache it up to its cache points."""
        return self.cache.use(self.model_id, conversation, self.now)

    def complete(self, prompt: ModelPrompt) -> ModelReply:
        """Return the model's reply, with the fault. Raises ServiceError if the script's fault is a refusal."""
        scripted = prompt.scripted.fault if prompt.scripted else None
        if scripted and self.failed_turns.add(prompt.seed):
            self.fault = faults.selected_fault(self.model_id, scripted)
            self._raise_refusal()
        return self.fault.reword(complete(prompt), self.fault.parameter)

    def _raise_refusal(self) -> None:
        if self.fault.refusal:
            raise self.fault.refusal(self.fault.parameter)


def respond(
    request: HttpRequest,
    settings: Settings,
    cache: PromptCache | None = None,
    failed_turns: FailedTurns | None = None,
) -> HttpResponse:
    """Return the response to a request, errors included. Without `cache`, nothing is cached."""
    try:
        return _respond(request, settings, cache or PromptCache(), failed_turns or FailedTurns())
    except ServiceError as failure:
        return http_messages.error(failure)
    except RecursionError:
        return http_messages.error(ServiceError("SerializationException", "The body is nested too deeply"))


def _respond(request: HttpRequest, settings: Settings, cache: PromptCache, failed_turns: FailedTurns) -> HttpResponse:
    authenticate(request, settings)
    if (request.method, request.raw_path) == ("POST", openai_chat.PATH):
        return openai_chat.respond(request.body)
    if model_lists.is_list(request):
        return model_lists.respond(request)
    segment, model_id = request.target()
    if segment not in OPERATIONS:
        raise ServiceError("UnknownOperationException", f"Unknown operation: {segment}")
    operation, handle = OPERATIONS[segment]
    fault = faults.selected_fault(model_id, request.header(faults.HEADER))
    call = Call(
        operation=operation,
        model_id=model_id,
        request=request,
        fault=fault,
        cache=cache,
        failed_turns=failed_turns,
        now=settings.clock(),
    )
    response = handle(call)
    return call.fault.disturb(response, call.fault.parameter)


def _converse(call: Call) -> HttpResponse:
    return http_messages.json(converse.response(*_reply(call)))


def _converse_stream(call: Call) -> HttpResponse:
    return http_messages.stream(converse.frames(*_reply(call)))


def _reply(call: Call) -> tuple[Conversation, ModelReply, CacheUse | None]:
    """Return the valid request, the model's reply and the cache's use."""
    body = _json(call.request.body)
    call.check_shape(body)
    rules.check(body, call.model_id, streamed=call.operation == "ConverseStream")
    reply = call.complete(converse_prompt.prompt(body, capabilities_of(call.model_id)))
    return body, reply, call.use_cache(body)


def _invoke(call: Call) -> HttpResponse:
    _check_invocation(call)
    invocation = invoke_format_of(call.model_id).invoke(call.model_id, call.request.body, call.complete, call.use_cache)
    return http_messages.json(invocation.body, headers=invocation.headers)


def _invoke_stream(call: Call) -> HttpResponse:
    _check_invocation(call)
    body_format = invoke_format_of(call.model_id)
    encoded = body_format.invoke_stream(call.model_id, call.request.body, call.complete, call.use_cache)
    return http_messages.stream(encoded, headers={"x-amzn-bedrock-content-type": "application/json"})


def _check_invocation(call: Call) -> None:
    """Check the shape, and the header with metadata: a JSON object of what Converse has in its body.

    https://docs.aws.amazon.com/bedrock/latest/userguide/cost-mgmt-request-metadata.html
    """
    call.check_shape(_blob(call))
    header = call.request.header("x-amzn-bedrock-request-metadata")
    if header is None:
        return
    try:
        pairs = msgspec.json.decode(header)
    except msgspec.DecodeError:
        raise Invalid("The request metadata is not valid JSON.") from None
    for problem in shapes.violations(shapes.service_model().shape_for("RequestMetadata"), pairs):
        raise Invalid(f"1 validation error detected: {problem}")


def _count_tokens(call: Call) -> HttpResponse:
    body = _json(call.request.body)
    call.check_shape(body)
    # https://docs.aws.amazon.com/bedrock/latest/userguide/count-tokens.html: foundation models only.
    if PROFILE.match(call.model_id):
        raise Invalid("The provided model doesn't support counting tokens.")
    if "converse" in body["input"]:
        conversation = body["input"]["converse"]
        rules.check(conversation, call.model_id)
        count = converse_prompt.input_tokens(conversation)
    else:
        encoded = body["input"]["invokeModel"]["body"]
        count = invoke_format_of(call.model_id).count_tokens(call.model_id, base64.b64decode(encoded))
    return http_messages.json({"inputTokens": count})


def _json(body: bytes) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ServiceError("SerializationException", f"The body is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise ServiceError("SerializationException", "The body is not a JSON object")
    return value


def _blob(call: Call) -> dict[str, str]:
    return {"body": base64.b64encode(call.request.body).decode()}


def _members(call: Call, body: Mapping[str, Any]) -> dict[str, Any]:
    """Return all members of the operation's input, from body, headers and path."""
    members = shapes.service_model().operation_model(call.operation).input_shape.members
    outside = {name: shape.serialization for name, shape in members.items() if "location" in shape.serialization}
    misplaced = [name for name in outside if name in body]
    if misplaced:
        raise Invalid(f"extraneous key [{misplaced[0]}] is not permitted in the body")
    headers = {name: call.request.header(where["name"].lower()) for name, where in outside.items()}
    present = {name: value for name, value in headers.items() if value is not None}
    return {**body, **present, "modelId": call.model_id}


OPERATIONS: Mapping[str, tuple[str, Callable[[Call], HttpResponse]]] = MappingProxyType(
    {
        "converse": ("Converse", _converse),
        "converse-stream": ("ConverseStream", _converse_stream),
        "count-tokens": ("CountTokens", _count_tokens),
        "invoke": ("InvokeModel", _invoke),
        "invoke-with-response-stream": ("InvokeModelWithResponseStream", _invoke_stream),
    }
)
"""Operation and handler, by the last segment of the path."""
