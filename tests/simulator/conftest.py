"""A simulator shared by all tests that do not change its settings, and boto3 clients for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config

from aigw_extproc.simulator.settings import DEMO_ACCESS_KEY_ID, DEMO_REGION, DEMO_SECRET_ACCESS_KEY
from tests.simulator.running import RunningSimulator, running_simulator


@pytest.fixture(scope="package")
def simulator() -> Iterator[RunningSimulator]:
    with running_simulator() as running:
        yield running


def boto3_client(url: str, **overrides: Any) -> Any:
    """Return a bedrock-runtime client with the demo's credentials, without retries and validation."""
    arguments = {
        "region_name": DEMO_REGION,
        "aws_access_key_id": DEMO_ACCESS_KEY_ID,
        "aws_secret_access_key": DEMO_SECRET_ACCESS_KEY,
        "config": Config(retries={"total_max_attempts": 1}, parameter_validation=False, read_timeout=10),
        **overrides,
    }
    return boto3.session.Session().client("bedrock-runtime", endpoint_url=url, **arguments)


@pytest.fixture(scope="package")
def bedrock(simulator: RunningSimulator) -> Any:
    return boto3_client(simulator.url)


@pytest.fixture(scope="package")
def new_client(simulator: RunningSimulator) -> Callable[..., Any]:
    """Return a function that makes clients with other arguments."""
    return lambda **overrides: boto3_client(simulator.url, **overrides)
