"""Probes: requests to a reached endpoint, signed as the gateway signs them."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import assert_never

import httpcore

from aigw_extproc.aws.identity import BearerToken, Credentials, Identity
from aigw_extproc.aws.sigv4 import sign
from aigw_extproc.bedrock.converse import encode_model_id
from aigw_extproc.doctor.probe_response import ProbeResponse

CALL_SECONDS = 8.0
MAX_BODY = 64 * 1024
"""Bytes of a response that are read; errors are short."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReachedEndpoint:
    """An endpoint that accepted a connection."""

    ip: str
    port: int
    host: str
    """The HTTP host, which is signed."""
    server_name: str | None = None
    """SNI; None without TLS."""
    tls: ssl.SSLContext | None = None


async def probe(
    endpoint: ReachedEndpoint, *, model: str, region: str, identity: Identity | None, clock: Callable[[], float]
) -> ProbeResponse:
    """Send an InvokeModel with an empty object, see `probe_response`; it is unsigned without an identity.

    Raises:
        OSError: there is no response; TimeoutError is one.
    """
    path = f"/model/{encode_model_id(model)}/invoke"
    headers = {"host": endpoint.host, "content-type": "application/json", "accept": "application/json"}
    signed_at = clock()
    headers |= _authorization(endpoint, path, region, identity, signed_at)
    try:
        async with asyncio.timeout(CALL_SECONDS):
            status, response_headers, body = await _post(endpoint, path, headers)
    except TimeoutError:
        raise TimeoutError(f"no response within {CALL_SECONDS:g} s") from None
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as failure:
        raise OSError(str(failure) or type(failure).__name__) from None
    now = clock()
    return ProbeResponse(status=status, headers=response_headers, body=body, received_at=now, seconds=now - signed_at)


BODY = b"{}"


def _authorization(
    endpoint: ReachedEndpoint, path: str, region: str, identity: Identity | None, now: float
) -> dict[str, str]:
    match identity:
        case None:
            return {}
        case BearerToken(token=token):
            return {"authorization": f"Bearer {token}"}
        case Credentials() as keys:
            host = endpoint.host
            return dict(sign(method="POST", host=host, path=path, body=BODY, region=region, credentials=keys, now=now))
        case _:
            assert_never(identity)


async def _post(endpoint: ReachedEndpoint, path: str, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
    # As bytes: httpcore would normalise a text URL, and the signature would not match.
    url = httpcore.URL(
        scheme="https" if endpoint.tls else "http", host=endpoint.ip, port=endpoint.port, target=path.encode("ascii")
    )
    extensions = {"sni_hostname": endpoint.server_name} if endpoint.server_name else {}
    async with (
        httpcore.AsyncConnectionPool(ssl_context=endpoint.tls) as pool,
        pool.stream("POST", url, headers=list(headers.items()), content=BODY, extensions=extensions) as response,
    ):
        body = bytearray()
        async for chunk in response.aiter_stream():
            body += chunk
            if len(body) >= MAX_BODY:
                break
        response_headers = {name.decode("ascii").lower(): value.decode("latin-1") for name, value in response.headers}
        return response.status, response_headers, bytes(body)
