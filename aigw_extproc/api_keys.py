"""Identification of clients by API key.

A `KeyRing` is an index over the keys of a snapshot, built once. It knows only digests. A key of 256 random bits cannot
be found from its digest, nor from the time of a comparison.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from hmac import compare_digest
from typing import Final
from urllib.parse import unquote_plus

import msgspec

from aigw_extproc.config.snapshot import MAX_KEY_LENGTH, ApiKeys

CLIENT_HEADER: Final = "x-aigw-client"
"""The client's id. Rules may match it; a client's own header of this name is never used."""
MAX_KEYS: Final = 8
"""Candidates in one request that are tried: a digest costs half a microsecond."""

_HEADERS: Final = ("authorization", "x-api-key")  # of the SDKs: every policy accepts keys there
_PREFIX: Final = 8  # bytes of a digest by which it is looked up; the others are compared in constant time


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """The sender of a request, by the keys in it."""

    clients: Mapping[str, str] = {}
    """The client's id by the name of each policy that knows one of the keys."""
    client: str = ""
    """The client's id; empty if it is unknown, or differs between policies."""
    presented: bool = False
    """Whether there was anything that could be a key."""

    @property
    def owner(self) -> str:
        """The sender as the owner of stored responses: ids of different policies are different clients."""
        return "".join(f"{policy}\n{client}\n" for policy, client in sorted(self.clients.items()))


ANONYMOUS: Final = Caller()


def permitted(keys: ApiKeys, caller: Caller) -> str | None:
    """Return the id of the caller as a client that may use a rule with these keys; None if it may not."""
    client = caller.clients.get(keys.policy)
    return None if client in keys.denied else client


class KeyRing:
    """The keys of all policies, indexed."""

    __slots__ = ("_callers", "_cookies", "_headers", "_params")

    def __init__(self, policies: Iterable[ApiKeys]) -> None:
        policies = tuple(policies)
        self._headers = _names(_HEADERS, *(policy.headers for policy in policies))
        self._params = frozenset(_names(*(policy.params for policy in policies)))
        self._cookies = frozenset(_names(*(policy.cookies for policy in policies)))
        self._callers: dict[bytes, list[tuple[bytes, Caller]]] = {}
        for digest, clients in _clients(policies).items():
            self._callers.setdefault(digest[:_PREFIX], []).append((digest, _known(clients)))

    def identify(self, headers: Mapping[str, str]) -> Caller:
        """Return the sender of a request with these headers. Of several keys, every valid one counts."""
        found: Caller | None = None
        keys = self._keys(headers)
        for key in keys:
            caller = self._caller(key)
            if caller is not None:
                found = caller if found is None else _known({**caller.clients, **found.clients})
        if found is not None:
            return found
        return Caller(presented=True) if any(keys) else ANONYMOUS

    def _caller(self, key: str) -> Caller | None:
        if len(key) > MAX_KEY_LENGTH:
            return None
        digest = sha256(key.encode()).digest()
        for known, caller in self._callers.get(digest[:_PREFIX], ()):
            if compare_digest(known, digest):
                return caller
        return None

    def _keys(self, headers: Mapping[str, str]) -> list[str]:
        """Return everything in a request that could be a key."""
        keys: list[str] = []
        for name in self._headers:
            if name in headers:
                keys += _in_header(headers[name])
        if self._params:
            keys += _in_query(headers.get(":path", ""), self._params)
        if self._cookies:
            keys += _in_cookies(headers.get("cookie", ""), self._cookies)
        del keys[MAX_KEYS:]
        return keys


def _known(clients: Mapping[str, str]) -> Caller:
    ids = set(clients.values())
    return Caller(clients=clients, client=ids.pop() if len(ids) == 1 else "", presented=True)


def _names(*groups: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for group in groups for name in group))


def _clients(policies: Iterable[ApiKeys]) -> dict[bytes, dict[str, str]]:
    """Return the client's id by digest and policy."""
    clients: dict[bytes, dict[str, str]] = {}
    for policy in policies:
        for digest, client in policy.clients.items():
            clients.setdefault(digest, {})[policy.policy] = client
    return clients


def _in_header(value: str) -> list[str]:
    """Return the values of a header, which repeated headers join with commas, without `Bearer`."""
    if "," not in value:
        return [_without_bearer(value)]
    return [_without_bearer(part) for part in value.split(",", MAX_KEYS)]


def _without_bearer(value: str) -> str:
    value = value.strip()
    scheme, _, key = value.partition(" ")
    return key.lstrip() if scheme.lower() == "bearer" else value


def _in_query(path: str, params: frozenset[str]) -> Iterator[str]:
    for pair in path.partition("?")[2].split("&"):
        name, _, value = pair.partition("=")
        if unquote_plus(name) in params:
            yield unquote_plus(value)


def _in_cookies(header: str, cookies: frozenset[str]) -> Iterator[str]:
    for pair in header.replace(",", ";").split(";"):  # repeated headers are joined with commas
        name, _, value = pair.strip().partition("=")
        if name in cookies:
            yield value.strip('"')
