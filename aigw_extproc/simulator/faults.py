"""Faults on demand: what goes wrong with a request, chosen by model id or by a header.

The model `simulator.slow-50` and the header `x-simulator-fault: slow-50` both ask for the fault `slow` with the
parameter 50. The header counts when a client talks to the simulator itself: the gateway does not pass it on.
A fault changes the answer to a request that is right; a wrong request gets its own error. Only what Bedrock decides
before it reads what the model is told (access, throttling, whether there is such a model) comes first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from aigw_extproc.simulator import answers, frames
from aigw_extproc.simulator.answers import Answer, AwaitAcknowledgement, Pause, Reset, Send, Step
from aigw_extproc.simulator.errors import ServiceError
from aigw_extproc.simulator.model import lengthen
from aigw_extproc.simulator.prompt import Reply

HEADER = "x-simulator-fault"
MODEL_PREFIX = "simulator."
NAMED = re.compile(r"(?P<name>[a-z]+(?:-[a-z]+)*)(?:-(?P<parameter>\d{1,9}))?")

HTML = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"

Disturbance = Callable[[Answer, int], Answer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One row of the table."""

    description: str
    default: int = 0
    """The parameter where none is given."""
    refusal: Callable[[int], ServiceError] | None = None
    """What is said before the request is read any further than its shape."""
    disturb: Disturbance = lambda answer, _: answer
    reword: Callable[[Reply, int], Reply] = lambda reply, _: reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Injection:
    """A fault that a request asks for, with its parameter."""

    name: str
    parameter: int

    def admit(self) -> None:
        """Returns when the request may go on. Raises ServiceError when it is refused, whatever it says."""
        refusal = FAULTS[self.name].refusal
        if refusal is not None:
            raise refusal(self.parameter)

    def disturb(self, answer: Answer) -> Answer:
        """The answer with the fault in it."""
        return FAULTS[self.name].disturb(answer, self.parameter)

    def reword(self, reply: Reply) -> Reply:
        """What the model says under this fault."""
        return FAULTS[self.name].reword(reply, self.parameter)


def asked_for(model_id: str, header: str | None) -> Injection | None:
    """The fault that a request asks for, if any; the header wins over the model.

    Raises ServiceError (ResourceNotFoundException) for a fault that there is not.
    """
    named = header or (model_id.removeprefix(MODEL_PREFIX) if model_id.startswith(MODEL_PREFIX) else None)
    if named is None:
        return None
    match = NAMED.fullmatch(named)
    if match is None or match["name"] not in FAULTS:
        raise ServiceError(
            "ResourceNotFoundException", f"The simulator has no fault named {named}: see GET /simulator/faults"
        )
    default = FAULTS[match["name"]].default
    return Injection(name=match["name"], parameter=int(match["parameter"] or default))


def _fails(name: str, message: str) -> Disturbance:
    failure = ServiceError(name, message)
    return lambda _answer, _parameter: answers.error(failure)


def _refuses(name: str, message: str) -> Callable[[int], ServiceError]:
    return lambda _parameter: ServiceError(name, message)


def _throttles(seconds: int) -> ServiceError:
    message = "Too many requests, please wait before trying again."
    return ServiceError("ThrottlingException", message, headers={"retry-after": str(seconds)})


def _replaced(body: bytes, *, status: int = 200, content_type: str = "application/json") -> Disturbance:
    return lambda _answer, _parameter: answers.whole(body, status=status, content_type=content_type)


def _breaks_off(name: str, message: str) -> Disturbance:
    """After `parameter` frames an exception frame ends the stream; what is not streamed fails as a whole."""

    def disturb(answer: Answer, parameter: int) -> Answer:
        if not answer.streamed:
            return answers.error(ServiceError(name[0].upper() + name[1:], message))
        frame = Send(data=frames.exception(name, message))
        return replace(answer, steps=(*answer.steps[:parameter], frame))

    return disturb


