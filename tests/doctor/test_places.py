"""Why a place has no credentials."""

from __future__ import annotations

from dataclasses import replace

import pytest
from botocore.session import Session

from aigw_extproc.doctor.providers import NOWHERE, PLACES, Facts, next_step, title, why_not

FACTS = Facts(
    environment={},
    profile="work",
    credentials_file="/c",
    credentials_file_exists=True,
    config_file="/f",
    config_file_exists=True,
)


@pytest.mark.parametrize(
    ("method", "facts", "why"),
    [
        ("env", FACTS, "environment: AWS_ACCESS_KEY_ID is not set"),
        (
            "env",
            replace(FACTS, environment={"AWS_ACCESS_KEY_ID": ""}),
            "environment: AWS_ACCESS_KEY_ID is empty",
        ),
        ("sso", FACTS, "IAM Identity Center: profile 'work' has no sso_session or sso_account_id"),
        (
            "shared-credentials-file",
            FACTS,
            "credentials file: /c has no aws_access_key_id in profile 'work'",
        ),
        (
            "shared-credentials-file",
            replace(FACTS, credentials_file_exists=False),
            "credentials file: /c does not exist",
        ),
        ("config-file", FACTS, "config file: /f has no aws_access_key_id in profile 'work'"),
        ("config-file", replace(FACTS, config_file_exists=False), "config file: /f does not exist"),
        ("iam-role", FACTS, "instance metadata (EC2): 169.254.169.254 does not answer, or the instance has no role"),
        ("younger-than-this", FACTS, "younger-than-this: has none"),
    ],
)
def test_why(method: str, facts: Facts, why: str) -> None:
    assert why_not(method, facts) == why


def test_every_place_of_botocores_is_known() -> None:
    providers = Session().get_component("credential_provider").providers
    assert [provider.METHOD for provider in providers] == list(PLACES)


def test_a_place_that_is_not_known() -> None:
    assert (title("younger-than-this"), next_step("younger-than-this")) == ("younger-than-this", NOWHERE)
