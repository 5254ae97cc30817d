"""`serve --kubernetes` while the API is away, and what it says about options that do not fit."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.running import aigw
from tests.envoy_config.running import wait_for
from tests.gateway.running import RunningProcessor, running_processor
from tests.kubernetes.documents import GATEWAY, gateway, route, service, to
from tests.kubernetes.running import Cluster, running_cluster


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="k") as name:
        yield Path(name)


def arguments(cluster: Cluster, folder: Path) -> tuple[str, ...]:
    return (
        *("--kubernetes", "--gateway", f"{cluster.namespace}/{GATEWAY}", "--kubeconfig", str(cluster.kubeconfig)),
        *("--publish", str(folder / "run"), "--listen", f"unix://{folder}/p.sock"),
    )


def is_ready(processor: RunningProcessor) -> bool | None:
    return True if processor.readiness()["ready"] else None


def test_a_process_that_starts_while_the_api_is_away_serves_what_was_read_last(folder: Path) -> None:
    with running_cluster(folder) as cluster:
        cluster.apply(gateway(), *service("good", 80), route("a", to("good", "nova")))
        fake, log = cluster.faults, folder / "processor.log"
        fake.broken = True
        with running_processor(folder, *arguments(cluster, folder)) as processor:
            assert is_ready(processor) is None
            wait_for(lambda: True if "cannot read" in log.read_text() else None, what="a warning")
            fake.broken = False
            wait_for(lambda: is_ready(processor), what="the API to be read", seconds=20)
        fake.broken = True
        with running_processor(folder, *arguments(cluster, folder)) as processor:
            assert is_ready(processor) is True
            text = log.read_text()
        assert "the-fake-clusters-token" not in text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--kubernetes",), "--kubernetes needs --gateway NAMESPACE/NAME"),
        (("--kubernetes", "--gateway", "a"), "--kubernetes needs --gateway NAMESPACE/NAME"),
        (("--gateway", "a/b", "--namespaces", "c"), "--gateway, --namespaces: only with --kubernetes"),
        (
            ("--kubernetes", "--gateway", "a/b", "--namespaces", "c,D"),
            "--namespaces: 'D' is not the name of a namespace",
        ),
        (("--kubernetes", "--gateway", "a/b", "--region", "us-east-1"), "only one of them"),
        (("--kubernetes", "--gateway", "a/b", "--api-keys", "f"), "in a cluster use a SecurityPolicy"),
        (("--publish", "d"), "--publish: only with --kubernetes"),
    ],
)
def test_options_that_do_not_fit_are_refused(options: tuple[str, ...], message: str) -> None:
    result = aigw("serve", *options)
    assert result.code == 2
    assert message in " ".join(result.err.replace("│", " ").split())


def test_without_a_cluster_the_operator_is_told(tmp_path: Path) -> None:
    free = ("--listen", f"unix://{tmp_path}/p.sock", "--admin-port", "0")
    result = aigw("serve", "--kubernetes", "--gateway", "a/b", "--kubeconfig", str(tmp_path / "missing"), *free)
    assert (result.code, "the Kubernetes API cannot be used: " in result.err) == (1, True)
