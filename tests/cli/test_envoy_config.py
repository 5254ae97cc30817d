"""`envoy-config`: to standard output, to a file, to a folder; Envoy accepts it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.cli.running import BACKEND, ROUTE, Ended, aigw, command, environment, usage_error
from tests.envoy_config.running import wait_for
from tests.envoy_config.test_validation import validate


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "all.yaml").write_text(f"{ROUTE}---\n{BACKEND}")
    (tmp_path / "route.yaml").write_text(ROUTE)
    return tmp_path


def test_envoy_config_is_written_and_updated_until_sigterm(folder: Path) -> None:
    process = subprocess.Popen(command("envoy-config", "all.yaml", "--write-to", "."), cwd=folder, env=environment())
    config = folder / "envoy.yaml"
    try:
        wait_for(lambda: config.exists() or None, what="the configuration", seconds=30)
        (folder / "all.yaml").write_text(f"{ROUTE}---\n{BACKEND}".replace("port: 9}", "port: 10}"))
        clusters = folder / "clusters.yaml"
        wait_for(lambda: "port_value: 10" in clusters.read_text() or None, what="the changed cluster")
        assert yaml.safe_load(config.read_text())["dynamic_resources"]["cds_config"]["path_config_source"] == {
            "path": str(clusters)
        }
    finally:
        process.terminate()
    assert process.wait(10) == 0


def test_a_folder_that_envoy_config_cannot_write_into(folder: Path) -> None:
    ended = aigw("envoy-config", "all.yaml", "--write-to", "nowhere", cwd=folder)
    assert ended == Ended(code=1, out="", err="cannot write into nowhere: No such file or directory\n")


def test_a_snippet_is_not_written_into_files(folder: Path) -> None:
    ended = aigw("envoy-config", "all.yaml", "--snippet", "--write-to", ".", cwd=folder)
    assert usage_error(ended) == "Invalid value: --write-to writes a complete configuration; leave out --snippet"


def test_envoy_accepts_the_configuration(folder: Path, tmp_path: Path) -> None:
    config = aigw("envoy-config", "all.yaml", cwd=folder)
    file = tmp_path / "envoy.yaml"
    assert (config.code, config.err) == (0, "")
    assert validate(config.out, file) == f"configuration '{file}' OK"


def test_envoy_gets_every_processor() -> None:
    where = ("--processor", "127.0.0.1:1063", "--processor", "unix:///run/aigw.sock", "--processor", "[::1]:1064")
    config = yaml.safe_load(aigw("envoy-config", "--region", "us-east-1", *where).out)
    cluster = next(one for one in config["static_resources"]["clusters"] if one["name"] == "aigw-extproc")
    endpoints = [each for one in cluster["load_assignment"]["endpoints"] for each in one["lb_endpoints"]]
    assert [endpoint["endpoint"]["address"] for endpoint in endpoints] == [
        {"socket_address": {"address": "127.0.0.1", "port_value": 1063}},
        {"pipe": {"path": "/run/aigw.sock"}},
        {"socket_address": {"address": "::1", "port_value": 1064}},
    ]


def test_envoy_listens_on_the_given_address() -> None:
    config = yaml.safe_load(aigw("envoy-config", "--region", "us-east-1", "--host", "::1", "--port", "8080").out)
    (listener,) = config["static_resources"]["listeners"]
    assert listener["address"] == {"socket_address": {"address": "::1", "port_value": 8080}}


def test_the_snippet_needs_no_resources() -> None:
    filters, routes, clusters, logs = _snippet("--snippet")
    assert [part["name"] for part in filters] == ["remember aigw.path", "envoy.filters.http.ext_proc"]
    assert [part["route"]["cluster_header"] for part in routes] == ["x-ai-eg-backend"] * 2
    assert [part["name"] for part in clusters] == ["aigw-extproc", "default/bedrock"]
    assert [part["name"] for part in logs] == ["envoy.access_loggers.stdout"]


def test_the_snippet_has_the_clusters_of_the_resources(folder: Path) -> None:
    _, _, clusters, _ = _snippet("--snippet", "all.yaml", cwd=folder)
    (endpoint,) = clusters[1]["load_assignment"]["endpoints"][0]["lb_endpoints"]
    assert endpoint["endpoint"]["address"] == {"socket_address": {"address": "127.0.0.1", "port_value": 9}}


def _snippet(*arguments: str, cwd: Path | None = None) -> list[list[dict]]:
    text = aigw("envoy-config", *arguments, cwd=cwd).out
    return [yaml.safe_load(part) for part in re.split(r"^# \d\. .*$", text, flags=re.MULTILINE)[1:]]


# --- simulator --------------------------------------------------------------------------------------------------


def test_envoys_configuration_goes_into_a_file(tmp_path: Path) -> None:
    file = tmp_path / "envoy.yaml"
    assert aigw("envoy-config", "--region", "us-east-1", "--output", file) == Ended(code=0, out="", err="")
    assert f"{file.read_text()}\n" == aigw("envoy-config", "--region", "us-east-1").out


def test_a_file_that_cannot_be_written_is_an_error() -> None:
    ended = aigw("envoy-config", "--region", "us-east-1", "--output", "/nowhere/envoy.yaml")
    assert (ended.code, ended.err) == (1, "--output /nowhere/envoy.yaml: No such file or directory\n")


def test_envoys_heap_is_limited_to_a_share_of_its_memory() -> None:
    text = aigw("envoy-config", "--region", "us-east-1", "--memory-limit", "1Gi").out
    (*_, heap) = yaml.safe_load(text)["overload_manager"]["resource_monitors"]
    assert int(heap["typed_config"]["max_heap_size_bytes"]) == int(2**30 * 0.8)


@pytest.mark.parametrize("limit", ["much", "0", "-1"])
def test_a_memory_limit_that_is_none(limit: str) -> None:
    ended = aigw("envoy-config", "--region", "us-east-1", f"--memory-limit={limit}")
    assert usage_error(ended) == f"Invalid value: --memory-limit {limit} is not a number of bytes, such as 512Mi"
