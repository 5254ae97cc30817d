"""Errors with the wording of bedrock-runtime: an exception name, a status and a message.

* ServiceError: any of the names in `STATUS`
    * Invalid: a ValidationException
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

# https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html
FRONT_END: Mapping[str, int] = MappingProxyType(
    {
        "ExpiredTokenException": 403,
        "IncompleteSignatureException": 403,
        "InvalidSignatureException": 403,
        "MissingAuthenticationTokenException": 403,
        "SerializationException": 400,
        "UnknownOperationException": 404,
        "UnrecognizedClientException": 403,
    }
)
"""Statuses of errors from AWS's front end, before a request reaches Bedrock."""

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
        **FRONT_END,
    }
)


class ServiceError(Exception):
    """An error that the client gets. `name` is a key of `STATUS`."""

    def __init__(self, name: str, message: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.name = name
        self.message = message
        self.status = STATUS[name]
        self.headers = dict(headers or {})

    @property
    def error_type(self) -> str:
        """Return the value of `x-amzn-errortype`, with the suffix of the real service, which clients cut off."""
        namespace = "com.amazon.coral.service" if self.name in FRONT_END else "com.amazon.bedrock"
        return f"{self.name}:http://internal.amazon.com/coral/{namespace}/"


class Invalid(ServiceError):
    """A request that breaks a rule of the API."""

    def __init__(self, message: str) -> None:
        super().__init__("ValidationException", message)
