"""Authentication, as in AWS's front end: SigV4 or a bearer token.

botocore's signer recomputes the signature over the raw request: an independent check of the gateway's own signer.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials

from aigw_extproc.simulator.errors import ServiceError
from aigw_extproc.simulator.http_messages import HttpRequest
from aigw_extproc.simulator.settings import Settings

SERVICE = "bedrock"
ALGORITHM = "AWS4-HMAC-SHA256"
TIMESTAMP = "%Y%m%dT%H%M%SZ"
CLOCK_SKEW = timedelta(minutes=5)

INVALID_TOKEN = "The security token included in the request is invalid."  # noqa: S105 - an error's text
EXPIRED_TOKEN = "The security token included in the request is expired"  # noqa: S105 - an error's text
MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret"
    " Access Key and signing method. Consult the service documentation for details."
)

AUTHORIZATION = re.compile(
    rf"{ALGORITHM} +Credential=(?P<access_key_id>[^/, ]+)/(?P<date>\d{{8}})/(?P<region>[^/, ]+)/(?P<service>[^/, ]+)"
    r"/aws4_request, *SignedHeaders=(?P<signed>[^, ]+), *Signature=(?P<signature>[0-9a-f]{64})"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorization:
    """The parts of an `authorization` header with a SigV4 signature."""

    access_key_id: str
    date: str
    region: str
    service: str
    signed: str
    signature: str

    @property
    def signed_headers(self) -> list[str]:
        """Return the names of the signed headers."""
        return self.signed.split(";")

    @property
    def scope(self) -> str:
        """Return the credential without the access key: safe to show."""
        return f"{self.date}/{self.region}/{self.service}/aws4_request"


def parse_authorization(header: str) -> Authorization:
    """Parse a SigV4 `authorization` header. Raises ServiceError (IncompleteSignatureException)."""
    match = AUTHORIZATION.fullmatch(header)
    if match is None:
        raise ServiceError(
            "IncompleteSignatureException",
            "Authorization header requires 'Credential', 'SignedHeaders' and 'Signature' parameters.",
        )
    return Authorization(**match.groupdict())


def authenticate(request: HttpRequest, settings: Settings) -> None:
    """Check a request. Raises ServiceError with AWS's name and message if it is not authentic."""
    header = request.header("authorization")
    if header is None:
        raise ServiceError("MissingAuthenticationTokenException", "Missing Authentication Token")
    scheme, _, token = header.partition(" ")
    if scheme == "Bearer":
        return _check_bearer(token, settings)
    authorization = parse_authorization(header)
    secret = settings.credentials.get(authorization.access_key_id)
    if secret is None:
        raise ServiceError("UnrecognizedClientException", INVALID_TOKEN)
    _check_session_token(request.header("x-amz-security-token"), authorization.access_key_id, settings)
    _check_scope(authorization, settings.region)
    _check_signed_headers(request, authorization)
    _check_date(request, authorization, settings.clock())
    return _check_signature(request, authorization, secret)


def _check_bearer(token: str, settings: Settings) -> None:
    # https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys-use.html
    if token not in settings.bearer_tokens:
        raise ServiceError("AccessDeniedException", "Authentication failed: Please make sure your API Key is valid.")


def _check_session_token(token: str | None, access_key_id: str, settings: Settings) -> None:
    if token in settings.expired_session_tokens:
        raise ServiceError("ExpiredTokenException", EXPIRED_TOKEN)
    known = settings.session_tokens.get(access_key_id)
    if token is None and known is None:
        return
    if token is None or known is None or token not in known:
        raise ServiceError("UnrecognizedClientException", INVALID_TOKEN)


def _check_scope(authorization: Authorization, region: str) -> None:
    if authorization.service != SERVICE:
        raise _invalid_signature(f"Credential should be scoped to correct service: '{SERVICE}'. ")
    if authorization.region != region:
        raise _invalid_signature("Credential should be scoped to a valid region. ")


def _check_signed_headers(request: HttpRequest, authorization: Authorization) -> None:
    signed = authorization.signed_headers
    if "host" not in signed:
        raise _invalid_signature("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
    if "x-amz-date" not in signed or request.header("x-amz-date") is None:
        raise _invalid_signature("'X-Amz-Date' must be a 'SignedHeader' in the AWS Authorization.")
    unsigned = sorted({name for name, _ in request.headers if name.startswith("x-amz-")} - set(signed))
    if unsigned:
        raise _invalid_signature(
            f"There were headers present in the request which were not signed: {', '.join(unsigned)}"
        )


def _check_date(request: HttpRequest, authorization: Authorization, now: float) -> None:
    stamp = request.header("x-amz-date") or ""
    try:
        signed_at = datetime.strptime(stamp, TIMESTAMP).replace(tzinfo=UTC)
    except ValueError:
        raise ServiceError(
            "IncompleteSignatureException", "Date must be in ISO-8601 'basic format'. See RFC 3339."
        ) from None
    if not stamp.startswith(authorization.date):
        raise _invalid_signature(
            f"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP:"
            f" '{authorization.date}' != '{stamp[:8]}', from '{stamp}'."
        )
    current = datetime.fromtimestamp(now, UTC)
    first, last = current - CLOCK_SKEW, current + CLOCK_SKEW
    if signed_at < first:
        limit = f"{first:{TIMESTAMP}} ({current:{TIMESTAMP}} - 5 min.)"
        raise _invalid_signature(f"Signature expired: {signed_at:{TIMESTAMP}} is now earlier than {limit}")
    if signed_at > last:
        limit = f"{last:{TIMESTAMP}} ({current:{TIMESTAMP}} + 5 min.)"
        raise _invalid_signature(f"Signature not yet current: {signed_at:{TIMESTAMP}} is still later than {limit}")


def _check_signature(request: HttpRequest, authorization: Authorization, secret: str) -> None:
    claimed = request.header("x-amz-content-sha256")
    expected = expected_signature(request, authorization, secret)
    wrong_hash = claimed is not None and claimed != sha256(request.body).hexdigest()
    if wrong_hash or not hmac.compare_digest(expected, authorization.signature):
        raise _invalid_signature(MISMATCH)


def expected_signature(request: HttpRequest, authorization: Authorization, secret: str) -> str:
    """Return botocore's signature of a request, over the headers that the client has signed."""
    signer = SigV4Auth(Credentials(authorization.access_key_id, secret), authorization.service, authorization.region)
    aws_request = _botocore_request(request)
    signed: Any = HTTPHeaders()
    for name, value in request.headers:
        if name in authorization.signed_headers:
            signed[name] = value
    # The steps of botocore's canonical_request(), which would leave out headers that the client may have signed.
    canonical = "\n".join(
        (
            request.method,
            signer._normalize_url_path(request.raw_path),
            signer.canonical_query_string(aws_request),
            signer.canonical_headers(signed) + "\n",
            authorization.signed,
            sha256(request.body).hexdigest(),
        )
    )
    return str(signer.signature(signer.string_to_sign(aws_request, canonical), aws_request))


def _botocore_request(request: HttpRequest) -> Any:
    query = f"?{request.query}" if request.query else ""
    aws_request = AWSRequest(method=request.method, url=f"http://simulator{request.raw_path}{query}")
    aws_request.context["timestamp"] = request.header("x-amz-date")
    return aws_request


def _invalid_signature(message: str) -> ServiceError:
    return ServiceError("InvalidSignatureException", message)
