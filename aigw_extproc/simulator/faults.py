"""Faults on demand, chosen by model id or by a header.

The model `simulator.slow-50` and the header `x-simulator-fault: slow-50` both select the fault `slow` with parameter
50. The header is for clients that call the simulator directly: the gateway does not pass it on. A fault changes the
response to a valid request; an invalid request gets its own error. Only the errors that Bedrock raises before it reads
the content (access, throttling, unknown model) come first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from aigw_extproc.simulator import frames, http_messages
from aigw_extproc.simulator.errors import STATUS, ServiceError
from aigw_extproc.simulator.http_messages import AwaitAcknowledgement, HttpResponse, Pause, Reset, Step
from aigw_extproc.simulator.model import lengthen
from aigw_extproc.simulator.prompt import ModelReply

HEADER = "x-simulator-fault"
MODEL_PREFIX = "simulator."
NAME_AND_PARAMETER = re.compile(r"(?P<name>[a-z]+(?:-[a-z]+)*)(?:-(?P<parameter>\d{1,9}))?")

HTML = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"

Disturbance = Callable[[HttpResponse, int], HttpResponse]


@dataclass(frozen=True, slots=True)
class Fault:
    """A row of the table of faults, or the fault that a request selects. Its functions get the parameter last."""

    description: str
    parameter: int = 0
    """In the table, the default."""
    refusal: Callable[[int], ServiceError] | None = None
    """Error that is raised once the shape of the request has been checked."""
    disturb: Disturbance = lambda response, _: response
    reword: Callable[[ModelReply, int], ModelReply] = lambda reply, _: reply


NO_FAULT = Fault("none")


def selected_fault(model_id: str, header: str | None) -> Fault:
    """Return the fault that a request selects; the header wins over the model.

    Raises ServiceError (ResourceNotFoundException) for an unknown fault.
    """
    selector = header or (model_id.removeprefix(MODEL_PREFIX) if model_id.startswith(MODEL_PREFIX) else None)
    if selector is None:
        return NO_FAULT
    match = NAME_AND_PARAMETER.fullmatch(selector)
    if match is None or match["name"] not in FAULTS:
        raise ServiceError(
            "ResourceNotFoundException", f"The simulator has no fault named {selector}: see GET /simulator/faults"
        )
    fault = FAULTS[match["name"]]
    return replace(fault, parameter=int(match["parameter"])) if match["parameter"] else fault


def _failing(name: str, message: str, condition: str = "") -> Fault:
    failure = ServiceError(name, message)
    return Fault(
        f"{failure.status} {name}{condition}", disturb=lambda _response, _parameter: http_messages.error(failure)
    )


def _refusing(name: str, message: str) -> Fault:
    return Fault(f"{STATUS[name]} {name}", refusal=lambda _parameter: ServiceError(name, message))


def _throttling(seconds: int) -> ServiceError:
    message = "Too many requests, please wait before trying again."
    return ServiceError("ThrottlingException", message, headers={"retry-after": str(seconds)})


def _replaced(body: bytes, *, status: int = 200, content_type: str = "application/json") -> Disturbance:
    return lambda _response, _parameter: http_messages.buffered(body, status=status, content_type=content_type)


def _breaks_off(name: str, message: str) -> Disturbance:
    """End a stream with an exception frame after `parameter` frames; answer with an error where it is buffered."""

    def disturb(response: HttpResponse, parameter: int) -> HttpResponse:
        if not response.streamed:
            return http_messages.error(ServiceError(name[0].upper() + name[1:], message))
        return replace(response, steps=(*_later(response.steps[:parameter]), frames.exception(name, message)))

    return disturb


def _later(sent: tuple[Step, ...]) -> tuple[Step, ...]:
    """Return what is sent before a failure, and a pause: together, a gateway would see nothing but the failure."""
    return (*sent, Pause(seconds=0.1)) if sent else ()


def _first_half(response: HttpResponse) -> bytes:
    return response.body[: len(response.body) // 2]


def _truncated(response: HttpResponse, parameter: int) -> HttpResponse:
    if not response.streamed:
        return http_messages.buffered(_first_half(response))
    return replace(response, steps=response.steps[:parameter])


def _reset(response: HttpResponse, parameter: int) -> HttpResponse:
    sent = response.steps[:parameter] if response.streamed else (_first_half(response),)
    return replace(response, steps=(*_later(sent), Reset()))


def _corrupt_crc(response: HttpResponse, parameter: int) -> HttpResponse:
    if not response.streamed:
        return response
    steps = (_flip_last_byte(step) if n == parameter else step for n, step in enumerate(response.steps, 1))
    return replace(response, steps=tuple(steps))


def _slow(response: HttpResponse, milliseconds: int) -> HttpResponse:
    return replace(response, steps=_interleaved(response.steps, Pause(seconds=milliseconds / 1000)))


def _hold(response: HttpResponse, _parameter: int) -> HttpResponse:
    return replace(response, steps=_interleaved(response.steps, AwaitAcknowledgement())[1:])


def _split(response: HttpResponse, size: int) -> HttpResponse:
    """Send pieces of `size` bytes, with a pause between them so that the network does not join them again."""
    body = response.body
    pieces = tuple(body[start : start + size] for start in range(0, len(body), max(1, size)))
    return replace(response, steps=_interleaved(pieces, Pause(seconds=0.001)))


def _flip_last_byte(step: Step) -> Step:
    return step[:-1] + bytes([step[-1] ^ 0xFF]) if isinstance(step, bytes) else step


def _interleaved(steps: tuple[Step, ...], between: Step) -> tuple[Step, ...]:
    return tuple(step for sent in steps for step in (between, sent))


FAULTS: Mapping[str, Fault] = MappingProxyType(
    {
        "throttling": Fault(
            "429 ThrottlingException; retry-after is the parameter, in seconds", parameter=1, refusal=_throttling
        ),
        "validation": _failing("ValidationException", "The provided request is not valid."),
        "too-long": _failing(
            "ValidationException",
            "Input is too long for requested model.",
            " for a prompt that exceeds the context window",
        ),
        "access-denied": _refusing(
            "AccessDeniedException", "You don't have access to the model with the specified model ID."
        ),
        "not-found": _refusing(
            "ResourceNotFoundException", "Could not resolve the foundation model from the provided model identifier."
        ),
        "timeout": _failing(
            "ModelTimeoutException", "Model has timed out in processing the request. Try your request again."
        ),
        "model-error": _failing("ModelErrorException", "The model encountered an error while processing the request."),
        "internal": _failing(
            "InternalServerException",
            "The system encountered an unexpected error during processing. Try your request again.",
        ),
        "unavailable": _failing("ServiceUnavailableException", "Bedrock is unable to process your request."),
        "not-ready": _failing("ModelNotReadyException", "Model is not ready for inference. Try your request again."),
        "quota": _failing("ServiceQuotaExceededException", "Your request exceeds the service quota for your account."),
        "html": Fault(
            "502 with an HTML page, as from a proxy in between",
            disturb=_replaced(HTML, status=502, content_type="text/html"),
        ),
        "empty": Fault("500 with an empty body", disturb=_replaced(b"", status=500)),
        "no-output": Fault("200 with JSON that has no output", disturb=_replaced(b'{"stopReason":"end_turn"}')),
        "not-json": Fault(
            "200 with text that is not JSON", disturb=_replaced(b"this is not JSON", content_type="text/plain")
        ),
        "stream-exception": Fault(
            "a modelStreamErrorException frame after as many frames as the parameter says",
            parameter=4,
            disturb=_breaks_off("modelStreamErrorException", "The model failed while it was streaming."),
        ),
        "stream-throttling": Fault(
            "a throttlingException frame after as many frames as the parameter says",
            parameter=4,
            disturb=_breaks_off("throttlingException", "Too many tokens, please wait before trying again."),
        ),
        "stream-exception-first": Fault(
            "a throttlingException frame is the first one of the stream",
            disturb=_breaks_off("throttlingException", "Too many tokens, please wait before trying again."),
        ),
        "truncated": Fault(
            "the body ends cleanly after as many frames as the parameter says, or in mid-JSON",
            parameter=4,
            disturb=_truncated,
        ),
        "reset": Fault(
            "a TCP reset after as many frames as the parameter says, or in mid-JSON", parameter=4, disturb=_reset
        ),
        "early-close": Fault(
            "a TCP reset before the headers of the response",
            disturb=lambda response, _: replace(response, steps=(Reset(),)),
        ),
        "corrupt-crc": Fault(
            "the frame that the parameter counts to has a wrong checksum", parameter=3, disturb=_corrupt_crc
        ),
        "slow": Fault("a pause of the parameter's milliseconds before every frame", parameter=50, disturb=_slow),
        "hold": Fault(
            "every frame after the first waits for POST /simulator/requests/{x-amzn-requestid}/acknowledge",
            disturb=_hold,
        ),
        "hang": Fault(
            "nothing is sent before POST /simulator/requests/{id}/acknowledge; the id is in the list",
            disturb=lambda response, _: replace(response, steps=(AwaitAcknowledgement(), *response.steps)),
        ),
        "split": Fault(
            "the body arrives in pieces of the parameter's bytes, whatever the frames", parameter=7, disturb=_split
        ),
        "long": Fault("a text of as many deltas as the parameter says", parameter=500, reword=lengthen),
    }
)


def list_faults() -> Iterator[dict[str, str | int]]:
    """Yield the rows of GET /simulator/faults."""
    for name, fault in FAULTS.items():
        yield {"name": name, "model": MODEL_PREFIX + name, "description": fault.description, "default": fault.parameter}
