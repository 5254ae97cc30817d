"""Bedrock's lists of models, as an account of its control plane sees them. The calls block: they are for a thread.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_ListFoundationModels.html
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_ListInferenceProfiles.html
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from typing import Any, Final, TypeVar
from urllib.parse import quote, urlencode

import httpcore
import msgspec

from aigw_extproc.aws.identity import BearerToken, Identity
from aigw_extproc.aws.names import control_plane_host
from aigw_extproc.aws.sigv4 import sign
from aigw_extproc.bedrock.models import (
    AvailableModel,
    FoundationModels,
    InferenceProfile,
    InferenceProfiles,
    listed,
)
from aigw_extproc.config.snapshot import ModelSource
from aigw_extproc.listed_models import ListFailed

SECONDS: Final = 10.0
"""For each step of a request: a background task can wait, but not for ever."""
MAX_PAGES: Final = 50
"""Of inference profiles; an account has a few hundred, and a page up to a thousand."""

T = TypeVar("T")


def fetch(source: ModelSource, identity: Identity) -> tuple[AvailableModel, ...]:
    """Return what an account can invoke.

    Raises:
        ListFailed: the control plane cannot be reached, or refuses.
    """
    tls = source.upstream.tls
    context = ssl.create_default_context(cadata=tls.ca_pem) if tls is not None else None
    try:
        with httpcore.ConnectionPool(ssl_context=context) as pool:
            lists = _Lists(pool, source, identity)
            return listed(lists.get("/foundation-models", FoundationModels), list(lists.profiles()))
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, OSError) as error:
        raise ListFailed(f"it cannot be reached: {error or type(error).__name__}") from None


class _Lists:
    """The requests of one account."""

    def __init__(self, pool: httpcore.ConnectionPool, source: ModelSource, identity: Identity) -> None:
        self._pool = pool
        self._region = source.auth.region
        self._identity = identity
        upstream = source.upstream
        public = control_plane_host(upstream.host)
        self._host = public or upstream.host  # a simulator serves both
        address = (public, 443) if public else (upstream.addresses[0].host, upstream.addresses[0].port)
        self._origin = ("https" if public or upstream.tls else "http", *address)
        self._server_name = public or (upstream.tls.server_name if upstream.tls else None)

    def profiles(self) -> Iterator[InferenceProfile]:
        """Yield the inference profiles that AWS defines."""
        query = {"maxResults": "1000", "type": "SYSTEM_DEFINED"}
        for _ in range(MAX_PAGES):
            page = self.get("/inference-profiles", InferenceProfiles, query)
            yield from page.inference_profile_summaries
            if page.next_token is None:
                return
            query["nextToken"] = page.next_token

    def get(self, path: str, kind: type[T], query: dict[str, str] | None = None) -> T:
        """Return the response to a signed request."""
        text = urlencode(sorted((query or {}).items()), quote_via=quote, safe="-._~")
        scheme, host, port = self._origin
        url = httpcore.URL(scheme=scheme, host=host, port=port, target=f"{path}?{text}" if text else path)
        extensions: dict[str, Any] = {"timeout": dict.fromkeys(("connect", "read", "write", "pool"), SECONDS)}
        if self._server_name is not None:
            extensions["sni_hostname"] = self._server_name
        headers = [("host", self._host), ("accept", "application/json"), *self._authorization(path, text)]
        response = self._pool.request("GET", url, headers=headers, extensions=extensions)
        if response.status != 200:
            raise ListFailed(f"{self._host} answered {response.status} to GET {path}: {_error_of(response)}")
        try:
            return msgspec.json.decode(response.content, type=kind)
        except msgspec.MsgspecError as fault:
            raise ListFailed(f"{self._host} answered GET {path} with something else than a list: {fault}") from None

    def _authorization(self, path: str, query: str) -> list[tuple[str, str]]:
        if isinstance(self._identity, BearerToken):
            return [("authorization", f"Bearer {self._identity.token}")]
        return sign(
            method="GET",
            host=self._host,
            path=path,
            query=query,
            body=b"",
            region=self._region,
            credentials=self._identity,
            now=time.time(),
        )


def _error_of(response: httpcore.Response) -> str:
    """Return the name of AWS's error: its message may contain the account and the role."""
    name = next((value for key, value in response.headers if key.lower() == b"x-amzn-errortype"), b"no error type")
    return name.decode("latin-1").partition(":")[0]
