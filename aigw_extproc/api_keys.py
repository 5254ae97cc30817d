"""Identification of clients by API key, or by user name and password.

A `KeyRing` is an index over the keys of a snapshot, built once. It knows only digests. A key of 256 random bits cannot
be found from its digest, nor from the time of a comparison.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha1
from hmac import compare_digest
from typing import Final
from urllib.parse import unquote_plus

from aigw_extproc.config.policies import MAX_KEY_LENGTH, Policy, key_digest, password_digest

MAX_KEYS: Final = 8
"""Candidates in one request that are tried: a digest costs half a microsecond."""

_HEADERS: Final = ("authorization", "x-api-key")  # of the SDKs: every policy accepts keys there
_PREFIX: Final = 8  # bytes of a digest by which it is looked up; the others are compared in constant time
_UNKNOWN: Final[Mapping[str, str]] = {}


class KeyRing:
    """The keys of all policies, indexed."""

    __slots__ = ("_clients", "_cookies", "_headers", "_params")

    def __init__(self, policies: Iterable[Policy]) -> None:
        rings = {policy.name: policy.keys for policy in policies if policy.keys is not None}
        self._headers = _names(_HEADERS, *(keys.headers for keys in rings.values()))
        self._params = frozenset(_names(*(keys.params for keys in rings.values())))
        self._cookies = frozenset(_names(*(keys.cookies for keys in rings.values())))
        by_digest: dict[bytes, dict[str, str]] = {}
        for name, keys in rings.items():
            for digest, client in keys.clients.items():
                by_digest.setdefault(digest, {})[name] = client
        self._clients: dict[bytes, list[tuple[bytes, Mapping[str, str]]]] = {}
        for digest, clients in by_digest.items():
            self._clients.setdefault(digest[:_PREFIX], []).append((digest, clients))

    def identify(self, headers: Mapping[str, str]) -> tuple[Mapping[str, str], str]:
        """Return the client's id by the name of each policy that knows a key of the request, and what was tried.

        Of several keys, every valid one counts; the first one where a policy knows more than one. What was tried is
        `key`, `password` or nothing.
        """
        found = _UNKNOWN
        keys = self._keys(headers)
        for key in keys:
            clients = self._known(_digest(key)) if len(key) <= MAX_KEY_LENGTH else _UNKNOWN
            found = {**clients, **found} if found and clients else clients or found
        return found, ("password" if any(map(_is_password, keys)) else "key") if any(keys) else ""

    def _known(self, digest: bytes) -> Mapping[str, str]:
        for known, clients in self._clients.get(digest[:_PREFIX], ()):
            if compare_digest(known, digest):
                return clients
        return _UNKNOWN

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


def _is_password(key: str) -> bool:
    return key[:6].lower() == "basic "


def _digest(key: str) -> bytes:
    if _is_password(key):
        try:
            user, _, password = b64decode(key[6:].strip(), validate=True).partition(b":")
        except ValueError:
            return b""
        return password_digest(user, sha1(password, usedforsecurity=False).digest())
    return key_digest(key)


def _names(*groups: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for group in groups for name in group))


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
