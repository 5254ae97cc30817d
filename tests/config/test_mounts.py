"""Tests for aigw_extproc.config.files.mounts: Secrets as folders, as kubelet mounts them."""

from pathlib import Path

import pytest

from aigw_extproc.aws.identity import BearerToken, Credentials
from aigw_extproc.config.files.load import fingerprint, load
from aigw_extproc.config.snapshot import Snapshot
from aigw_extproc.errors import ConfigError
from tests.config.sample import SECRET, sample
from tests.gateway.policies import Mount

CANARY = "canary-of-a-mounted-secret"
MISSING = (
    "BackendSecurityPolicy default/policy: spec.awsCredentials.credentialsFile.secretRef.name:"
    " there is no Secret 'default/secret'"
)


def ini(secret: str) -> str:
    return f"[default]\naws_access_key_id = AKID\naws_secret_access_key = {secret}\n"


@pytest.fixture
def resources(tmp_path: Path) -> Path:
    """A file with the sample without its Secret."""
    file = tmp_path / "a.yaml"
    file.write_text(sample(without=(SECRET,)))
    return file


@pytest.fixture
def mounts(tmp_path: Path) -> Path:
    folder = tmp_path / "mounts"
    folder.mkdir()
    return folder


def signer(snapshot: Snapshot) -> object:
    auth = snapshot.rules[0].backends[0].auth
    return auth and auth.source


def loaded(resources: Path, mounts: Path) -> object:
    return signer(load([resources], mounts).snapshot)


def faults(resources: Path, mounts: Path) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        load([resources], mounts)
    assert CANARY not in str(raised.value)
    return [str(problem) for problem in raised.value.problems]


def keys(secret: str) -> Credentials:
    return Credentials(access_key_id="AKID", secret_access_key=secret)


@pytest.mark.parametrize("place", ["secret", "default/secret"])
def test_a_mounted_secret_replaces_a_resource(resources: Path, mounts: Path, place: str):
    Mount(mounts / place, credentials=ini("one"))
    assert loaded(resources, mounts) == keys("one")


def test_plain_files_work_too(resources: Path, mounts: Path):
    (mounts / "secret").mkdir()
    (mounts / "secret" / "credentials").write_text(ini("one"))
    assert loaded(resources, mounts) == keys("one")


def test_one_of_the_right_namespace_wins(resources: Path, mounts: Path):
    for place in ("secret", "other/secret", "default/secret"):
        Mount(mounts / place, credentials=ini(place))
    assert loaded(resources, mounts) == keys("default/secret")


def test_one_of_another_namespace_is_ignored(resources: Path, mounts: Path):
    Mount(mounts / "other" / "secret", credentials=ini("one"))
    assert faults(resources, mounts) == [f"{resources}: {MISSING}"]


def test_a_secret_among_the_resources_wins(tmp_path: Path, mounts: Path):
    file = tmp_path / "a.yaml"
    file.write_text(sample())
    Mount(mounts / "secret", credentials=ini("mounted"))
    assert loaded(file, mounts) == Credentials(access_key_id="AKIDEXAMPLE", secret_access_key="canary-of-a-secret")


def test_a_fault_in_a_file_is_reported_with_its_path(resources: Path, mounts: Path):
    Mount(mounts / "secret", credentials=f"[default]\naws_access_key_id = AKID\naws_secret_access_key = a {CANARY}\n")
    at = f"{mounts}/secret/credentials: mounted Secret: in section [default] of the credentials file"
    assert faults(resources, mounts) == [
        f"{at} 'aws_secret_access_key' contains a space, a line break or another invalid character"
    ]


def test_a_missing_key(resources: Path, mounts: Path):
    Mount(mounts / "secret", credential=ini(CANARY))
    assert faults(resources, mounts) == [
        f"{mounts}/secret: mounted Secret: the key 'credentials' is missing, but there is 'credential'"
    ]


def test_bytes_that_are_not_text(resources: Path, mounts: Path):
    (mounts / "secret").mkdir()
    (mounts / "secret" / "credentials").write_bytes(ini("x").encode() + b"aws_session_token = \xff\n")
    at = f"{mounts}/secret/credentials: mounted Secret: in section [default] of the credentials file"
    assert faults(resources, mounts) == [
        f"{at} 'aws_session_token' contains a space, a line break or another invalid character"
    ]


def test_an_api_key(tmp_path: Path, mounts: Path):
    static = "awsCredentials: {region: us-east-1, credentialsFile: {secretRef: {name: secret}}}"
    file = tmp_path / "a.yaml"
    change = (f"type: AWSCredentials\n  {static}", "type: APIKey\n  apiKey: {secretRef: {name: secret}}")
    file.write_text(sample(change, without=(SECRET,)))
    Mount(mounts / "secret", apiKey="a-key\n")
    assert loaded(file, mounts) == BearerToken(token="a-key")


def test_a_missing_folder(resources: Path, tmp_path: Path):
    assert faults(resources, tmp_path / "nowhere") == [
        f"{resources}: {MISSING}",
        f"{tmp_path}/nowhere: mounted Secrets: cannot be read: No such file or directory",
    ]


def test_other_files_in_the_folder_are_ignored(resources: Path, mounts: Path):
    Mount(mounts / "secret", credentials=ini("one"))
    (mounts / "README").write_text("x")
    (mounts / ".hidden").mkdir()
    (mounts / "empty").mkdir()
    assert loaded(resources, mounts) == keys("one")


def test_a_swap_changes_the_fingerprint(resources: Path, mounts: Path):
    mount = Mount(mounts / "default" / "secret", credentials=ini("one"))
    before = fingerprint([resources], mounts)
    assert fingerprint([resources], mounts) == before
    mount.swap(credentials=ini("two"))
    assert fingerprint([resources], mounts) != before
    assert loaded(resources, mounts) == keys("two")
