"""Tests for the command `aigw-extproc doctor`."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.cli.running import Ended, command, environment, usage_error
from tests.doctor.endpoints import closed_port
from tests.doctor.targets import MODEL
from tests.gateway.resources import backend, ref, route, rule, write
from tests.simulator.running import RunningSimulator

CANARY = "canary/SECRET+access=key"


def doctor(*arguments: str | Path, sts: str, **more: str) -> Ended:
    env = environment(AWS_ENDPOINT_URL_STS=sts, AWS_EC2_METADATA_DISABLED="true", HOME="/nonexistent", **more)
    done = subprocess.run(command("doctor", *arguments), env=env, capture_output=True, text=True, timeout=60)
    assert CANARY not in done.stdout + done.stderr
    return Ended(code=done.returncode, out=done.stdout, err=done.stderr)


def resources(folder: Path, port: int, **keys: str) -> Path:
    models = route("models", rule(ref(to=MODEL), model="claude"), rule(ref(), model="simulator.access-denied"))
    return write(folder / "models.yaml", models, *backend("bedrock", port, **keys))


def checks(ended: Ended) -> list[tuple[Any, ...]]:
    (only,) = json.loads(ended.out)["backends"]
    return [(check["name"], check["subject"], check["outcome"]) for check in only["checks"]]


def test_as_data(tmp_path: Path, simulator: RunningSimulator, moto_url: str) -> None:
    ended = doctor(resources(tmp_path, simulator.port), "--json", sts=moto_url)
    assert (ended.code, ended.err, json.loads(ended.out)["healthy"]) == (1, "", False)
    assert checks(ended) == [
        ("credentials", None, "ok"),
        ("identity", None, "ok"),
        ("dns", None, "skipped"),
        ("tcp", None, "ok"),
        ("tls", None, "skipped"),
        ("clock", None, "ok"),
        ("call", None, "ok"),
        ("model", MODEL, "ok"),
        ("model", "simulator.access-denied", "failed"),
    ]


def test_all_well(tmp_path: Path, simulator: RunningSimulator, moto_url: str) -> None:
    models = write(tmp_path / "m.yaml", route("m", rule(ref(), model=MODEL)), *backend("bedrock", simulator.port))
    ended = doctor(models, sts=moto_url)
    assert (ended.code, ended.err) == (0, "")
    assert "│ call        │ ok      │ the signature is accepted (" in ended.out


def test_a_failure_comes_with_its_next_step(tmp_path: Path, moto_url: str) -> None:
    with closed_port() as port:
        ended = doctor(resources(tmp_path, port), sts=moto_url)
    assert ended.code == 1
    assert f"│ tcp         │ failed  │ 127.0.0.1:{port}: Connection refused (" in ended.out
    assert "│ → check that the port in the Backend is right" in ended.out


def test_a_secret_is_not_shown(tmp_path: Path, simulator: RunningSimulator, moto_url: str) -> None:
    assert doctor(resources(tmp_path, simulator.port, secret=CANARY), sts=moto_url).code == 1


def test_a_region_alone(moto_url: str) -> None:
    ended = doctor("--region", "us-east-1", "--json", sts=moto_url)
    assert ended.code == 1
    assert ("credentials", None, "failed") in checks(ended)


def test_a_failing_source_is_reported_in_the_table_alone(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("a.web.token")
    irsa = {"AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "token"), "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/r"}
    with closed_port() as port:
        ended = doctor("--region", "us-east-1", "--json", sts=f"http://127.0.0.1:{port}", **irsa)
    assert (ended.code, ended.err) == (1, "")
    assert ("credentials", None, "failed") in checks(ended)


def test_broken_resources(tmp_path: Path, moto_url: str) -> None:
    ended = doctor(tmp_path / "nothing.yaml", sts=moto_url)
    assert (ended.code, ended.err.splitlines()[-1]) == (1, "1 problem in the configuration")


@pytest.mark.parametrize("arguments", [(), ("--region", "us-east-1", "models.yaml")])
def test_nothing_or_too_much(arguments: tuple[str, ...], moto_url: str) -> None:
    ended = doctor(*arguments, sts=moto_url)
    assert usage_error(ended) == "Invalid value: give resource files or folders, or --region, and only one of them"


def test_a_placeholder_is_named(tmp_path: Path, simulator: RunningSimulator, moto_url: str) -> None:
    ended = doctor(resources(tmp_path, simulator.port, key_id="YOUR_ACCESS_KEY_ID"), "--json", sts=moto_url)
    (warning,) = json.loads(ended.out)["warnings"]
    assert warning.endswith("'aws_access_key_id' is a placeholder; fill it in")
