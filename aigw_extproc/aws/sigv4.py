"""AWS Signature Version 4 for Bedrock.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
The functions are named after the specification's steps. Signing takes a few µs, botocore's 60: the signing key is valid
for a day and cached. Only `host` and `x-amz-*` are signed, so that headers that Envoy adds, drops or rewrites
(content-length, user-agent…) cannot break the signature.
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
    query: str = "",
) -> list[tuple[str, str]]:
    """Return `authorization`, `x-amz-date`, and for temporary credentials `x-amz-security-token`.

    `path` is the path as sent, percent-encoded, without a query. `query` is the query as sent: percent-encoded, its
    parameters in the order of their names. `now` is in seconds since 1970.
    """
    timestamp = amz_date(int(now))
    headers = {"host": host, "x-amz-date": timestamp}
    if credentials.session_token is not None:
        headers["x-amz-security-token"] = credentials.session_token
    signed_headers = ";".join(headers)  # in alphabetical order, as the specification requires
    scope = f"{timestamp[:8]}/{region}/{service}/aws4_request"
    request = canonical_request(method, path, headers, signed_headers, sha256(body).hexdigest(), query)
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
    """Format seconds since 1970 as `YYYYMMDDTHHMMSSZ` in UTC."""
    return datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")


def canonical_request(
    method: str, path: str, headers: dict[str, str], signed_headers: str, payload_hash: str, query: str = ""
) -> str:
    """Return the canonical request. The path is encoded a second time, as for every service but S3."""
    canonical_headers = "".join(f"{name}:{' '.join(value.split())}\n" for name, value in headers.items())
    return f"{method}\n{canonical_uri(path)}\n{query}\n{canonical_headers}\n{signed_headers}\n{payload_hash}"


@lru_cache(maxsize=4096)
def canonical_uri(path: str) -> str:
    """Percent-encode a path a second time."""
    return quote(path, safe="/-._~")


def string_to_sign(timestamp: str, scope: str, canonical: str) -> str:
    """Return the text that the signing key signs."""
    return f"{ALGORITHM}\n{timestamp}\n{scope}\n{sha256(canonical.encode()).hexdigest()}"


def _derive_signing_key(secret_access_key: str, date: str, region: str, service: str) -> bytes:
    """Chain HMAC over secret, date, region, service and terminator."""
    key = f"AWS4{secret_access_key}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


# A few identities times a few regions, for two days: more would only keep old keys in memory.
signing_key: Callable[[str, str, str, str], bytes] = lru_cache(maxsize=256)(_derive_signing_key)
