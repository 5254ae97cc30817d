"""The file of `aigw-extproc keys`, and `--api-keys`, which uses it."""

from __future__ import annotations

import re
import threading
from hashlib import sha256
from pathlib import Path

import pytest
import yaml

from aigw_extproc.config.builtin import region_configuration
from aigw_extproc.config.compile.key_file import protect
from aigw_extproc.config.files import key_file
from aigw_extproc.config.files.key_file import KeyFileError
from aigw_extproc.config.files.load import load_keys
from aigw_extproc.config.policies import ApiKeys, Policy
from aigw_extproc.errors import ConfigError
from tests.config.sample import compiled, sample
from tests.config.test_access import GATEWAY, KEYS, OF_ROUTE, OTHER, policy

REGION = region_configuration("us-east-1")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys.yaml"


def digest(key: str) -> bytes:
    return sha256(key.encode()).digest()


def clients(file: Path) -> dict[bytes, str]:
    [rule] = load_keys(REGION, file).snapshot.rules
    assert rule.policy is not None
    assert rule.policy.keys is not None
    return dict(rule.policy.keys.clients)


def test_a_created_key_is_in_effect_and_not_in_the_file(file: Path) -> None:
    key = key_file.create(file, "team-a")
    assert re.fullmatch(r"aigw_[A-Za-z0-9_-]{43}", key)
    assert clients(file) == {digest(key): "team-a"}
    assert key.removeprefix("aigw_") not in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["keys.yaml"]


def test_names_and_revoke(file: Path) -> None:
    first = key_file.create(file, "b")
    key_file.create(file, "a")
    assert key_file.names(file) == ["a", "b"]
    key_file.revoke(file, "a")
    assert clients(file) == {digest(first): "b"}


def test_revoking_the_last_key_lets_nobody_in(file: Path) -> None:
    key_file.create(file, "a")
    key_file.revoke(file, "a")
    assert clients(file) == {}


def test_the_rest_of_the_secret_is_kept(file: Path) -> None:
    key_file.create(file, "a")
    secret = yaml.safe_load(file.read_text())
    secret["metadata"] |= {"namespace": "edge", "labels": {"team": "x"}}
    file.write_text(yaml.safe_dump(secret))
    key_file.create(file, "b")
    assert yaml.safe_load(file.read_text())["metadata"] == secret["metadata"]


def test_a_link_stays_a_link(file: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.yaml"
    link.symlink_to(file)
    key_file.create(link, "a")
    assert link.is_symlink()
    assert key_file.names(file) == ["a"]


def test_commands_at_the_same_time_lose_nothing(file: Path) -> None:
    threads = [threading.Thread(target=key_file.create, args=(file, f"c{number}")) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert key_file.names(file) == [f"c{number}" for number in range(8)]


def test_a_taken_name(file: Path) -> None:
    key_file.create(file, "a")
    with pytest.raises(KeyFileError, match=r"^'a' has a key already; revoke it first, or choose a name such as a-2$"):
        key_file.create(file, "a")


def test_an_unknown_name(file: Path) -> None:
    key_file.create(file, "a")
    with pytest.raises(KeyFileError, match=r"^there is no client 'b'; known: a$"):
        key_file.revoke(file, "b")


@pytest.mark.parametrize("name", ["", "a b", "ä", "a/b", "a" * 254])
def test_an_invalid_name(file: Path, name: str) -> None:
    with pytest.raises(KeyFileError, match="cannot be a client's name: use letters, digits"):
        key_file.create(file, name)
    assert not file.exists()


def test_a_file_that_others_can_read(file: Path) -> None:
    key_file.create(file, "a")
    file.chmod(0o640)
    with pytest.raises(KeyFileError, match=f"^{file} can be read or written by others; run: chmod 600 {file}$"):
        key_file.create(file, "b")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "kind: ConfigMap",
        "kind: Secret\nstringData: {a: in-clear}",
        "kind: Secret\nstringData: [a]",
        "kind: Secret\ndata: {a: YQ==}",
        "kind: Secret\n---\nkind: Secret",
        "kind: {",
        "kind: !!int a:b",
        "\x00",
    ],
)
def test_a_file_of_something_else_is_left_alone(file: Path, text: str) -> None:
    file.write_text(text)
    file.chmod(0o600)
    for change in (key_file.create, key_file.revoke):
        with pytest.raises(KeyFileError, match="was not written by this command"):
            change(file, "a")
    assert file.read_text() == text


def test_rules_with_a_policy_keep_it() -> None:
    configuration = compiled(sample(more=(GATEWAY, OTHER, KEYS, policy(OF_ROUTE))))
    further = KEYS.replace("team-a", "team-b")
    first, second = protect(configuration, "keys.yaml", further).snapshot.rules
    assert first.policy == configuration.snapshot.rules[0].policy
    assert second.policy == Policy(name="--api-keys", keys=ApiKeys(clients={digest("canary-of-team-b"): "team-b"}))


def test_keys_that_no_rule_would_need() -> None:
    configuration = compiled(sample(more=(GATEWAY, KEYS, policy())))
    with pytest.raises(ConfigError) as raised:
        protect(configuration, "keys.yaml", KEYS)
    assert str(raised.value) == (
        "command line: --api-keys: without effect: SecurityPolicies protect every route already; remove one"
    )


@pytest.mark.parametrize("text", ["", "# nothing\n", f"{KEYS}---{GATEWAY}", GATEWAY, KEYS.replace("Secret", "Sekret")])
def test_a_file_that_is_not_one_secret(text: str) -> None:
    with pytest.raises(ConfigError) as raised:
        protect(REGION, "keys.yaml", text)
    assert str(raised.value) == (
        "keys.yaml: file: must hold one Secret and nothing else; `aigw-extproc keys create NAME --file FILE` writes it"
    )


def test_a_missing_file(file: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        load_keys(REGION, file)
    assert str(raised.value) == f"{file}: file: cannot be read: No such file or directory"
