"""Cost of API keys: one JSON line per case, microseconds per call (the best of seven runs).

Run `python -m benchmarks.api_keys`. A case is an exchange up to the request that goes upstream, in the core alone. The
cost must not grow with the number of keys.
"""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256

from aigw_extproc.config.builtin import demo_configuration
from aigw_extproc.config.policies import ApiKeys, Policy
from aigw_extproc.config.snapshot import Snapshot
from aigw_extproc.exchange.machine import Exchange
from aigw_extproc.exchange.messages import ForwardRequest, RequestBody, RequestHeaders
from aigw_extproc.routing import Router
from benchmarks.signing import KEY, NOW, SECRET, Credentials
from benchmarks.timing import microseconds

CALLS = 5_000
CLIENT_KEY = "aigw_" + "k" * 43
HEADERS = {
    ":method": "POST",
    ":path": "/v1/chat/completions",
    ":authority": "127.0.0.1:1975",
    "content-type": "application/json",
    "authorization": f"Bearer {CLIENT_KEY}",
    **{f"x-stainless-{number}": "value" for number in range(8)},
}
BODY = b'{"model": "us.amazon.nova-micro-v1:0", "messages": [{"role": "user", "content": "Hello!"}]}'


def snapshot(keys: int, forward_header: str | None = None) -> Snapshot:
    """Return a snapshot with one rule, for clients with one of so many keys; with 0, for everyone."""
    open_to_all = demo_configuration(
        "127.0.0.1", 8091, Credentials(access_key_id=KEY, secret_access_key=SECRET)
    ).snapshot
    if keys == 0:
        return open_to_all
    clients = {sha256(f"{number}".encode()).digest(): f"client-{number}" for number in range(keys - 1)}
    clients[sha256(CLIENT_KEY.encode()).digest()] = "client"
    policy = Policy(name="default/bench", keys=ApiKeys(clients=clients, forward_header=forward_header))
    return replace(open_to_all, rules=tuple(replace(rule, policy=policy) for rule in open_to_all.rules))


def exchange_us(router: Router) -> float:
    """Return the cost of an exchange up to the request upstream."""
    headers, body = RequestHeaders(HEADERS, end_of_stream=False), RequestBody(BODY)

    def call() -> None:
        exchange = Exchange(router, pick=0.0)
        exchange.receive(headers, now=NOW)
        assert isinstance(exchange.receive(body, now=NOW), ForwardRequest)

    return microseconds(call, CALLS)


def refusal_us(router: Router) -> float:
    """Return the cost of a request with a key that nobody has."""
    headers = RequestHeaders(HEADERS | {"authorization": "Bearer junk"}, end_of_stream=False)
    return microseconds(lambda: Exchange(router, pick=0.0).receive(headers, now=NOW), CALLS)


def main() -> None:
    """Print a line for no policy, and for one with few and many keys."""
    for keys, forward_header in ((0, None), (1, None), (1, "x-client-id"), (10_000, None)):
        router = Router(snapshot(keys, forward_header))
        figures = {"keys": keys, "forwarded": forward_header is not None, "exchange_us": exchange_us(router)}
        if keys:
            figures |= {
                "identify_us": microseconds(lambda: router.identify(HEADERS), CALLS),  # noqa: B023 - called at once
                "refused_us": refusal_us(router),
            }
        print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main()
