"""What holders of secrets keep to themselves."""

from __future__ import annotations

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

KEYS = Credentials(access_key_id="AKIAIOSFODNN7EXAMPLE", secret_access_key="canary-1", session_token="canary-2")
OIDC = OidcExchange(
    issuer="https://issuer.test", client_id="us", client_secret="canary-1", role_arn="arn:role", session_name="us"
)


@pytest.mark.parametrize(
    ("holder", "shown"),
    [
        (KEYS, "[hidden] [hidden] AKIA…MPLE"),
        (BearerToken(token="canary-1"), "[hidden] canary-2 AKIAIOSFODNN7EXAMPLE"),
        (OIDC, "[hidden] canary-2 AKIAIOSFODNN7EXAMPLE"),
        (AssumeRole(base=KEYS, role_arn="arn:role"), "[hidden] [hidden] AKIA…MPLE"),
        (
            Profile(file="[a]\naws_secret_access_key = canary-1\naws_session_token=canary-2\naws_session_token =\n"),
            "[hidden] [hidden] AKIAIOSFODNN7EXAMPLE",
        ),
        (DefaultChain(), "canary-1 canary-2 AKIAIOSFODNN7EXAMPLE"),
    ],
    ids=["keys", "api key", "oidc", "role", "profile", "chain"],
)
def test_every_text_of_a_check(holder: CredentialSource, shown: str) -> None:
    said = "canary-1 canary-2 AKIAIOSFODNN7EXAMPLE"
    check = redacted(failed("call", said, said, notes=(said,)), holder, None)
    assert (check.detail, check.next_step, check.notes) == (shown, shown, (shown,))


def test_a_short_key_id_is_not_shown_at_all() -> None:
    assert shortened(Credentials(access_key_id="AKIASHORT", secret_access_key="canary")) == "…"
