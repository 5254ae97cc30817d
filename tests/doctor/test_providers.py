"""Tests for aigw_extproc.doctor.providers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from botocore.session import Session

from aigw_extproc.doctor.providers import ADD_CREDENTIALS, PROVIDERS, SdkSettings, provider, why_empty

SETTINGS = SdkSettings(
    environment={},
    profile="work",
    credentials_file="/c",
    credentials_file_exists=True,
    config_file="/f",
    config_file_exists=True,
)


@pytest.mark.parametrize(
    ("method", "settings", "why"),
    [
        ("env", SETTINGS, "environment: AWS_ACCESS_KEY_ID is not set"),
        (
            "env",
            replace(SETTINGS, environment={"AWS_ACCESS_KEY_ID": ""}),
            "environment: AWS_ACCESS_KEY_ID is empty",
        ),
        ("sso", SETTINGS, "IAM Identity Center: profile 'work' has no sso_session or sso_account_id"),
        (
            "shared-credentials-file",
            SETTINGS,
            "credentials file: /c has no aws_access_key_id in profile 'work'",
        ),
        (
            "shared-credentials-file",
            replace(SETTINGS, credentials_file_exists=False),
            "credentials file: /c does not exist",
        ),
        ("config-file", SETTINGS, "config file: /f has no aws_access_key_id in profile 'work'"),
        ("config-file", replace(SETTINGS, config_file_exists=False), "config file: /f does not exist"),
        ("iam-role", SETTINGS, "instance metadata (EC2): 169.254.169.254 does not answer, or the instance has no role"),
        ("unknown", SETTINGS, "unknown: no credentials"),
    ],
)
def test_why(method: str, settings: SdkSettings, why: str) -> None:
    assert why_empty(method, settings) == why


def test_every_provider_of_botocore_is_known() -> None:
    providers = Session().get_component("credential_provider").providers
    assert [each.METHOD for each in providers] == list(PROVIDERS)


def test_an_unknown_provider() -> None:
    unknown = provider("unknown")
    assert (unknown.title, unknown.next_step) == ("unknown", ADD_CREDENTIALS)
