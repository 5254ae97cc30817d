"""Authentication of requests that botocore has signed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from aigw_extproc.simulator.authentication import authenticate
from aigw_extproc.simulator.errors import ServiceError
from aigw_extproc.simulator.http_messages import HttpRequest
from aigw_extproc.simulator.settings import DEMO_ACCESS_KEY_ID, DEMO_SECRET_ACCESS_KEY, Settings
from tests.simulator.signing import NOW, PATH, signed, without_header

MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access"
    " Key and signing method. Consult the service documentation for details."
)
INVALID_TOKEN = "The security token included in the request is invalid."
TEMPORARY = "ASIATEMPORARYEXAMPLE"
SETTINGS = Settings(
    credentials={DEMO_ACCESS_KEY_ID: DEMO_SECRET_ACCESS_KEY, TEMPORARY: "canary-temporary-secret"},
    session_tokens={TEMPORARY: frozenset({"canary-good-token"})},
    expired_session_tokens=frozenset({"canary-old-token"}),
    bearer_tokens=frozenset({"canary-api-key"}),
    clock=NOW.timestamp,
)


def verdict(request: HttpRequest) -> tuple[int, str, str]:
    with pytest.raises(ServiceError) as caught:
        authenticate(request, SETTINGS)
    return caught.value.status, caught.value.name, caught.value.message


@pytest.mark.parametrize(
    "authentic",
    [
        pytest.param(signed(), id="long-term key"),
        pytest.param(signed(b""), id="no body"),
        pytest.param(signed("grüße".encode()), id="body that is not ASCII"),
        pytest.param(signed(headers={"x-amzn-trace": "a   b "}), id="white space in a header"),
        pytest.param(signed(path="/model/a:b/converse"), id="unencoded colon"),
        pytest.param(signed(path="/model/arn%3Aaws%3Abedrock%3A%3A1%3Ax%2Fy/converse"), id="ARN"),
        pytest.param(signed(at=NOW - timedelta(minutes=5)), id="five minutes ago"),
        pytest.param(signed(at=NOW + timedelta(minutes=5)), id="five minutes ahead"),
        pytest.param(
            signed(key=TEMPORARY, secret="canary-temporary-secret", token="canary-good-token"), id="session token"
        ),
        pytest.param(
            HttpRequest(method="POST", raw_path=PATH, headers=(("authorization", "Bearer canary-api-key"),), body=b""),
            id="bearer token",
        ),
    ],
)
def test_authentic_requests_are_accepted(authentic: HttpRequest) -> None:
    assert authenticate(authentic, SETTINGS) is None


CHANGED: dict[str, Callable[[HttpRequest], HttpRequest]] = {
    "a changed byte of the body": lambda r: replace(r, body=b"X" + r.body[1:]),
    "another path": lambda r: replace(r, raw_path=r.raw_path.replace("haiku", "opus")),
    "a model id that is decoded on the way": lambda r: replace(r, raw_path=r.raw_path + "%2F"),
    "a query": lambda r: replace(r, query="a=b"),
    "another method": lambda r: replace(r, method="PUT"),
    "another host": lambda r: replace(r, headers=(*without_header(r, "host"), ("host", "other.test"))),
    "a signed header that is missing": lambda r: replace(r, headers=without_header(r, "content-type")),
    "a wrong signature": lambda r: replace(
        r,
        headers=tuple(
            (n, v[:-1] + ("1" if v[-1] == "0" else "0") if n == "authorization" else v) for n, v in r.headers
        ),
    ),
}


@pytest.mark.parametrize("change", CHANGED.values(), ids=CHANGED.keys())
def test_a_request_changed_after_signing_is_rejected(change: Callable[[HttpRequest], HttpRequest]) -> None:
    assert verdict(change(signed())) == (403, "InvalidSignatureException", MISMATCH)


def test_a_wrong_secret_is_rejected() -> None:
    assert verdict(signed(secret="canary-wrong-secret")) == (403, "InvalidSignatureException", MISMATCH)


def test_an_unknown_access_key_is_rejected() -> None:
    assert verdict(signed(key="AKIAUNKNOWN")) == (403, "UnrecognizedClientException", INVALID_TOKEN)


def test_an_unknown_session_token_is_rejected() -> None:
    request = signed(key=TEMPORARY, secret="canary-temporary-secret", token="canary-bad-token")
    assert verdict(request) == (403, "UnrecognizedClientException", INVALID_TOKEN)


def test_a_temporary_key_without_its_token_is_rejected() -> None:
    request = signed(key=TEMPORARY, secret="canary-temporary-secret")
    assert verdict(request) == (403, "UnrecognizedClientException", INVALID_TOKEN)


def test_a_long_term_key_with_a_token_is_rejected() -> None:
    assert verdict(signed(token="canary-good-token")) == (403, "UnrecognizedClientException", INVALID_TOKEN)


def test_an_expired_session_token_is_rejected() -> None:
    request = signed(key=TEMPORARY, secret="canary-temporary-secret", token="canary-old-token")
    assert verdict(request) == (
        403,
        "ExpiredTokenException",
        "The security token included in the request is expired",
    )


def test_a_request_without_authorization_is_rejected() -> None:
    request = signed()
    unsigned = replace(request, headers=without_header(request, "authorization"))
    assert verdict(unsigned) == (403, "MissingAuthenticationTokenException", "Missing Authentication Token")


def test_a_malformed_authorization_is_rejected() -> None:
    request = HttpRequest(method="POST", raw_path=PATH, headers=(("authorization", "AWS4-HMAC-SHA256 x"),), body=b"")
    assert verdict(request) == (
        403,
        "IncompleteSignatureException",
        "Authorization header requires 'Credential', 'SignedHeaders' and 'Signature' parameters.",
    )


def test_an_unknown_bearer_token_is_rejected() -> None:
    request = HttpRequest(method="POST", raw_path=PATH, headers=(("authorization", "Bearer canary-guess"),), body=b"")
    assert verdict(request) == (
        403,
        "AccessDeniedException",
        "Authentication failed: Please make sure your API Key is valid.",
    )


def test_an_old_date_is_rejected() -> None:
    assert verdict(signed(at=NOW - timedelta(minutes=5, seconds=1))) == (
        403,
        "InvalidSignatureException",
        "Signature expired: 20260131T115459Z is now earlier than 20260131T115500Z (20260131T120000Z - 5 min.)",
    )


def test_a_future_date_is_rejected() -> None:
    assert verdict(signed(at=NOW + timedelta(minutes=5, seconds=1))) == (
        403,
        "InvalidSignatureException",
        "Signature not yet current: 20260131T120501Z is still later than 20260131T120500Z (20260131T120000Z + 5 min.)",
    )


def test_another_region_is_rejected() -> None:
    assert verdict(signed(region="eu-west-1")) == (
        403,
        "InvalidSignatureException",
        "Credential should be scoped to a valid region. ",
    )


def test_another_service_is_rejected() -> None:
    assert verdict(signed(service="bedrock-runtime")) == (
        403,
        "InvalidSignatureException",
        "Credential should be scoped to correct service: 'bedrock'. ",
    )


def test_an_unsigned_amz_header_is_rejected() -> None:
    request = signed()
    assert verdict(replace(request, headers=(*request.headers, ("x-amz-target", "x")))) == (
        403,
        "InvalidSignatureException",
        "There were headers present in the request which were not signed: x-amz-target",
    )


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("host", "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."),
        ("x-amz-date", "'X-Amz-Date' must be a 'SignedHeader' in the AWS Authorization."),
    ],
)
def test_host_and_date_must_be_signed(name: str, message: str) -> None:
    request = signed()
    headers = tuple((n, v.replace(f";{name}", "")) for n, v in request.headers)
    assert verdict(replace(request, headers=headers)) == (403, "InvalidSignatureException", message)


def test_the_hash_in_a_header_must_match_the_body() -> None:
    request = signed(headers={"x-amz-content-sha256": "0" * 64})
    assert verdict(request) == (403, "InvalidSignatureException", MISMATCH)


def test_a_date_that_differs_from_the_scopes_is_rejected() -> None:
    request = signed()
    headers = tuple((n, v.replace("/20260131/", "/20260130/")) for n, v in request.headers)
    message = (
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP:"
        " '20260130' != '20260131', from '20260131T120000Z'."
    )
    assert verdict(replace(request, headers=headers)) == (403, "InvalidSignatureException", message)


def test_an_invalid_date_is_rejected() -> None:
    request = signed()
    headers = (*without_header(request, "x-amz-date"), ("x-amz-date", "yesterday"))
    assert verdict(replace(request, headers=headers)) == (
        403,
        "IncompleteSignatureException",
        "Date must be in ISO-8601 'basic format'. See RFC 3339.",
    )


def test_the_settings_show_no_secret() -> None:
    assert "canary" not in repr(SETTINGS)
