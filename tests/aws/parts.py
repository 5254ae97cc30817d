"""Local servers that issue credentials: STS, the Pod Identity agent and an OpenID provider."""

from __future__ import annotations

import contextlib
import json
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import time
from typing import Any
from urllib.parse import parse_qs

from moto.moto_server.threaded_moto_server import ThreadedMotoServer
from moto.sts.models import sts_backends

from aigw_extproc.simulator.settings import DEMO_ACCESS_KEY_ID, DEMO_SECRET_ACCESS_KEY, Settings

ROLE = "arn:aws:iam::111122223333:role/bedrock"
OTHER_ROLE = "arn:aws:iam::444455556666:role/bedrock-too"


class Live(Mapping[str, Any]):
    """A mapping that is computed at each lookup."""

    def __init__(self, make: Callable[[], dict[str, Any]]) -> None:
        self._make = make

    def __getitem__(self, key: str) -> Any:
        return self._make()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._make())

    def __len__(self) -> int:
        return len(self._make())


@dataclass(frozen=True, kw_only=True)
class Sts:
    """moto's STS, in this process, so that tests can read the sessions it issued."""

    url: str

    def issued(self, session_name: str) -> list[Any]:
        """Return the sessions of that name, oldest first."""
        return [session for session in _sessions() if session.session_name == session_name]


def _sessions() -> list[Any]:
    return [
        session
        for account in list(sts_backends.values())
        for backend in list(account.values())
        for session in list(backend.assumed_roles)
    ]


@contextlib.contextmanager
def running_sts() -> Iterator[Sts]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    sts_backends.reset()  # moto has one per process: drop the sessions of other tests
    try:
        yield Sts(url=f"http://127.0.0.1:{server.get_host_and_port()[1]}")
    finally:
        server.stop()


@dataclass
class HttpServer:
    """A local HTTP server. After `stop()`, its port refuses connections."""

    server: ThreadingHTTPServer
    requests: list[str] = field(default_factory=list)
    """Method and path of each request."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@dataclass
class Agent(HttpServer):
    """EKS's Pod Identity agent: credentials for requests with the pod's token.

    https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
    """

    token: str = "first-token"
    """The token that it accepts."""
    lifetime: float = 6 * 3600
    """Of the credentials that it issues from now on, in seconds."""
    issued: list[dict[str, str]] = field(default_factory=list)

    def answer(self, request: BaseHTTPRequestHandler, _body: bytes) -> tuple[int, Any]:
        if request.headers["authorization"] != self.token:
            return 401, {"code": "Unauthorized", "message": "the token is not the pod's"}
        expiry = datetime.fromtimestamp(time(), UTC) + timedelta(seconds=self.lifetime)
        keys = {
            "AccessKeyId": f"ASIA{secrets.token_hex(8).upper()}",
            "SecretAccessKey": f"agent-secret-{secrets.token_hex(16)}",
            "Token": f"agent-token-{secrets.token_hex(16)}",
            "Expiration": expiry.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        self.issued.append(keys)
        return 200, keys

    def environment(self, file: Path) -> dict[str, str]:
        """Return the variables that EKS sets in a pod; `file` holds the pod's token."""
        return {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{self.url}/v1/credentials",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(file),
        }


@dataclass
class Provider(HttpServer):
    """An OpenID provider with one client."""

    client_id: str = "gateway"
    client_secret: str = "canary-of-a-client-secret"
    discovery: Any = None
    """Its discovery document; None for the correct one."""
    forms: list[dict[str, list[str]]] = field(default_factory=list)
    """The forms of token requests."""

    def answer(self, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, Any]:
        if request.path.endswith("/.well-known/openid-configuration"):
            return 200, self.discovery or {"issuer": self.url, "token_endpoint": f"{self.url}/token"}
        form = parse_qs(body.decode())
        self.forms.append(form)
        if (form["client_id"], form["client_secret"]) != ([self.client_id], [self.client_secret]):
            return 401, {"error": "invalid_client"}
        return 200, {"access_token": "canary-of-an-access-token", "token_type": "Bearer", "expires_in": 3600}


@contextlib.contextmanager
def running_agent() -> Iterator[Agent]:
    with _serving(Agent) as agent:
        yield agent


@contextlib.contextmanager
def running_provider() -> Iterator[Provider]:
    with _serving(Provider) as provider:
        yield provider


@contextlib.contextmanager
def _serving(kind: Callable[..., Any]) -> Iterator[Any]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.requests.append(f"{self.command} {self.path}")
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            status, answer = served.answer(self, body)
            encoded = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(encoded)))
            self.end_headers()
            self.wfile.write(encoded)

        do_POST = do_GET  # noqa: N815 - as above

        def log_message(self, *args: Any) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served = kind(server=server)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield served
    finally:
        served.stop()


def account(*agents: Agent, bearer_tokens: frozenset[str] = frozenset()) -> Settings:
    """Return settings of a simulator that accepts all credentials that STS and these agents have issued."""

    def secrets_by_key() -> dict[str, str]:
        by_sts = {session.access_key_id: session.secret_access_key for session in _sessions()}
        by_agents = {keys["AccessKeyId"]: keys["SecretAccessKey"] for agent in agents for keys in list(agent.issued)}
        return {DEMO_ACCESS_KEY_ID: DEMO_SECRET_ACCESS_KEY, **by_sts, **by_agents}

    def tokens_by_key() -> dict[str, frozenset[str]]:
        by_sts = {session.access_key_id: frozenset({session.session_token}) for session in _sessions()}
        by_agents = {keys["AccessKeyId"]: frozenset({keys["Token"]}) for agent in agents for keys in list(agent.issued)}
        return by_sts | by_agents

    return Settings(credentials=Live(secrets_by_key), session_tokens=Live(tokens_by_key), bearer_tokens=bearer_tokens)
