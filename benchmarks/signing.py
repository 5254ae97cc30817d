"""Cost of a signature: one JSON line per body, microseconds per call, ours and botocore's.

Run `python -m benchmarks.signing`. The signing key and the date are cached, as in production; only hashing grows with
the body.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials

from aigw_extproc.aws.identity import Credentials
from aigw_extproc.aws.sigv4 import sign
from benchmarks.timing import microseconds

HOST = "bedrock-runtime.us-east-1.amazonaws.com"
PATH = "/model/us.amazon.nova-micro-v1%3A0/converse"
KEY, SECRET = "AKIDEXAMPLE", "benchmark"
TOKEN = "IQoJb3JpZ2luX2VjE" * 40
NOW = 1_790_000_000.0
SIZES = {200: 5_000, 10_000: 5_000, 1_000_000: 50}
"""Number of calls by size of the body in bytes."""


def ours(body: bytes) -> Callable[[], object]:
    """Return a call of our signer, with temporary credentials."""
    credentials = Credentials(access_key_id=KEY, secret_access_key=SECRET, session_token=TOKEN)
    return lambda: sign(
        method="POST", host=HOST, path=PATH, body=body, region="us-east-1", credentials=credentials, now=NOW
    )


def theirs(body: bytes) -> Callable[[], object]:
    """Return a call of botocore's signer, including its request object."""
    signer = SigV4Auth(BotocoreCredentials(KEY, SECRET, TOKEN), "bedrock", "us-east-1")
    return lambda: signer.add_auth(AWSRequest("POST", f"https://{HOST}{PATH}", data=body))


def main() -> None:
    """Print a line for each size."""
    for size, calls in SIZES.items():
        body = b"x" * size
        figures = {"bytes": size, "us": microseconds(ours(body), calls)}
        print(json.dumps(figures | {"botocore_us": microseconds(theirs(body), calls // 10)}), flush=True)


if __name__ == "__main__":
    main()
