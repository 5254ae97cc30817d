"""AWS Signature Version 4 for Bedrock.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
The functions carry the names of the specification's steps. botocore takes 60 µs for what takes a few here: the
signing key holds for a day and is cached, and only `host` and `x-amz-*` are signed, so that no header that Envoy may
add, drop or rewrite on the way (content-length, user-agent…) can break the signature.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from urllib.parse import quote

from aigw_extproc.aws.identity import Credentials

ALGORITHM = "AWS4-HMAC-SHA256"


def sign(
    *,
    method: str,
    host: str,
    path: str,
    body: bytes,
    region: str,
    credentials: Credentials,
    now: float,
    service: str = "bedrock",
) -> list[tuple[str, str]]:
    """Returns the headers that authorise a request: `authorization`, `x-amz-date`, and for temporary credentials
    `x-amz-security-token`.

    `path` is the path as it is sent, percent-encoded, without a query. `now` is in seconds since 1970.
    """
    timestamp = amz_date(int(now))
    headers = {"host": host, "x-amz-date": timestamp}
    if credentials.session_token is not None:
        headers["x-amz-security-token"] = credentials.session_token
    signed_headers = ";".join(headers)  # inserted in alphabetical order, as the specification asks
    scope = f"{timestamp[:8]}/{region}/{service}/aws4_request"
    request = canonical_request(method, path, headers, signed_headers, sha256(body).hexdigest())
    key = signing_key(credentials.secret_access_key, timestamp[:8], region, service)
    signature = hmac.digest(key, string_to_sign(timestamp, scope, request).encode(), "sha256").hex()
    authorization = (
        f"{ALGORITHM} Credential={credentials.access_key_id}/{scope}, "
        f"SignedHeaders={signed_headers}, Signature={signature}"
    )
    del headers["host"]
    return [("authorization", authorization), *headers.items()]


@lru_cache(maxsize=2)
def amz_date(now: int) -> str:
    """`YYYYMMDDTHHMMSSZ` in UTC, from seconds since 1970."""
    return datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")


def canonical_request(method: str, path: str, headers: dict[str, str], signed_headers: str, payload_hash: str) -> str:
    """The request in the one form that both sides hash. The path is encoded once more: only S3 is exempt from that."""
    canonical_headers = "".join(f"{name}:{' '.join(value.split())}\n" for name, value in headers.items())
    return f"{method}\n{canonical_uri(path)}\n\n{canonical_headers}\n{signed_headers}\n{payload_hash}"


@lru_cache(maxsize=4096)
def canonical_uri(path: str) -> str:
    """The path, percent-encoded a second time."""
    return quote(path, safe="/-._~")


def string_to_sign(timestamp: str, scope: str, canonical: str) -> str:
    """What the signing key signs."""
    return f"{ALGORITHM}\n{timestamp}\n{scope}\n{sha256(canonical.encode()).hexdigest()}"


def _derive_signing_key(secret_access_key: str, date: str, region: str, service: str) -> bytes:
    """HMAC chained over secret, date, region, service and the terminator."""
    key = f"AWS4{secret_access_key}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


# A few identities times a few regions, for a day and the next: more would only keep old keys in memory.
signing_key: Callable[[str, str, str, str], bytes] = lru_cache(maxsize=256)(_derive_signing_key)
