"""Tests for aigw_extproc.config.credentials_file."""

import pytest

from aigw_extproc.aws.identity import Credentials
from aigw_extproc.config.credentials_file import parse_credentials
from aigw_extproc.config.findings import Findings, Place

CANARY = "canary-of-a-secret"
KEYS = f"aws_access_key_id = AKID\naws_secret_access_key = {CANARY}\n"


def read(text: str, profile: str = "default") -> tuple[Credentials | None, list[str], list[str]]:
    """What is read, the problems, and what is ignored."""
    findings = Findings()
    found = parse_credentials(text, profile, Place(findings=findings, file="f", resource="r"))
    return found, [problem.message for problem in findings.problems], [one.reason for one in findings.ignored]


def faults(text: str, profile: str = "default") -> list[str]:
    found, problems, _ = read(text, profile)
    assert found is None
    assert CANARY not in "".join(problems)
    return problems


def test_default_profile():
    assert read(f"[default]\n{KEYS}") == (Credentials(access_key_id="AKID", secret_access_key=CANARY), [], [])


def test_another_profile_with_a_session_token_among_others():
    text = f"[default]\nrole_arn = arn\n[dev]\n{KEYS}aws_session_token=a/b+c==\n"
    expected = Credentials(access_key_id="AKID", secret_access_key=CANARY, session_token="a/b+c==")
    assert read(text, "dev") == (expected, [], [])


def test_comments_colons_and_percent_signs():
    text = "# comment\n; comment\n[default]\naws_access_key_id: AKID\naws_secret_access_key = %(x)s%\n"
    assert read(text)[0] == Credentials(access_key_id="AKID", secret_access_key="%(x)s%")


def test_settings_without_effect_are_listed_by_name():
    assert read(f"[default]\n{KEYS}region = us-east-1\n") == (
        Credentials(access_key_id="AKID", secret_access_key=CANARY),
        [],
        ["in section [default] of the credentials file 'region' has no effect"],
    )


def test_placeholders_of_an_unedited_file():
    text = "[default]\naws_access_key_id = AWS_ACCESS_KEY_ID\naws_secret_access_key = AWS_SECRET_ACCESS_KEY\n"
    expected = Credentials(access_key_id="AWS_ACCESS_KEY_ID", secret_access_key="AWS_SECRET_ACCESS_KEY")
    assert read(text) == (expected, [], [])


IN_DEFAULT = "in section [default] of the credentials file"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["the credentials file has no section [default]"]),
        (f"[defualt]\n{KEYS}", ["the credentials file has no section [default]; did you mean 'defualt'?"]),
        (KEYS, [
            "not a valid credentials file, line 1: a setting stands before any section such as [default]",
        ]),
        (f"[default]\n{KEYS}{CANARY}\n", [
            ("not a valid credentials file, line 4:"
            " expected lines like 'name = value' below a section such as [default]"),
        ]),
        (f"[default]\n{KEYS}[default]\n", ["not a valid credentials file, line 4: a section is written twice"]),
        (f"[default]\n{KEYS}{KEYS}", ["not a valid credentials file, line 4: a setting is written twice"]),
        ("[default]\n", [
            f"{IN_DEFAULT} 'aws_access_key_id' is missing",
            f"{IN_DEFAULT} 'aws_secret_access_key' is missing",
        ]),
        (f"[default]\naws_access_key = AKID\naws_secret_access_key = {CANARY}\n", [
            f"{IN_DEFAULT} 'aws_access_key_id' is missing; did you mean 'aws_access_key'?",
        ]),
        ("[default]\naws_access_key_id =\naws_secret_access_key = x\n", [
            f"{IN_DEFAULT} 'aws_access_key_id' is missing",
        ]),
        (f"[default]\n{KEYS}  continued\n", [
            (f"{IN_DEFAULT} 'aws_secret_access_key' contains a space, a line break or another character"
            " that no credential has"),
        ]),
        ("[default]\nrole_arn = arn:x\nsource_profile = y\n", [
            f"{IN_DEFAULT} 'role_arn' is not supported yet",
            f"{IN_DEFAULT} 'source_profile' is not supported yet",
        ]),
        (f"[default]\n{KEYS}credential_process = /bin/x\n", [
            f"{IN_DEFAULT} 'credential_process' is not supported yet",
        ]),
    ],
    ids=range(12),
)  # fmt: skip
def test_faults_without_a_value_of_the_file(text: str, expected: list[str]):
    assert faults(text) == expected


def test_values_that_continue_a_line_are_not_quoted_in_the_problem():
    assert CANARY not in "".join(faults(f"{CANARY}\n"))
