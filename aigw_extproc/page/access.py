"""Who may see the page.

Without a token it is for this machine alone: the port is bound to loopback, and the Host must be a name of this
machine, since a page of another site could have its own name resolved to it (DNS rebinding). With a token, a browser
signs in with it once and gets a cookie, and programs send it with each request. What changes something, or spends
money, must come from the page itself.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

COOKIE: Final = "aigw_page"
SESSION_SECONDS: Final = 12 * 3600
MIN_TOKEN: Final = 16
"""Characters of a token: the page does not count attempts."""
LOCAL: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})
_PORT: Final = re.compile(r":[0-9]*$")


class TokenUnusable(ValueError):
    """The file of the token cannot be used, for the reason in the text."""


def read_token(file: Path) -> str:
    """Return the token in a file, without white space around it.

    Raises:
        TokenUnusable: the file cannot be read, or what is in it is too short.
    """
    try:
        token = file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise TokenUnusable(f"--page-token {file}: {reason}") from None
    if len(token) < MIN_TOKEN or not token.isascii():
        raise TokenUnusable(f"--page-token {file}: expected at least {MIN_TOKEN} characters of ASCII, got {len(token)}")
    return token


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """The rules of access to one page."""

    token: Callable[[], str] | None = None
    """Returns the token; None if the page is for this machine alone."""
    hosts: frozenset[str] = LOCAL
    """The hosts that it answers to without a token."""

    def allows_host(self, headers: Mapping[str, str]) -> bool:
        """Return whether the page answers to the Host of a request. With a token it answers to any."""
        return self.token is not None or _PORT.sub("", headers.get("host", "").lower()) in self.hosts

    def signed_in(self, headers: Mapping[str, str], now: float) -> bool:
        """Return whether a request has the token, or a cookie that was given for it."""
        if self.token is None:
            return True
        try:
            token = self.token()
        except TokenUnusable:  # it was usable at the start; now nobody gets in
            return False
        scheme, _, presented = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and _same(presented.strip(), token):
            return True
        return _is_valid(_cookie(headers), token, now)

    def session(self, presented: str, now: float) -> str | None:
        """Return the value of the cookie for a browser that presents the token; None if it is the wrong one."""
        if self.token is None or not _same(presented.strip(), (token := self.token())):
            return None
        expires = str(int(now) + SESSION_SECONDS)
        return f"{expires}.{_seal(token, expires)}"


def is_same_origin(headers: Mapping[str, str]) -> bool:
    """Return whether a request comes from the page itself, or from no browser at all.

    https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header
    """
    if headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        return False
    origin = headers.get("origin")
    return origin is None or (urlsplit(origin).netloc.lower() == headers.get("host", "").lower())


def _same(presented: str, token: str) -> bool:
    return hmac.compare_digest(presented.encode(), token.encode())


def _seal(token: str, expires: str) -> str:
    return hmac.digest(token.encode(), f"page {expires}".encode(), sha256).hex()


def _cookie(headers: Mapping[str, str]) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found is not None else ""


def _is_valid(cookie: str, token: str, now: float) -> bool:
    expires, _, seal = cookie.partition(".")
    return expires.isascii() and expires.isdigit() and now < int(expires[:20]) and _same(seal, _seal(token, expires))
