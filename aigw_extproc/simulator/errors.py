"""Errors as bedrock-runtime words them: an exception name, a status and a message.

* ServiceError: any of the names in `STATUS`
    * Invalid: a ValidationException
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

STATUS: Mapping[str, int] = MappingProxyType(
    {
        # https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html#API_runtime_Converse_Errors
        "AccessDeniedException": 403,
        "InternalServerException": 500,
        "ModelErrorException": 424,
        "ModelNotReadyException": 429,
        "ModelStreamErrorException": 424,
        "ModelTimeoutException": 408,
        "ResourceNotFoundException": 404,
        "ServiceQuotaExceededException": 400,
        "ServiceUnavailableException": 503,
        "ThrottlingException": 429,
        "ValidationException": 400,
        # https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html
        "ExpiredTokenException": 403,
        "IncompleteSignatureException": 403,
        "InvalidSignatureException": 403,
        "MissingAuthenticationTokenException": 403,
        "SerializationException": 400,
        "UnknownOperationException": 404,
        "UnrecognizedClientException": 403,
    }
)

FRONT_END = frozenset(
    {
        "ExpiredTokenException",
        "IncompleteSignatureException",
        "InvalidSignatureException",
        "MissingAuthenticationTokenException",
        "SerializationException",
        "UnknownOperationException",
        "UnrecognizedClientException",
    }
)
"""Raised before a request reaches Bedrock itself, by what stands in front of every AWS service."""


class ServiceError(Exception):
    """An error that a client sees. `name` is one of `STATUS`."""

    def __init__(self, name: str, message: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.name = name
        self.message = message
        self.status = STATUS[name]
        self.headers = dict(headers or {})

    @property
    def error_type(self) -> str:
        """The value of `x-amzn-errortype`; the suffix is the real service's, and clients have to cut it off."""
        namespace = "com.amazon.coral.service" if self.name in FRONT_END else "com.amazon.bedrock"
        return f"{self.name}:http://internal.amazon.com/coral/{namespace}/"


class Invalid(ServiceError):
    """The request breaks a rule of the API."""

    def __init__(self, message: str) -> None:
        super().__init__("ValidationException", message)
