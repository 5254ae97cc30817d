"""Stalls of the event loop while credentials are renewed: `python -m benchmarks.credentials`.

One process, as in production without gRPC: exchanges one after the other, each signed with credentials of the cache,
while botocore calls a source in a thread. In a stall the event loop waits for the interpreter's lock, which a thread
releases every five milliseconds at best, and not while it parses JSON. A fake endpoint in another process answers the
sources, with credentials that are valid for a few seconds.
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
from aigw_extproc.exchange.messages import UpstreamCall
from aigw_extproc.extproc.pb import ext_proc_pb2 as pb
from aigw_extproc.extproc.processor import Processor
from aigw_extproc.routing import Router
from aigw_extproc.translate.contract import Fetched, UpstreamResponse

LIFETIME = 6.0
"""Seconds. The cache renews in the last quarter: the first time after 4.5 to 4.8, the second after 9."""
SECONDS = 7.5
ROLE = "arn:aws:iam::111122223333:role/bedrock"
KEYS = Credentials(access_key_id="AKID", secret_access_key="benchmark")  # noqa: S106 - no real key
BODY = b'{"model":"us.amazon.nova-micro-v1:0","messages":[{"role":"user","content":"Hello!"}]}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The result for one source."""

    source: str
    exchanges: int
    failures: int
    quiet: float
    """Longest stall outside of all calls of the source, in milliseconds."""
    first: float
    """Longest stall around the first call."""
    renewal: float
    """Longest stall around a renewal."""
    renewals: int


def main() -> None:
    """Print a row for each source."""
    ours, theirs = multiprocessing.Pipe()
    endpoint = multiprocessing.get_context("spawn").Process(target=serve_endpoint, args=(theirs,), daemon=True)
    endpoint.start()
    port = ours.recv()
    print(
        f"{'source':<14}{'exchanges':>10}{'failed':>8}{'stall ms: quiet':>17}{'first':>8}{'renewal':>9}{'renewals':>10}"
    )
    for name, (source, environment) in sources(f"http://127.0.0.1:{port}").items():
        row = measure_in_process(name, source, environment)
        print(
            f"{row.source:<14}{row.exchanges:>10}{row.failures:>8}{row.quiet:>17.1f}{row.first:>8.1f}"
            f"{row.renewal:>9.1f}{row.renewals:>10}",
            flush=True,
        )
    endpoint.terminate()


def sources(url: str) -> dict[str, tuple[CredentialSource, dict[str, str]]]:
    """Return the sources by name, each with its environment."""
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


def measure_in_process(name: str, source: CredentialSource, environment: Mapping[str, str]) -> Row:
    """Measure in a process that has not loaded botocore yet, like a gateway at its start."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=measure, args=(theirs, name, source, environment))
    process.start()
    theirs.close()  # so that `recv` fails when the process does
    row: Row = ours.recv()
    process.join()
    return row


def measure(results: Connection, name: str, source: CredentialSource, environment: Mapping[str, str]) -> None:
    for variable in [variable for variable in os.environ if variable.startswith("AWS_")]:
        del os.environ[variable]
    os.environ.update(environment)
    results.send(asyncio.run(_measured(name, source)))


class RecordedCalls:
    """Calls a source as the cache does, and records when."""

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
        """Return the index of the call at this moment."""
        margin = 0.05  # the loop handles the result after the call
        return next((n for n, (begun, ended) in enumerate(self.spans) if begun <= moment <= ended + margin), None)


async def _measured(name: str, source: CredentialSource) -> Row:
    calls = RecordedCalls()
    cache = CredentialCache(find=calls)
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
        call = calls.around(moment)
        stalls[call] = max(stalls.get(call, 0.0), seconds * 1000)
    return Row(
        source=name,
        exchanges=len(statuses),
        failures=sum(status != 0 for status in statuses),
        quiet=stalls.get(None, 0.0),
        first=stalls.get(0, 0.0),
        renewal=max((stall for call, stall in stalls.items() if call), default=0.0),
        renewals=len(calls.spans) - 1,
    )


async def _beat(gaps: list[tuple[float, float]]) -> None:
    """Record how late the loop wakes up from a sleep, and when."""
    while True:
        before = time.monotonic()
        await asyncio.sleep(0.001)
        after = time.monotonic()
        gaps.append((after, after - before - 0.001))


async def _exchange(processor: Processor) -> int:
    """Run an exchange. Return the status of its error; 0 when the request was signed."""
    with closing(processor.open(_no_extra_messages)) as stream:
        answers = [await stream.answer(message) for message in _messages()]
    await asyncio.sleep(0)  # as gRPC would wait for the next message
    return pb.ProcessingResponse.FromString(answers[-1]).immediate_response.status.code


def _messages() -> Iterator[bytes]:
    headers = {":method": "POST", ":path": "/v1/chat/completions", "content-type": "application/json"}
    pairs = [pb.HeaderValue(key=name, raw_value=value.encode()).SerializeToString() for name, value in headers.items()]
    yield pb.ProcessingRequest(request_headers=pb.HttpHeaders(headers=pb.HeaderMap(headers=pairs))).SerializeToString()
    yield pb.ProcessingRequest(request_body=pb.HttpBody(body=BODY, end_of_stream=True)).SerializeToString()


async def _no_extra_messages(message: bytes) -> None:
    raise AssertionError(message)


async def _no_upstream(upstream: Upstream, calls: Sequence[UpstreamCall]) -> tuple[UpstreamResponse, ...]:
    raise AssertionError(calls)


async def _no_media(urls: tuple[str, ...], hosts: tuple[str, ...]) -> Mapping[str, Fetched]:
    return {}


# --- the endpoint -------------------------------------------------------------------------------------------------


def serve_endpoint(port: Connection) -> None:
    """Serve as a Pod Identity agent, STS and an OpenID provider. Sends the port."""
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
        """Log nothing."""


def _keys(token: str) -> dict[str, str]:
    return {"AccessKeyId": "ASIA", "SecretAccessKey": "s", token: "t"}


def _expiry() -> str:
    end = datetime.fromtimestamp(time.time(), UTC) + timedelta(seconds=LIFETIME)
    return end.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


if __name__ == "__main__":
    main()
