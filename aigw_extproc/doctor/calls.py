"""Probes: requests to an endpoint that has been reached, signed as the gateway signs them."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass

import httpcore

from aigw_extproc.aws.identity import BearerToken, Identity
from aigw_extproc.aws.sigv4 import sign
from aigw_extproc.bedrock.converse import encode_model_id
from aigw_extproc.doctor.answers import Answer

CALL_SECONDS = 8.0
MAX_BODY = 64 * 1024
"""Bytes of an answer that are read: errors are short."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """How an upstream is reached."""

    ip: str
    port: int
    host: str
    """The HTTP host, which is signed."""
    server_name: str | None = None
    """SNI; None in clear."""
    tls: ssl.SSLContext | None = None


async def probe(
    route: Route, *, model: str, region: str, identity: Identity | None, clock: Callable[[], float]
) -> Answer:
    """Sends an InvokeModel that cannot run, see `answers`; without an identity an unsigned one.

    Raises OSError (TimeoutError is one) when no answer comes.
    """
    path = f"/model/{encode_model_id(model)}/invoke"
    headers = {"host": route.host, "content-type": "application/json", "accept": "application/json"}
    signed_at = clock()
    headers |= _authorization(route, path, region, identity, signed_at)
    try:
        async with asyncio.timeout(CALL_SECONDS):
            status, answered, body = await _post(route, path, headers)
    except TimeoutError:
        raise TimeoutError(f"no answer within {CALL_SECONDS:g} s") from None
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as failure:
        raise OSError(str(failure) or type(failure).__name__) from None
    now = clock()
    return Answer(status=status, headers=answered, body=body, received_at=now, seconds=now - signed_at)


BODY = b"{}"


def _authorization(route: Route, path: str, region: str, identity: Identity | None, now: float) -> dict[str, str]:
    if identity is None:
        return {}
    if isinstance(identity, BearerToken):
        return {"authorization": f"Bearer {identity.token}"}
    return dict(
        sign(method="POST", host=route.host, path=path, body=BODY, region=region, credentials=identity, now=now)
    )


async def _post(route: Route, path: str, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
    # The path is given as bytes: a URL would be normalised, and the signature would not fit.
    url = httpcore.URL(
        scheme="https" if route.tls else "http", host=route.ip, port=route.port, target=path.encode("ascii")
    )
    extensions = {"sni_hostname": route.server_name} if route.server_name else {}
    async with (
        httpcore.AsyncConnectionPool(ssl_context=route.tls) as pool,
        pool.stream("POST", url, headers=list(headers.items()), content=BODY, extensions=extensions) as response,
    ):
        body = bytearray()
        async for piece in response.aiter_stream():
            body += piece
            if len(body) >= MAX_BODY:
                break
        answered = {name.decode("ascii").lower(): value.decode("latin-1") for name, value in response.headers}
        return response.status, answered, bytes(body)
