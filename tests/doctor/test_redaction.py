"""Tests for aigw_extproc.doctor.redaction."""

from __future__ import annotations

import typing

import pytest

from aigw_extproc.aws.identity import (
    AssumeRole,
    BearerToken,
    Credentials,
    CredentialSource,
    DefaultChain,
    OidcExchange,
    Profile,
)
from aigw_extproc.doctor.checks import failed
from aigw_extproc.doctor.redaction import redacted, shortened

TEXT = "canary-1 canary-2 AKIAIOSFODNN7EXAMPLE"
KEYS = Credentials(access_key_id="AKIAIOSFODNN7EXAMPLE", secret_access_key="canary-1", session_token="canary-2")
OIDC = OidcExchange(
    issuer="https://issuer.test", client_id="us", client_secret="canary-1", role_arn="arn:role", session_name="us"
)
PROFILE = Profile(file="[a]\naws_secret_access_key = canary-1\naws_session_token=canary-2\naws_session_token =\n")
REDACTED: list[tuple[CredentialSource, str]] = [
    (KEYS, "[hidden] [hidden] AKIA…MPLE"),
    (BearerToken(token="canary-1"), "[hidden] canary-2 AKIAIOSFODNN7EXAMPLE"),
    (OIDC, "[hidden] canary-2 AKIAIOSFODNN7EXAMPLE"),
    (AssumeRole(base=KEYS, role_arn="arn:role"), "[hidden] [hidden] AKIA…MPLE"),
    (PROFILE, "[hidden] [hidden] AKIAIOSFODNN7EXAMPLE"),
    (DefaultChain(), TEXT),
]
"""An instance of every source, and TEXT without its secrets."""


@pytest.mark.parametrize(("holder", "expected"), REDACTED, ids=lambda value: type(value).__name__)
def test_secrets_are_hidden_in_every_text_of_a_check(holder: CredentialSource, expected: str) -> None:
    check = redacted(failed("call", TEXT, TEXT, notes=(TEXT,)), holder, None)
    assert (check.detail, check.next_step, check.notes) == (expected, expected, (expected,))


def test_every_kind_of_source_is_tested() -> None:
    assert {type(holder) for holder, _ in REDACTED} == set(typing.get_args(CredentialSource))


def test_a_short_key_id_is_not_shown_at_all() -> None:
    assert shortened(Credentials(access_key_id="AKIASHORT", secret_access_key="canary")) == "…"
