"""Tests for aigw_extproc.aws.sigv4, with botocore's signatures as the oracle."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from unittest.mock import patch
from urllib.parse import quote as urllib_quote

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from hypothesis import given
from hypothesis import strategies as st

from aigw_extproc.aws.identity import Credentials
from aigw_extproc.aws.sigv4 import amz_date, canonical_request, sign
from aigw_extproc.bedrock.converse import converse_path

quote = partial(urllib_quote, safe="-._~")
PRINTABLE = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=60)
MODELS = st.one_of(
    st.from_regex(r"[a-z0-9.-]{1,30}(:[0-9]{1,2})?", fullmatch=True),
    st.from_regex(
        r"arn:aws:bedrock:us-east-1:[0-9]{12}:inference-profile/us\.[a-z0-9.-]{1,20}-v1:[0-9]", fullmatch=True
    ),
    st.text(min_size=1, max_size=40),
)


def botocore_headers(
    *, method: str, host: str, path: str, body: bytes, region: str, credentials: Credentials, now: float, query: str
) -> dict[str, str]:
    request = AWSRequest(method, f"https://{host}{path}?{query}", data=body)
    keys = BotocoreCredentials(credentials.access_key_id, credentials.secret_access_key, credentials.session_token)
    when = datetime.fromtimestamp(int(now), UTC)
    with (
        patch("botocore.auth.get_current_datetime", lambda: when.replace(tzinfo=None), create=True),
        patch("botocore.compat.get_current_datetime", lambda: when.replace(tzinfo=None), create=True),
    ):
        SigV4Auth(keys, "bedrock", region).add_auth(request)
    return {name.lower(): value for name, value in request.headers.items()}


@given(
    model=MODELS,
    stream=st.booleans(),
    method=st.sampled_from(["POST", "GET", "PUT", "DELETE"]),
    body=st.binary(max_size=2000),
    region=st.sampled_from(["us-east-1", "eu-central-1", "us-gov-west-1", "cn-north-1"]),
    host=st.from_regex(r"[a-z0-9][a-z0-9.-]{0,60}[a-z0-9]", fullmatch=True),
    key=PRINTABLE,
    secret=PRINTABLE,
    token=st.none() | PRINTABLE,
    now=st.floats(min_value=1_000_000_000, max_value=4_000_000_000),
    query=st.just("") | st.builds("maxResults={}&nextToken={}&type=X".format, st.integers(1, 99), PRINTABLE.map(quote)),
)
def test_signatures_equal_botocores(
    model: str,
    stream: bool,
    method: str,
    body: bytes,
    region: str,
    host: str,
    key: str,
    secret: str,
    token: str | None,
    now: float,
    query: str,
) -> None:
    credentials = Credentials(access_key_id=key, secret_access_key=secret, session_token=token)
    request = {
        "method": method,
        "host": host,
        "path": converse_path(model, stream=stream),
        "body": body,
        "region": region,
        "credentials": credentials,
        "now": now,
        "query": query,
    }
    assert dict(sign(**request)) == botocore_headers(**request)


def test_the_path_of_the_canonical_request_is_encoded_a_second_time() -> None:
    path = "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Aprofile%2Fus.m-v1%3A0/converse"
    canonical = canonical_request("POST", path, {"host": "h"}, "host", "hash")
    assert canonical == (
        "POST\n/model/arn%253Aaws%253Abedrock%253Aus-east-1%253A1%253Aprofile%252Fus.m-v1%253A0/converse\n\n"
        "host:h\n\nhost\nhash"
    )


def test_the_date_is_in_utc_and_has_no_fraction() -> None:
    assert amz_date(1_440_938_160) == "20150830T123600Z"


def test_a_token_is_signed_and_sent() -> None:
    credentials = Credentials(access_key_id="AKID", secret_access_key="secret", session_token="token")
    headers = dict(
        sign(method="POST", host="h", path="/", body=b"", region="us-east-1", credentials=credentials, now=0)
    )
    assert headers["x-amz-security-token"] == "token"
    assert "SignedHeaders=host;x-amz-date;x-amz-security-token," in headers["authorization"]


def test_a_repr_shows_no_credentials() -> None:
    credentials = Credentials(access_key_id="AKID", secret_access_key="secret", session_token="token")
    assert repr(credentials) == "Credentials()"
