"""Tests for aigw_extproc.config.compile.credentials_file."""

import pytest

from aigw_extproc.aws.identity import Credentials, Profile
from aigw_extproc.config.compile.credentials_file import parse_credentials
from aigw_extproc.config.resources.findings import Findings, Place

CANARY = "canary-of-a-secret"
ROLE = "role_arn = arn:aws:iam::111122223333:role/bedrock\n"
KEYS = f"aws_access_key_id = AKID\naws_secret_access_key = {CANARY}\n"
BASE = f"[base]\n{KEYS}"
SOURCE = f"source_profile = base\n{BASE}"


def read(text: str, profile: str = "default") -> tuple[Credentials | Profile | None, list[str], list[str]]:
    """Return the result, the problems and the reasons of what is ignored."""
    findings = Findings()
    source = parse_credentials(text, profile, Place(findings=findings, file="f", resource="r"))
    return source, [problem.message for problem in findings.problems], [one.reason for one in findings.ignored]


def faults(text: str, profile: str = "default") -> list[str]:
    source, problems, _ = read(text, profile)
    assert source is None
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
            "not a valid credentials file, line 1: a setting before the first section, such as [default]",
        ]),
        (f"[default]\n{KEYS}{CANARY}\n", [
            ("not a valid credentials file, line 4:"
            " expected lines like 'name = value' in a section such as [default]"),
        ]),
        (f"[default]\n{KEYS}[default]\n", ["not a valid credentials file, line 4: duplicate section"]),
        (f"[default]\n{KEYS}{KEYS}", ["not a valid credentials file, line 4: duplicate setting"]),
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
            (f"{IN_DEFAULT} 'aws_secret_access_key' contains a space, a line break or another invalid character"),
        ]),
        ("[default]\nrole_arn = arn:x\nsource_profile = y\n", [
            f"{IN_DEFAULT} 'source_profile' names a section that is not in this file",
            (f"{IN_DEFAULT} 'role_arn' must be the ARN of a role,"
            " such as arn:aws:iam::111122223333:role/bedrock"),
        ]),
        (f"[default]\n{KEYS}credential_process = /bin/x\n", [
            (f"{IN_DEFAULT} 'credential_process' is not supported:"
            " it would let the author of the Secret run programs here"),
        ]),
        (f"[default]\n{KEYS}sso_session = x\n", [
            f"{IN_DEFAULT} 'sso_session' is not supported: it requires a person to log in",
        ]),
        (f"[default]\n{ROLE}mfa_serial = arn\n{SOURCE}", [
            f"{IN_DEFAULT} 'mfa_serial' is not supported: it requires a person to enter a code",
        ]),
        (f"[default]\n{ROLE}", [
            (f"{IN_DEFAULT} a role needs one of 'source_profile', 'credential_source', 'web_identity_token_file',"
            " but there is none"),
        ]),
        (f"[default]\n{ROLE}source_profile = base\ncredential_source = Environment\n{BASE}", [
            (f"{IN_DEFAULT} a role needs one of 'source_profile', 'credential_source', 'web_identity_token_file',"
            " but there are 'source_profile' and 'credential_source'"),
        ]),
        (f"[default]\nexternal_id = {CANARY}\nsource_profile = base\n{BASE}", [
            f"{IN_DEFAULT} 'role_arn' is missing next to other settings of a role",
        ]),
        (f"[default]\n{ROLE}credential_source = {CANARY}\n", [
            f"{IN_DEFAULT} 'credential_source' must be one of Environment, Ec2InstanceMetadata, EcsContainer",
        ]),
        (f"[default]\n{ROLE}external_id = {CANARY} {CANARY}\n{SOURCE}", [
            f"{IN_DEFAULT} 'external_id' must be 2 to 1224 letters, digits or characters of _+=,.@:/-",
        ]),
        (f"[default]\n{ROLE}duration_seconds = {'9' * 5000}\n{SOURCE}", [
            f"{IN_DEFAULT} 'duration_seconds' must be between 900 and 43200",
        ]),
        (f"[default]\n{ROLE}duration_seconds = 60\nrole_session_name = x\n{SOURCE}", [
            f"{IN_DEFAULT} 'role_session_name' must be 2 to 64 letters, digits or characters of _+=,.@-",
            f"{IN_DEFAULT} 'duration_seconds' must be between 900 and 43200",
        ]),
        (f"[default]\n{ROLE}source_profile = base\n[base]\naws_access_key_id = AKID\n", [
            "in the source of section [default] of the credentials file 'aws_secret_access_key' is missing",
        ]),
        (f"[default]\n{ROLE}source_profile = b\n[b]\n{ROLE}source_profile = default\n", [
            ("in the source of section [default] of the credentials file 'source_profile' leads back to"
            " an earlier section"),
        ]),
        (f"[default]\n{ROLE}source_profile = default\n", [
            f"{IN_DEFAULT} 'aws_access_key_id' is missing",
            f"{IN_DEFAULT} 'aws_secret_access_key' is missing",
        ]),
    ],
    ids=range(24),
)  # fmt: skip
def test_faults_have_no_value_of_the_file(text: str, expected: list[str]):
    assert faults(text) == expected


def test_values_that_continue_a_line_are_not_quoted_in_the_problem():
    assert CANARY not in "".join(faults(f"{CANARY}\n"))


def test_role_with_a_source_profile():
    text = f"[default]\n{ROLE}external_id = tenant-7\n{SOURCE}"
    assert read(text) == (Profile(file=text, name="default"), [], [])


def test_chain_of_roles():
    text = f"[dev]\n{ROLE}source_profile = middle\n[middle]\n{ROLE}{SOURCE}"
    assert read(text, "dev") == (Profile(file=text, name="dev"), [], [])


def test_role_of_a_profile_with_its_own_keys():
    text = f"[default]\n{KEYS}{ROLE}source_profile = default\n"
    assert read(text) == (Profile(file=text, name="default"), [], [])


def test_role_of_the_container():
    text = f"[default]\n{ROLE}credential_source = EcsContainer\n"
    assert read(text) == (Profile(file=text, name="default"), [], [])


def test_settings_of_a_role_without_effect_are_listed_by_name():
    text = f"[default]\n{ROLE}region = {CANARY}\n{SOURCE}"
    assert read(text)[2] == ["in section [default] of the credentials file 'region' has no effect"]


def test_no_repr_of_a_profile_has_its_file():
    assert repr(read(f"[default]\n{ROLE}{SOURCE}")[0]) == "Profile(name='default')"
