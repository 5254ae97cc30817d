"""Lists of models that are fetched in the background."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from aigw_extproc.aws.identity import Credentials, Identity
from aigw_extproc.bedrock.models import AvailableModel
from aigw_extproc.config.builtin import demo_configuration, region_configuration
from aigw_extproc.config.snapshot import AwsAuth, ModelSource, Snapshot
from aigw_extproc.errors import CredentialsUnavailable
from aigw_extproc.listed_models import ListFailed, ModelLists
from aigw_extproc.routing import Router
from aigw_extproc.serve import model_lists
from aigw_extproc.serve.contexts import background
from aigw_extproc.serve.model_lists import keep_model_lists
from aigw_extproc.simulator.settings import DEMO_ACCESS_KEY_ID, DEMO_SECRET_ACCESS_KEY
from tests.envoy_config.running import refused_port
from tests.simulator.running import running_simulator

KEYS = Credentials(access_key_id=DEMO_ACCESS_KEY_ID, secret_access_key=DEMO_SECRET_ACCESS_KEY)
REGION = region_configuration("us-east-1").snapshot
MODELS = (AvailableModel(id="us.a.b", name="B"),)


async def credentials(_: AwsAuth) -> Identity:
    return KEYS


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_lists, "TICK_SECONDS", 0.01)
    monkeypatch.setattr(model_lists, "RETRY_SECONDS", 0.01)


class Kept:
    """A router whose lists are kept, and what was applied to it."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.router = Router(snapshot)
        self.applied: list[ModelLists] = []
        self.changed = asyncio.Event()

    def apply(self, lists: ModelLists) -> None:
        self.applied.append(lists)
        self.changed.set()

    @asynccontextmanager
    async def running(
        self, fetch: Callable[[ModelSource, Identity], tuple[AvailableModel, ...]] | None = None
    ) -> AsyncIterator[None]:
        async with background(keep_model_lists(lambda: self.router, credentials, self.apply, fetch)):
            yield


async def until(event: asyncio.Event) -> None:
    await asyncio.wait_for(event.wait(), timeout=20)


async def test_the_lists_of_an_account_are_applied_once() -> None:
    with running_simulator() as simulator:
        kept = Kept(demo_configuration("127.0.0.1", simulator.port, KEYS).snapshot)
        async with kept.running():
            await until(kept.changed)
        [lists] = kept.applied
        [(source, models)] = lists.items()
        assert source.upstream.host == f"127.0.0.1:{simulator.port}"
        assert "us.amazon.nova-micro-v1:0" in [model.id for model in models]


async def test_an_account_of_a_new_configuration_is_asked_too() -> None:
    asked: list[str] = []
    kept = Kept(REGION)

    def fetch(source: ModelSource, _: Identity) -> tuple[AvailableModel, ...]:
        asked.append(source.auth.region)
        return MODELS

    async with kept.running(fetch):
        await until(kept.changed)
        kept.changed.clear()
        kept.router = Router(region_configuration("eu-west-1").snapshot)
        await until(kept.changed)
    assert asked == ["us-east-1", "eu-west-1"]
    assert [[source.auth.region for source in lists] for lists in kept.applied] == [["us-east-1"], ["eu-west-1"]]


async def test_a_failure_is_logged_once_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="aigw_extproc")
    kept, attempts = Kept(REGION), 0

    def fetch(_: ModelSource, __: Identity) -> tuple[AvailableModel, ...]:
        nonlocal attempts
        attempts += 1
        if attempts < 6:
            raise ListFailed("bedrock.test answered 403 to GET /foundation-models: AccessDeniedException")
        return MODELS

    async with kept.running(fetch):
        await until(kept.changed)
    assert attempts == 6
    [record] = caplog.records
    assert record.getMessage() == (
        "list of models not fetched, the built-in one is used upstream=default/bedrock-us-east-1: "
        "bedrock.test answered 403 to GET /foundation-models: AccessDeniedException"
    )


async def test_an_account_without_credentials_does_not_hinder_another() -> None:
    [rule] = REGION.rules
    [backend] = rule.backends
    other = replace(rule, name="b", backends=(replace(backend, auth=AwsAuth(region="eu-west-1", source=KEYS)),))
    kept = Kept(Snapshot(rules=(rule, other)))

    async def none(_: AwsAuth) -> Identity:
        raise CredentialsUnavailable("none")

    async with background(keep_model_lists(lambda: kept.router, none, kept.apply, lambda *_: MODELS)):
        await until(kept.changed)
    assert [source.auth.region for source in kept.applied[0]] == ["eu-west-1"]


async def test_a_port_where_nobody_listens_changes_nothing() -> None:
    with refused_port() as port:
        kept = Kept(demo_configuration("127.0.0.1", port, KEYS).snapshot)
        failed = asyncio.Event()
        loop = asyncio.get_running_loop()

        def fetch(source: ModelSource, identity: Identity) -> tuple[AvailableModel, ...]:
            try:
                return model_lists._fetch(source, identity)
            except ListFailed:
                loop.call_soon_threadsafe(failed.set)
                raise

        async with kept.running(fetch):
            await until(failed)
    assert kept.applied == []
