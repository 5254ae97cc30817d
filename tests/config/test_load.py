"""Tests for aigw_extproc.config.files.load: real files, the guide's, and the project's examples."""

import json
from itertools import permutations
from pathlib import Path

import pytest
import yaml

from aigw_extproc.aws.identity import Credentials, DefaultChain
from aigw_extproc.config.files.load import fingerprint, load
from aigw_extproc.config.snapshot import Address, Tls
from aigw_extproc.config.traffic import Retry
from aigw_extproc.errors import ConfigError
from tests.config.sample import ALL, compiled, join, sample

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
GUIDE = ROOT.parent / "shared" / "guide-files"
GUIDE_FILES = sorted(GUIDE.glob("*.yaml"))
needs_guide = pytest.mark.skipif(not GUIDE_FILES, reason=f"the guide's files are not at {GUIDE}")


def faults(*paths: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(paths)
    return list(map(str, caught.value.problems))


# --- files and folders ------------------------------------------------------------------------------------------


def test_folder(tmp_path: Path):
    names = ["a.yaml", "b.yml", "c.json", "d.yaml", "e.yaml", "f.yaml"]
    for name, text in zip(names, ALL, strict=True):
        body = json.dumps(yaml.safe_load(text)) if name.endswith("json") else text
        (tmp_path / name).write_text(body)
    (tmp_path / ".hidden.yaml").write_text("a: [")
    (tmp_path / "notes.txt").write_text("a: [")
    (tmp_path / "folder.yaml").mkdir()
    configuration = load([tmp_path])
    assert configuration.snapshot == compiled(sample()).snapshot
    assert configuration.files == tuple(str(tmp_path / name) for name in names)


def test_file_of_any_name(tmp_path: Path):
    (tmp_path / "resources").write_text(sample())
    assert load([str(tmp_path / "resources")]).snapshot == compiled(sample()).snapshot


def test_file_named_twice_is_read_once(tmp_path: Path):
    (tmp_path / "a.yaml").write_text(sample())
    (tmp_path / "b.yaml").symlink_to("a.yaml")
    configuration = load([tmp_path / "a.yaml", tmp_path])
    assert (configuration.files, configuration.ignored) == ((str(tmp_path / "a.yaml"),), ())


def test_byte_order_mark(tmp_path: Path):
    (tmp_path / "a.yaml").write_text(sample(), encoding="utf-8-sig")
    assert load([tmp_path]).snapshot == compiled(sample()).snapshot


def test_unreadable_files_beside_problems_of_readable_ones(tmp_path: Path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "latin.yaml").write_bytes(b"# caf\xe9")
    (tmp_path / "a.yaml").write_text(join(*ALL).replace("port: 443", "port: 0"))
    paths = [tmp_path / name for name in ("missing.yaml", "empty", "latin.yaml", "a.yaml")]
    assert sorted(faults(*paths)) == sorted(
        [
            f"{tmp_path}/missing.yaml: file: cannot be read: No such file or directory",
            f"{tmp_path}/empty: folder: no .yaml, .yml, .json file in this folder",
            f"{tmp_path}/latin.yaml: file: not UTF-8 text: byte 5 is 0xe9",
            (
                f"{tmp_path}/a.yaml: Backend default/backend: spec.endpoints[0].fqdn.port:"
                " must be between 1 and 65535, got 0"
            ),
        ]
    )


def test_fingerprint_changes_with_content_and_identity(tmp_path: Path):
    file = tmp_path / "a.yaml"
    seen = [fingerprint([tmp_path])]
    file.write_text("a")
    seen.append(fingerprint([tmp_path]))
    file.write_text("ab")
    seen.append(fingerprint([tmp_path]))
    (tmp_path / "new").write_text("ab")
    (tmp_path / "new").rename(file)
    seen.append(fingerprint([tmp_path]))
    assert len(set(seen)) == 4
    assert fingerprint([tmp_path]) == seen[-1]


# --- the guide's files ------------------------------------------------------------------------------------------


@needs_guide
@pytest.mark.parametrize("file", GUIDE_FILES, ids=lambda file: file.name)
def test_guide_file_alone(file: Path):
    base = GUIDE / "provider_fallback-base.yaml"  # the policy in the other file is of its route
    load([base, file] if file.name == "provider_fallback-fallback.yaml" else [file])


@needs_guide
def test_the_guides_failover():
    base, policy = (GUIDE / f"provider_fallback-{name}.yaml" for name in ("base", "fallback"))
    (rule,) = load([base]).snapshot.rules
    assert rule.failover is not None
    assert rule.failover.retry == Retry(retries=1)
    (rule,) = load([base, policy]).snapshot.rules
    assert rule.failover is not None
    triggers = frozenset({"connect-failure", "retriable-status-codes"})
    assert (rule.failover.retry.retries, rule.failover.retry.triggers) == (5, triggers)


@needs_guide
def test_guide_files_together_in_any_order():
    names = ("basic.yaml", "aws.yaml", "aws-irsa.yaml", "aws-pod-identity.yaml")
    for order in permutations(GUIDE / name for name in names):
        snapshot = load(order).snapshot
        sources = {type(b.auth.source) for rule in snapshot.rules for b in rule.backends if b.auth}
        assert (len(snapshot.rules), sources) == (3, {Credentials})


@needs_guide
@pytest.mark.parametrize("name", ["aws-irsa.yaml", "aws-pod-identity.yaml"])
def test_guide_on_eks(name: str):
    configuration = load([GUIDE / "basic.yaml", GUIDE / name])
    backend = configuration.snapshot.rules[1].backends[0]
    host = "bedrock-runtime.us-east-1.amazonaws.com"
    assert backend.auth is not None
    assert (backend.auth.source, backend.upstream.host, backend.upstream.addresses, backend.upstream.tls) == (
        DefaultChain(),
        host,
        (Address(host=host, port=443),),
        Tls(server_name=host),
    )
    ignored = {(one.resource, one.path) for one in configuration.ignored if one.file.endswith(name)}
    assert ignored == {
        ("ServiceAccount envoy-gateway-system/ai-gateway-dataplane-aws", ""),
        ("Role envoy-gateway-system/ai-gateway-dataplane-aws", ""),
        ("RoleBinding envoy-gateway-system/ai-gateway-dataplane-aws", ""),
        ("EnvoyProxy default/ai-gateway-with-aws", ""),
        ("Gateway default/envoy-ai-gateway-basic", "spec.listeners"),
        ("Gateway default/envoy-ai-gateway-basic", "spec.infrastructure"),
        ("Gateway default/envoy-ai-gateway-basic", ""),
    }


# --- the project's examples -------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.name)
def test_example(file: Path):
    configuration = load([file])
    assert configuration.ignored == ()
    assert all(backend.auth for rule in configuration.snapshot.rules for backend in rule.backends)


def test_every_example_is_tested():
    assert [file.name for file in EXAMPLES] == [
        "aws-irsa.yaml",
        "aws-pod-identity.yaml",
        "aws.yaml",
        "simulator.yaml",
    ]
