"""Every error that may reach a client or an operator, as one tree.

* GatewayError: has an HTTP status, an error type and code; its text is written for the client
    * InvalidRequest: 400, the request itself is wrong; `param` names the field
        * UnsupportedMedia: 415
    * NotFound: 404, no such path
    * MethodNotAllowed: 405
    * ModelNotFound: 404, no rule routes this model
    * InternalError: 500, a defect of ours
    * MissingCredentials: 401, the request has to bring its own AWS credentials
    * CredentialsUnavailable: 503, no AWS credentials could be had
    * UpstreamUnreachable: 503, no connection to the upstream, or it broke
    * UpstreamTimeout: 504, the upstream took too long
    * UpstreamError: what Bedrock answered, mapped by `aigw_extproc.bedrock.errors`
        * InvalidUpstreamResponse: 502, Bedrock answered something that is not its protocol
            * UpstreamTruncated: the stream ended before its last event
            * EventStreamError: the binary event stream is damaged
                * ChecksumMismatch, InvalidFrame
* ConfigError: a set of problems in configuration, for the operator

Anything else that is raised is a defect; its text never reaches a client.
The shapes in which clients see these errors are in `aigw_extproc.openai.errors`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self


class GatewayError(Exception):
    """An error with an answer: the class knows its HTTP status, type and code.

    `message` is shown to the client as it is; `param` is the path of the offending field in the client's own
    request (`messages[2].content[0]`), or None. `headers` are added to the answer (`retry-after`, `allow`).
    """

    status: int = 500
    type: str = "api_error"
    code: str | None = None

    def __init__(self, message: str, *, param: str | None = None, headers: Iterable[tuple[str, str]] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.headers = tuple(headers)


class InvalidRequest(GatewayError):
    """The request cannot be served as it is; the client has to change it.

    `reason` is the fault without its place. `InvalidRequest.at` is for faults of one field.
    """

    status = 400
    type = "invalid_request_error"

    def __init__(self, reason: str, *, param: str | None = None) -> None:
        super().__init__(f"{param}: {reason}" if param else reason, param=param)
        self.reason = reason

    @classmethod
    def at(cls, place: str, reason: str) -> Self:
        """Return the error for the field at `place`, a path in the client's own request."""
        return cls(reason, param=place)


class UnsupportedMedia(InvalidRequest):
    """The body is not JSON by its own content-type, or is compressed."""

    status = 415
    code = "unsupported_media_type"


class NotFound(GatewayError):
    """No endpoint has this path."""

    status = 404
    type = "not_found_error"
    code = "unknown_path"


class MethodNotAllowed(GatewayError):
    """The path exists, with another method."""

    status = 405
    type = "invalid_request_error"
    code = "method_not_allowed"


class ModelNotFound(GatewayError):
    """No rule of the configuration routes this model."""

    status = 404
    type = "not_found_error"
    code = "model_not_found"


class InternalError(GatewayError):
    """Something that nobody foresaw. The client is told no more than that; the log has the trace."""

    code = "internal_error"

    def __init__(self) -> None:
        super().__init__("the gateway failed on this request; its log says why")


class MissingCredentials(GatewayError):
    """The configuration wants every request to bring its own AWS credentials, and this one brings none."""

    status = 401
    type = "authentication_error"
    code = "missing_credentials"


class CredentialsUnavailable(GatewayError):
    """The gateway has no AWS credentials to sign with. The reason is for the log, not for the client."""

    status = 503
    type = "api_error"
    code = "upstream_credentials"


class UpstreamUnreachable(GatewayError):
    """The gateway made the request itself, and got no answer. Envoy has the same error for requests that it makes."""

    status = 503
    code = "upstream_unavailable"

    def __init__(self) -> None:
        super().__init__("the gateway got no answer from the upstream")


class UpstreamTimeout(GatewayError):
    """The gateway made the request itself, and the answer did not come in time; Envoy has the same error."""

    status = 504
    type = "timeout_error"
    code = "upstream_timeout"

    def __init__(self) -> None:
        super().__init__("the upstream did not answer in time")


class UpstreamError(GatewayError):
    """Bedrock's own error, translated. Instances carry their status, type and code."""

    def __init__(
        self,
        message: str,
        *,
        status: int,
        type: str,  # noqa: A002 - the field's own name in both APIs
        code: str | None,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes | None = None,
    ) -> None:
        """`body` is the upstream's answer as it came, where the client reads such answers already."""
        super().__init__(message, headers=headers)
        self.status = status
        self.type = type
        self.code = code
        self.body = body


class InvalidUpstreamResponse(UpstreamError):
    """Bedrock, or something in its place, answered what is not its protocol."""

    def __init__(self, message: str, *, code: str = "upstream_error") -> None:
        super().__init__(message, status=502, type="api_error", code=code)


class UpstreamTruncated(InvalidUpstreamResponse):
    """The stream ended before its last event."""

    def __init__(self, source: str = "Bedrock") -> None:
        super().__init__(f"the response stream from {source} ended before it was complete", code="upstream_truncated")


class EventStreamError(InvalidUpstreamResponse):
    """The binary event stream is damaged; what follows cannot be read either."""


class ChecksumMismatch(EventStreamError):
    """A CRC does not fit the bytes that it covers."""


class InvalidFrame(EventStreamError):
    """A frame contradicts the format, or its limits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One fault in the configuration, for the person who has to mend it."""

    file: str
    """The file as it was named by the operator, or found in a folder that was."""
    resource: str
    """`Kind namespace/name`, or `document N` where even that cannot be read."""
    path: str
    """The field: `spec.rules[0].backendRefs[1].name`; empty for the resource as a whole."""
    message: str
    """What is wrong and what would be right."""

    def __str__(self) -> str:
        where = f"{self.file}: {self.resource}"
        return f"{where}: {self.path}: {self.message}" if self.path else f"{where}: {self.message}"


class ConfigError(Exception):
    """The configuration cannot be used; `problems` holds every fault that was found, in file order."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))