def _truncated(answer: Answer, parameter: int) -> Answer:
    if not answer.streamed:
        body = _body(answer)
        return answers.whole(body[: len(body) // 2])
    return replace(answer, steps=answer.steps[:parameter])


def _reset(answer: Answer, parameter: int) -> Answer:
    if answer.streamed:
        return replace(answer, steps=(*answer.steps[:parameter], Reset()))
    body = _body(answer)
    return replace(answer, steps=(Send(data=body[: len(body) // 2]), Reset()))


def _corrupt_crc(answer: Answer, parameter: int) -> Answer:
    if not answer.streamed:
        return answer
    return replace(
        answer,
        steps=tuple(_flip_last_byte(step) if n == parameter else step for n, step in enumerate(answer.steps, 1)),
    )


def _slow(answer: Answer, milliseconds: int) -> Answer:
    return replace(answer, steps=_interleaved(answer, Pause(seconds=milliseconds / 1000)))


def _hold(answer: Answer, _parameter: int) -> Answer:
    return replace(answer, steps=_interleaved(answer, AwaitAcknowledgement())[1:])


def _split(answer: Answer, size: int) -> Answer:
    """Pieces of so many bytes, with a pause between them so that they are not joined again on their way."""
    body = _body(answer)
    pieces = tuple(Send(data=body[start : start + size]) for start in range(0, len(body), max(1, size)))
    return replace(answer, steps=_interleaved(replace(answer, steps=pieces), Pause(seconds=0.001)))


def _flip_last_byte(step: Step) -> Step:
    return Send(data=step.data[:-1] + bytes([step.data[-1] ^ 0xFF])) if isinstance(step, Send) else step


def _interleaved(answer: Answer, between: Step) -> tuple[Step, ...]:
    return tuple(step for sent in answer.steps for step in (between, sent))


def _body(answer: Answer) -> bytes:
    return b"".join(step.data for step in answer.steps if isinstance(step, Send))


FAULTS: Mapping[str, Fault] = MappingProxyType(
    {
        "throttling": Fault(
            description="429 ThrottlingException; retry-after is the parameter, in seconds",
            default=1,
            refusal=_throttles,
        ),
        "validation": Fault(
            description="400 ValidationException",
            disturb=_fails("ValidationException", "The provided request is not valid."),
        ),
        "too-long": Fault(
            description="400 ValidationException for a prompt that exceeds the context window",
            disturb=_fails("ValidationException", "Input is too long for requested model."),
        ),
        "access-denied": Fault(
            description="403 AccessDeniedException",
            refusal=_refuses(
                "AccessDeniedException", "You don't have access to the model with the specified model ID."
            ),
        ),
        "not-found": Fault(
            description="404 ResourceNotFoundException",
            refusal=_refuses(
                "ResourceNotFoundException",
                "Could not resolve the foundation model from the provided model identifier.",
            ),
        ),
        "timeout": Fault(
            description="408 ModelTimeoutException",
            disturb=_fails(
                "ModelTimeoutException", "Model has timed out in processing the request. Try your request again."
            ),
        ),
        "model-error": Fault(
            description="424 ModelErrorException",
            disturb=_fails("ModelErrorException", "The model encountered an error while processing the request."),
        ),
        "internal": Fault(
            description="500 InternalServerException",
            disturb=_fails(
                "InternalServerException",
                "The system encountered an unexpected error during processing. Try your request again.",
            ),
        ),
        "unavailable": Fault(
            description="503 ServiceUnavailableException",
            disturb=_fails("ServiceUnavailableException", "Bedrock is unable to process your request."),
        ),
        "not-ready": Fault(
            description="429 ModelNotReadyException",
            disturb=_fails("ModelNotReadyException", "Model is not ready for inference. Try your request again."),
        ),
        "quota": Fault(
            description="400 ServiceQuotaExceededException",
            disturb=_fails("ServiceQuotaExceededException", "Your request exceeds the service quota for your account."),
        ),
        "html": Fault(
            description="502 with an HTML page, as from a proxy in between",
            disturb=_replaced(HTML, status=502, content_type="text/html"),
        ),
        "empty": Fault(description="500 with an empty body", disturb=_replaced(b"", status=500)),
        "no-output": Fault(
            description="200 with JSON that has no output", disturb=_replaced(b'{"stopReason":"end_turn"}')
        ),
        "not-json": Fault(
            description="200 with text that is not JSON",
            disturb=_replaced(b"this is not JSON", content_type="text/plain"),
        ),
        "stream-exception": Fault(
            description="a modelStreamErrorException frame after as many frames as the parameter says",
            default=4,
            disturb=_breaks_off("modelStreamErrorException", "The model failed while it was streaming."),
        ),
        "stream-throttling": Fault(
            description="a throttlingException frame after as many frames as the parameter says",
            default=4,
            disturb=_breaks_off("throttlingException", "Too many tokens, please wait before trying again."),
        ),
        "stream-exception-first": Fault(
            description="a throttlingException frame is the first one of the stream",
            disturb=_breaks_off("throttlingException", "Too many tokens, please wait before trying again."),
        ),
        "truncated": Fault(
            description="the body ends cleanly after as many frames as the parameter says, or in mid-JSON",
            default=4,
            disturb=_truncated,
        ),
        "reset": Fault(
            description="a TCP reset after as many frames as the parameter says, or in mid-JSON",
            default=4,
            disturb=_reset,
        ),
        "early-close": Fault(
            description="a TCP reset before the headers of the response",
            disturb=lambda answer, _: replace(answer, steps=(Reset(),)),
        ),
        "corrupt-crc": Fault(
            description="the frame that the parameter counts to has a wrong checksum", default=3, disturb=_corrupt_crc
        ),
        "slow": Fault(
            description="a pause of the parameter's milliseconds before every frame", default=50, disturb=_slow
        ),
        "hold": Fault(
            description="every frame after the first waits for POST /simulator/requests/{x-amzn-requestid}/acknowledge",
            disturb=_hold,
        ),
        "hang": Fault(
            description="nothing is sent before POST /simulator/requests/{id}/acknowledge; the id is in the list",
            disturb=lambda answer, _: replace(answer, steps=(AwaitAcknowledgement(), *answer.steps)),
        ),
        "split": Fault(
            description="the body arrives in pieces of the parameter's bytes, whatever the frames",
            default=7,
            disturb=_split,
        ),
        "long": Fault(description="a text of as many deltas as the parameter says", default=500, reword=lengthen),
    }
)


def listed() -> Iterator[dict[str, str | int]]:
    """The table, for GET /simulator/faults."""
    for name, fault in FAULTS.items():
        yield {"name": name, "model": MODEL_PREFIX + name, "description": fault.description, "default": fault.default}
