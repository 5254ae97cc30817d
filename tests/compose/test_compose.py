"""`docker compose up` and the containers that it starts."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import openai
import pytest
import yaml

from tests.compose.conftest import BUILDING, Project
from tests.compose.engine import Engine
from tests.docs.pages import ROOT, blocks
from tests.envoy_config.running import wait_for

pytestmark = pytest.mark.timeout(BUILDING + 300)

MODEL = "us.amazon.nova-micro-v1:0"
LAYERS = 170_000_000
"""Bytes that the processor's image may add to its base image. A third is the library that evaluates CEL."""


def test_a_chat_completion(project: Project) -> None:
    answer = project.client().chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "Hello!"}])
    assert answer.choices[0].message.content == "Hello! You said: Hello!"


def test_a_stream(project: Project) -> None:
    messages = [{"role": "user", "content": "Hello!"}]
    stream = project.client().chat.completions.create(model=MODEL, messages=messages, stream=True)  # type: ignore[call-overload] # a list of dicts
    pieces = [chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices]
    assert len(pieces) > 2
    assert "".join(pieces) == "Hello! You said: Hello!"


def test_a_bad_request(project: Project) -> None:
    with pytest.raises(openai.BadRequestError) as raised:
        project.client().chat.completions.create(model=MODEL, messages=[])
    assert (raised.value.status_code, raised.value.param) == (400, "messages")


def test_the_list_of_models_is_the_simulators(project: Project) -> None:
    """Not the built-in one, which lacks this model."""
    only = "stability.stable-image-core-v1:1"
    wait_for(lambda: only in {model.id for model in project.client().models.list()} or None, what=only, seconds=20)


def test_metrics_are_available(project: Project) -> None:
    assert "aigw_exchanges_total" in httpx.get(f"http://127.0.0.1:{project.admin}/metrics").text


def test_nothing_runs_as_root(project: Project) -> None:
    users = {name: project.compose("exec", name, "id", "-u") for name in project.containers()}
    assert users == {"envoy": "101", "processor": "65532", "simulator": "65532"}


def test_every_container_is_locked_down(project: Project) -> None:
    for name, container in project.containers().items():
        host = container["HostConfig"]
        settings = (host["ReadonlyRootfs"], host["CapDrop"], host["SecurityOpt"], host["Privileged"])
        assert (name, settings) == (name, (True, ["ALL"], ["no-new-privileges:true"], False))


def test_everything_is_published_on_loopback_only(project: Project) -> None:
    published = [
        binding["HostIp"]
        for container in project.containers().values()
        for bindings in container["NetworkSettings"]["Ports"].values()
        for binding in bindings or ()
    ]
    assert published == ["127.0.0.1"] * 2


def test_the_file_system_is_read_only(project: Project) -> None:
    with pytest.raises(AssertionError, match="Read-only file system"):
        project.compose("exec", "processor", "python", "-c", "open('/opt/aigw/x', 'w')")


def test_the_image_has_no_tools_to_install_or_build(project: Project) -> None:
    tools = "import shutil; print([tool for tool in ('pip', 'pip3', 'gcc', 'make', 'git') if shutil.which(tool)])"
    assert project.compose("exec", "processor", "python", "-c", tools) == "[]"
    with pytest.raises(AssertionError, match="No module named pip"):
        project.compose("exec", "processor", "python", "-m", "pip")


def test_the_image_has_the_services_for_credentials(project: Project) -> None:
    """Most of botocore's services are removed from it."""
    services = "'sts', 'sso', 'sso-oidc', 'signin', 'bedrock-runtime', 'bedrock'"
    create = (
        f"import botocore.session as s; [s.Session().create_client(n, region_name='eu-west-1') for n in ({services})]"
    )
    assert project.compose("exec", "processor", "python", "-c", create) == ""
    assert (
        project.compose("run", "--rm", "processor", "check", "--region", "us-gov-west-1")
        == "ok: 1 rule, 1 upstream, 0 models"
    )


def test_the_image_is_small(project: Project) -> None:
    def size(image: str) -> int:
        return int(project.engine.docker("image", "inspect", "--format", "{{.Size}}", image))

    assert size(f"aigw-extproc:{project.version}") - size("python:3.12-slim") < LAYERS


def test_the_image_has_title_and_version(project: Project) -> None:
    labels = json.loads(
        project.engine.docker(
            "image", "inspect", "--format", "{{json .Config.Labels}}", f"aigw-extproc:{project.version}"
        )
    )
    title, version = (labels[f"org.opencontainers.image.{name}"] for name in ("title", "version"))
    assert (title, version) == ("aigw-extproc", project.version)
    assert project.engine.docker("run", "--rm", f"aigw-extproc:{project.version}", "--version") == project.version


def test_it_is_ready_within_a_second(project: Project) -> None:
    """Measured in CPU time, so that other load on the machine does not matter."""
    options = ("--detach", "--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL")  # noqa: S108 - in the container
    image, engine = f"aigw-extproc:{project.version}", project.engine
    container = engine.docker("run", *options, image, "serve", "--simulator", "127.0.0.1:8091")
    try:
        wait_for(lambda: True if ": ready on" in engine.docker("logs", container) else None, what="ready")
        # utime and stime in hundredths of a second, https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
        user, system = engine.docker("exec", container, "cat", "/proc/1/stat").split()[13:15]
    finally:
        engine.docker("rm", "--force", container)
    assert int(user) + int(system) < 100


@pytest.mark.parametrize(
    ("profiles", "services"),
    [
        ((), {"envoy", "envoy-config", "processor", "simulator"}),
        (("--profile", "aws"), {"envoy", "envoy-config-aws", "processor-aws"}),
        (
            ("--profile", "aws", "--profile", "monitoring"),
            {"envoy", "envoy-config-aws", "processor-aws", "prometheus", "grafana"},
        ),
    ],
    ids=["by default", "aws", "aws, monitoring"],
)
def test_a_profile_starts_its_services_and_no_simulator_with_bedrock(
    engine: Engine, profiles: tuple[str, ...], services: set[str]
) -> None:
    assert set(engine.docker("compose", *profiles, "config", "--services").split()) == services


def test_all_profiles_together_have_every_service(engine: Engine) -> None:
    """`docker compose --profile '*' down` stops whichever runs."""
    every = yaml.safe_load((ROOT / "docker-compose.yaml").read_text())["services"].keys()
    assert set(engine.docker("compose", "--profile", "*", "config", "--services").split()) == every


def test_the_override_on_the_page_changes_existing_services(engine: Engine, tmp_path: Path) -> None:
    (block,) = blocks("yaml", note="compose")
    (tmp_path / "override.yaml").write_text(block.text)
    files = ("--file", "docker-compose.yaml", "--file", str(tmp_path / "override.yaml"))
    merged = json.loads(engine.docker("compose", *files, "--profile", "aws", "config", "--format", "json"))
    for name in ("envoy-config-aws", "processor-aws"):
        mounts = {volume["target"] for volume in merged["services"][name]["volumes"]}
        assert (name, mounts) == (name, {"/etc/aigw", "/run/aigw"})
        assert merged["services"][name]["image"]
