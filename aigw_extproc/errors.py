"""Every error that may reach a client or an operator, as one tree.

* GatewayError: has an HTTP status, an error type and code, and a text for the client
    * InvalidRequest: 400, the request itself is wrong; `param` names the field
        * UnsupportedMedia: 415
        * RequestTooLarge: the body has more members or elements than the gateway decodes
        * ThreadsUnsupported: the request continues a conversation that Anthropic would keep
    * NotFound: 404, no such path
        * ResponseNotFound: the store has no such response of this client
    * MethodNotAllowed: 405
    * ModelNotFound: 404, no rule routes this model
    * InternalError: 500, a defect of the gateway
    * Unauthenticated: 401, the request has no valid API key
        * InvalidToken, InvalidPassword: or no valid token; or no valid user name and password
    * FilterMissing: 500, Envoy lacks a filter that a policy needs
    * RouteClosed: 500, a resource of the route is wrong
    * PermissionDenied: 403, the client is known, but may not do this
    * HostNotAllowed: 403, the gateway does not answer to the request's host
    * MissingCredentials: 401, the request must have its own AWS credentials
    * CredentialsUnavailable: 503, the gateway has no AWS credentials
    * StoreUnavailable: 503, the store of responses does not answer
    * Overloaded: 503, the gateway has no capacity for the request at the moment
    * UpstreamUnreachable: 503, no connection to the upstream, or it broke
    * UpstreamTimeout: 504, the upstream took too long
    * UpstreamError: an error of Bedrock, mapped by `aigw_extproc.bedrock.errors`
        * InvalidUpstreamResponse: 502, a response that violates Bedrock's protocol
            * UpstreamTruncated: the stream ended before its last event
            * EventStreamError: the binary event stream is damaged
                * ChecksumMismatch, InvalidFrame
* ConfigError: a set of problems in configuration, for the operator

Any other exception is a defect; its text never reaches a client.
The JSON of these errors is in `aigw_extproc.openai.errors` and `aigw_extproc.anthropic.errors`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, Self

from aigw_extproc.printable import printable


class GatewayError(Exception):
    """An error response: the class has the HTTP status, type and code.

    `message` is for the client; `param` is the path of the invalid field in the client's request
    (`messages[2].content[0]`), or None. `headers` are added to the response (`retry-after`, `allow`).
    """

    status: int = 500
    type: str = "api_error"
    code: str | None = None
    details: Mapping[str, object] = {}
    """More for programs, in Anthropic's format: `error_code` and what belongs to it."""

    def __init__(self, message: str, *, param: str | None = None, headers: Iterable[tuple[str, str]] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.headers = tuple(headers)

    @property
    def label(self) -> str:
        """The code, or the type if there is none: what logs and metrics name it by."""
        return self.code or self.type


class InvalidRequest(GatewayError):
    """The request is invalid; the client must change it.

    `reason` is the message without the path of the field. `InvalidRequest.at` is for faults of one field.
    """

    status = 400
    type = "invalid_request_error"

    def __init__(self, reason: str, *, param: str | None = None) -> None:
        super().__init__(f"{param}: {reason}" if param else reason, param=param)
        self.reason = reason

    @classmethod
    def at(cls, place: str, reason: str) -> Self:
        """Return the error for the field at `place`, a path in the client's request."""
        return cls(reason, param=place)


class UnsupportedMedia(InvalidRequest):
    """The content-type is not JSON, or the body is compressed."""

    status = 415
    code = "unsupported_media_type"


class RequestTooLarge(InvalidRequest):
    """The body has more members or elements than the gateway decodes. Envoy refuses one of too many bytes (413)."""

    code = "request_too_large"


class ThreadsUnsupported(InvalidRequest):
    """The request relies on a conversation that the gateway does not have.

    Anthropic's SDKs recognise these details, and send the complete conversation instead.
    """

    code = "thread_unsupported_request"
    details: Mapping[str, object] = {"error_code": code, "unsupported": ["thread"]}

    def __init__(self) -> None:
        super().__init__("Bedrock keeps no conversations: send all messages, without `thread`", param="thread")


class NotFound(GatewayError):
    """No endpoint has this path."""

    status = 404
    type = "not_found_error"
    code = "unknown_path"


class ResponseNotFound(NotFound):
    """There is no such stored response, or it is another client's."""

    code = "response_not_found"


class MethodNotAllowed(GatewayError):
    """The path does not have this method."""

    status = 405
    type = "invalid_request_error"
    code = "method_not_allowed"


class ModelNotFound(GatewayError):
    """No rule of the configuration routes this model."""

    status = 404
    type = "not_found_error"
    code = "model_not_found"


class InternalError(GatewayError):
    """A defect of the gateway. The client gets no details; the log has the traceback."""

    code = "internal_error"

    def __init__(self) -> None:
        super().__init__("internal error of the gateway; see its log")


class Unauthenticated(GatewayError):
    """The request has no API key that is known here."""

    status = 401
    type = "authentication_error"
    code = "invalid_api_key"

    def __init__(self, message: str, *, challenge: str = "Bearer") -> None:
        """`challenge` is the value of `www-authenticate`."""
        super().__init__(message, headers=[("www-authenticate", challenge)])


class InvalidToken(Unauthenticated):
    """The request has no JSON Web Token that is valid here."""

    code = "invalid_token"


class InvalidPassword(Unauthenticated):
    """The request has no user name and password that are valid here."""

    code = "invalid_password"


class PermissionDenied(GatewayError):
    """The client is known, but may not use this model."""

    status = 403
    type = "permission_error"
    code = "permission_denied"


class HostNotAllowed(GatewayError):
    """The Host of the request is not one that this gateway answers to."""

    status = 403
    type = "permission_error"
    code = "host_not_allowed"


class FilterMissing(GatewayError):
    """Envoy lacks a filter that the configuration needs: only the operator can add it."""

    code = "gateway_misconfigured"

    def __init__(self) -> None:
        super().__init__(
            "the gateway's Envoy does not ask the authorization service of the gateway's policy;"
            " its operator must add the filters that `aigw-extproc envoy-config` prints"
        )


class RouteClosed(GatewayError):
    """A resource that the route depends on is wrong: only the operator can correct it."""

    code = "gateway_misconfigured"

    def __init__(self, model: str) -> None:
        super().__init__(
            f"the gateway's configuration for the model '{model}' is wrong; its operator finds the reason in the status"
            " of its resources",
            param="model",
        )


class MissingCredentials(GatewayError):
    """The configuration requires AWS credentials in every request, and this one has none."""

    status = 401
    type = "authentication_error"
    code = "missing_credentials"


class CredentialsUnavailable(GatewayError):
    """The gateway has no AWS credentials to sign with. The reason is for the log, not for the client."""

    status = 503
    type = "api_error"
    code = "upstream_credentials"


class StoreUnavailable(GatewayError):
    """The store of responses does not answer. The reason is for the log, not for the client."""

    status = 503
    code = "store_unavailable"

    def __init__(self) -> None:
        super().__init__("the store of responses does not answer; try again", headers=[("retry-after", "1")])


class Overloaded(GatewayError):
    """The gateway has no capacity for this request now; the client may repeat it. Envoy has the same error."""

    status = 503
    type = "overloaded_error"
    code = "gateway_overloaded"

    def __init__(self, message: str) -> None:
        super().__init__(message, headers=[("retry-after", "1")])


class UpstreamUnreachable(GatewayError):
    """A request by the gateway itself got no response. Envoy has the same error for its own requests."""

    status = 503
    code = "upstream_unavailable"

    def __init__(self) -> None:
        super().__init__("the gateway got no answer from the upstream")


class UpstreamTimeout(GatewayError):
    """The upstream took too long. Envoy has the same error for what it waits for itself."""

    status = 504
    type = "timeout_error"
    code = "upstream_timeout"

    def __init__(self, message: str = "the upstream did not answer in time") -> None:
        super().__init__(message)


class UpstreamError(GatewayError):
    """An error of Bedrock, translated. Status, type and code are of the instance."""

    def __init__(
        self,
        message: str,
        *,
        status: int,
        type: str,  # noqa: A002 - the field's own name in both APIs
        code: str | None,
        body: bytes | None = None,
    ) -> None:
        """`body` is the upstream's original body, for clients that understand its format."""
        super().__init__(message)
        self.status = status
        self.type = type
        self.code = code
        self.body = body


class InvalidUpstreamResponse(UpstreamError):
    """The response violates Bedrock's protocol."""

    def __init__(self, message: str, *, code: str = "upstream_error") -> None:
        super().__init__(message, status=502, type="api_error", code=code)


class UpstreamTruncated(InvalidUpstreamResponse):
    """The stream ended before its last event."""

    def __init__(self, source: str = "Bedrock") -> None:
        super().__init__(f"the response stream from {source} ended before it was complete", code="upstream_truncated")


class EventStreamError(InvalidUpstreamResponse):
    """The binary event stream is corrupt, and the rest of it unreadable."""


class ChecksumMismatch(EventStreamError):
    """A CRC does not match its bytes."""


class InvalidFrame(EventStreamError):
    """A frame violates the format or its limits."""


Fault = Literal["invalid", "unsupported", "missing", "forbidden", "conflict", "unusable"]
"""What kind of problem it is: a wrong value, something that this gateway does not do, a reference to a resource that
does not exist, that may not be referred to, or that is itself wrong, or two resources for one purpose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One fault in the configuration."""

    file: str
    """The path from the command line, or of a file in a folder from there."""
    resource: str
    """`Kind namespace/name`, or `document N` where these cannot be read."""
    path: str
    """The field: `spec.rules[0].backendRefs[1].name`; empty for the entire resource."""
    message: str
    """The fault, and a correct value where possible."""
    fault: Fault = "invalid"

    @property
    def unsupported(self) -> bool:
        """Whether it is valid in the format, and refused because this gateway would not do what it asks for."""
        return self.fault == "unsupported"

    def __str__(self) -> str:
        prefix = f"{self.file}: {self.resource}"
        return printable(f"{prefix}: {self.path}: {self.message}" if self.path else f"{prefix}: {self.message}")


class ConfigError(Exception):
    """The configuration is invalid; `problems` has every fault, in the order of the files."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))
