"""Fixtures that start the compose file as a user would, with separate ports and project name."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import openai
import pytest

from tests.compose.engine import Engine, NoEngine
from tests.compose.engine import engine as any_engine
from tests.docs.test_running import free_ports

BUILDING = 500
"""Seconds: a new engine takes one minute, and so do the images."""


@dataclass(frozen=True, kw_only=True)
class Project:
    """A running compose project."""

    engine: Engine
    name: str
    version: str
    gateway: int
    admin: int

    def compose(self, *arguments: str, seconds: float = 60) -> str:
        return self.engine.docker("compose", "--project-name", self.name, *arguments, seconds=seconds)

    def containers(self) -> dict[str, dict[str, Any]]:
        """Return the inspected containers by the name of their service."""
        inspected = json.loads(self.engine.docker("inspect", *self.compose("ps", "--quiet").split()))
        return {one["Config"]["Labels"]["com.docker.compose.service"]: one for one in inspected}

    def client(self) -> openai.OpenAI:
        return openai.OpenAI(base_url=f"http://127.0.0.1:{self.gateway}/v1", api_key="unused", max_retries=0)


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    try:
        with any_engine() as running:
            yield running
    except NoEngine as error:
        pytest.skip(f"NOT TESTED, the images and docker-compose.yaml: {error}")


@pytest.fixture(scope="session")
def project(engine: Engine) -> Iterator[Project]:
    version = f"0.0.0.dev{os.getpid()}"
    gateway, admin = free_ports(2)
    settings = {"AIGW_PORT": str(gateway), "AIGW_ADMIN_PORT": str(admin), "AIGW_VERSION": version}
    own = Engine({**engine.environment, **settings})
    running = Project(engine=own, name=f"aigw-test-{os.getpid()}", version=version, gateway=gateway, admin=admin)
    try:
        running.compose("build", seconds=BUILDING)
        running.compose("up", "--wait", seconds=120)
        yield running
    finally:
        running.compose("down", "--volumes", "--timeout", "5", seconds=120)
        images = engine.docker("images", "--quiet", "--filter", f"reference=aigw-extproc*:{version}").split()
        if images:
            engine.docker("image", "rm", "--force", *images)
