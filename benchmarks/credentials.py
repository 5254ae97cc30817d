"""What renewing credentials costs those who are being served: `python -m benchmarks.credentials`.

One process as it runs in production but for gRPC: exchanges one after the other, each signed with what the cache
holds, while botocore asks a source in a thread. A stall is an event loop that cannot run: it waits for the
interpreter's lock, which a thread gives up every five milliseconds at best, and not at all while it parses JSON. The
sources' other side answers in a process of its own, with credentials that live for a few seconds.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from aigw_extproc.aws.credentials import CredentialCache
from aigw_extproc.aws.credentials.found_credentials import FoundCredentials
from aigw_extproc.aws.identity import AssumeRole, Credentials, CredentialSource, DefaultChain, OidcExchange
from aigw_extproc.config.builtin import region_configuration
from aigw_extproc.config.snapshot import AwsAuth, Upstream
from aigw_extproc.exchange import UpstreamCall
from aigw_extproc.extproc.pb import ext_proc_pb2 as pb
from aigw_extproc.extproc.processor import Processor
from aigw_extproc.routing import Router
from aigw_extproc.translate.contract import Fetched, UpstreamResponse

LIFETIME = 6.0
"""Seconds. The cache renews in the last quarter, so the second ones come after 4.5 to 4.8 and the third after 9."""
SECONDS = 7.5
ROLE = "arn:aws:iam::111122223333:role/bedrock"
KEYS = Credentials(access_key_id="AKID", secret_access_key="benchmark")  # noqa: S106 - opens nothing
BODY = b'{"model":"us.amazon.nova-micro-v1:0","messages":[{"role":"user","content":"Hello!"}]}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What came of one source."""

    source: str
    exchanges: int
    failures: int
    quiet: float
    """The longest stall while no source was asked, in milliseconds."""
    first: float
    """The longest one around the first time."""
    renewal: float
    """The longest one around the renewal."""
    renewals: int


def main() -> None:
    """Prints a row for each source."""
    ours, theirs = multiprocessing.Pipe()
    other_side = multiprocessing.get_context("spawn").Process(target=answer, args=(theirs,), daemon=True)
    other_side.start()
    port = ours.recv()
    print(
        f"{'source':<14}{'exchanges':>10}{'failed':>8}{'stall ms: quiet':>17}{'first':>8}{'renewal':>9}{'renewals':>10}"
    )
    for name, (source, environment) in sources(f"http://127.0.0.1:{port}").items():
        row = measured_apart(name, source, environment)
        print(
            f"{row.source:<14}{row.exchanges:>10}{row.failures:>8}{row.quiet:>17.1f}{row.first:>8.1f}"
            f"{row.renewal:>9.1f}{row.renewals:>10}",
            flush=True,
        )
    other_side.terminate()


def sources(url: str) -> dict[str, tuple[CredentialSource, dict[str, str]]]:
    """By name: the source, and the environment that it needs."""
    file = Path(tempfile.mkstemp(prefix="aigw-benchmark-")[1])
    file.write_text("token")
    sts = {"AWS_ENDPOINT_URL_STS": url, "AWS_EC2_METADATA_DISABLED": "true"}
    client = {"client_id": "c", "client_secret": "s"}
    oidc = OidcExchange(issuer=url, role_arn=ROLE, session_name="benchmark", **client)
    return {
        "Pod Identity": (
            DefaultChain(),
            {
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{url}/credentials",
                "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(file),
            },
        ),
        "IRSA": (DefaultChain(), {**sts, "AWS_WEB_IDENTITY_TOKEN_FILE": str(file), "AWS_ROLE_ARN": ROLE}),
        "assumed role": (AssumeRole(base=KEYS, role_arn=ROLE), sts),
        "OpenID": (oidc, sts),
    }


