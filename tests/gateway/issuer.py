"""An issuer of JSON Web Tokens, and the server with its keys."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from joserfc import jwt
from joserfc.jwk import RSAKey

from tests.envoy_config.running import served

ISSUER = "https://login.example.com"
AUDIENCE = "gateway"


@dataclass
class Issuer:
    """Signs tokens with its newest key, and publishes all that it has."""

    keys: list[RSAKey] = field(default_factory=lambda: [_key("first")])
    port: int = 0
    fetches: int = 0

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.port}/jwks.json"

    @property
    def key_set(self) -> str:
        return json.dumps({"keys": [key.as_dict(private=False) for key in self.keys]})

    def rotate(self) -> None:
        """Publish a new key beside the others."""
        self.keys = [*self.keys, _key(f"key-{len(self.keys)}")]

    def token(self, key: RSAKey | None = None, **claims: Any) -> str:
        """Return a token, valid for ten minutes; a claim of None is left out."""
        signer = key or self.keys[-1]
        known = {"iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "exp": int(time.time()) + 600, **claims}
        content = {name: value for name, value in known.items() if value is not None}
        return jwt.encode({"alg": "RS256", "kid": signer.kid}, content, signer)


def _key(name: str) -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": name})


@contextlib.contextmanager
def running_issuer() -> Iterator[Issuer]:
    """Serve an issuer's keys on a free port of 127.0.0.1."""
    issuer = Issuer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.fetches += 1
            body = issuer.key_set.encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    issuer.port = server.server_port
    with served(server):
        yield issuer