def measured_apart(name: str, source: CredentialSource, environment: Mapping[str, str]) -> Row:
    """In a process that has not loaded botocore yet, as no gateway has at its start."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=measure, args=(theirs, name, source, environment))
    process.start()
    theirs.close()  # or else nobody would see the other end close when that process fails
    row: Row = ours.recv()
    process.join()
    return row


def measure(results: Connection, name: str, source: CredentialSource, environment: Mapping[str, str]) -> None:
    for variable in [variable for variable in os.environ if variable.startswith("AWS_")]:
        del os.environ[variable]
    os.environ.update(environment)
    results.send(asyncio.run(_measured(name, source)))


class Asked:
    """Asks a source as the cache does, and notes when."""

    def __init__(self) -> None:
        self.spans: list[tuple[float, float]] = []

    def __call__(self, source: CredentialSource, region: str) -> FoundCredentials:
        begun = time.monotonic()
        try:
            from aigw_extproc.aws.credentials import sources

            return sources.find(source, region)
        finally:
            self.spans.append((begun, time.monotonic()))

    def around(self, moment: float) -> int | None:
        """Which of the attempts this moment belongs to."""
        margin = 0.05  # what is done with an answer, on the loop, comes after it
        return next((n for n, (begun, ended) in enumerate(self.spans) if begun <= moment <= ended + margin), None)


async def _measured(name: str, source: CredentialSource) -> Row:
    asked = Asked()
    cache = CredentialCache(find=asked)
    auth = AwsAuth(region="us-east-1", source=source)
    router = Router(region_configuration("us-east-1").snapshot)
    processor = Processor(lambda: router, lambda _: cache.get(auth), _no_media, _no_upstream)
    gaps: list[tuple[float, float]] = []
    statuses: list[int] = []
    async with asyncio.TaskGroup() as tasks:
        keeper = tasks.create_task(cache.keep_fresh(lambda: [auth]))
        beat = tasks.create_task(_beat(gaps))
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            statuses.append(await _exchange(processor))
        keeper.cancel()
        beat.cancel()
    stalls: dict[int | None, float] = {}
    for moment, seconds in gaps:
        attempt = asked.around(moment)
        stalls[attempt] = max(stalls.get(attempt, 0.0), seconds * 1000)
    return Row(
        source=name,
        exchanges=len(statuses),
        failures=sum(status != 0 for status in statuses),
        quiet=stalls.get(None, 0.0),
        first=stalls.get(0, 0.0),
        renewal=max((stall for attempt, stall in stalls.items() if attempt), default=0.0),
        renewals=len(asked.spans) - 1,
    )


async def _beat(gaps: list[tuple[float, float]]) -> None:
    """Notes how much later than it wanted the loop came back, and when."""
    while True:
        before = time.monotonic()
        await asyncio.sleep(0.001)
        after = time.monotonic()
        gaps.append((after, after - before - 0.001))


async def _exchange(processor: Processor) -> int:
    """The status of the refusal of one exchange; 0 when it was signed and let through."""
    with closing(processor.open(_nothing_before_an_answer)) as stream:
        answers = [await stream.answer(message) for message in _messages()]
    await asyncio.sleep(0)  # where gRPC would wait for the next one
    return pb.ProcessingResponse.FromString(answers[-1]).immediate_response.status.code


def _messages() -> Iterator[bytes]:
    headers = {":method": "POST", ":path": "/v1/chat/completions", "content-type": "application/json"}
    pairs = [pb.HeaderValue(key=name, raw_value=value.encode()).SerializeToString() for name, value in headers.items()]
    yield pb.ProcessingRequest(request_headers=pb.HttpHeaders(headers=pb.HeaderMap(headers=pairs))).SerializeToString()
    yield pb.ProcessingRequest(request_body=pb.HttpBody(body=BODY, end_of_stream=True)).SerializeToString()


async def _nothing_before_an_answer(message: bytes) -> None:
    raise AssertionError(message)


async def _no_upstream(upstream: Upstream, calls: Sequence[UpstreamCall]) -> tuple[UpstreamResponse, ...]:
    raise AssertionError(calls)


async def _no_media(urls: tuple[str, ...]) -> Mapping[str, Fetched]:
    return {}


# --- the other side -----------------------------------------------------------------------------------------------


def answer(port: Connection) -> None:
    """Answers as a Pod Identity agent, as STS and as an OpenID provider would."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    port.send(server.server_address[1])
    server.serve_forever()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/credentials":
            self._send(json.dumps({**_keys("Token"), "Expiration": _expiry()}))
        else:
            self._send(json.dumps({"token_endpoint": f"http://{self.headers['host']}/token"}))

    def do_POST(self) -> None:
        form = self.rfile.read(int(self.headers["content-length"])).decode()
        if self.path == "/token":
            self._send('{"access_token": "token"}')
            return
        action = "AssumeRoleWithWebIdentity" if "WebIdentity" in form else "AssumeRole"
        issued = {**_keys("SessionToken"), "Expiration": _expiry()}
        keys = "".join(f"<{name}>{value}</{name}>" for name, value in issued.items())
        result = f"<{action}Result><Credentials>{keys}</Credentials></{action}Result>"
        space = "https://sts.amazonaws.com/doc/2011-06-15/"
        self._send(f'<{action}Response xmlns="{space}">{result}</{action}Response>')

    def _send(self, text: str) -> None:
        self.send_response(200)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *args: Any) -> None:
        """Says nothing on standard error."""


def _keys(token: str) -> dict[str, str]:
    return {"AccessKeyId": "ASIA", "SecretAccessKey": "s", token: "t"}


def _expiry() -> str:
    end = datetime.fromtimestamp(time.time(), UTC) + timedelta(seconds=LIFETIME)
    return end.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


if __name__ == "__main__":
    main()
