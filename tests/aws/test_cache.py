"""Tests for aigw_extproc.aws.credentials.cache, with a fake clock and scripted sources."""

from __future__ import annotations

import asyncio
import logging
import math
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from aigw_extproc.aws.credentials.cache import CredentialCache
from aigw_extproc.aws.credentials.entry import MANDATORY_SECONDS, RETRY_SECONDS, Entry
from aigw_extproc.aws.credentials.found_credentials import FoundCredentials, SourceFailed
from aigw_extproc.aws.identity import AssumeRole, BearerToken, Credentials, CredentialSource, DefaultChain, Profile
from aigw_extproc.config.snapshot import AwsAuth
from aigw_extproc.errors import CredentialsUnavailable

ROLE = "arn:aws:iam::111122223333:role/bedrock"
CHAIN = AwsAuth(region="us-east-1", source=DefaultChain())
ROLE_AUTH = AwsAuth(region="us-east-1", source=AssumeRole(base=DefaultChain(), role_arn=ROLE))
HOUR = 3600.0


@dataclass
class Origin:
    """Scripted sources, and the time."""

    now: float = 1_000_000.0
    lifetime: float | None = HOUR
    failure: Exception | None = None
    calls: list[CredentialSource] = field(default_factory=list)
    regions: list[str] = field(default_factory=list)
    open: threading.Event = field(default_factory=threading.Event)
    """While it is not set, sources do not answer."""

    def __post_init__(self) -> None:
        self.open.set()

    def find(self, source: CredentialSource, region: str) -> FoundCredentials:
        self.calls.append(source)
        self.regions.append(region)
        number = len(self.calls)
        assert self.open.wait(10)
        if self.failure is not None:
            raise self.failure
        expires = None if self.lifetime is None else self.now + self.lifetime
        return FoundCredentials(identity=keys(number), method="script", expires_at=expires)


def keys(number: int) -> Credentials:
    return Credentials(access_key_id=f"AKID{number}", secret_access_key="s")


@pytest.fixture
def origin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Origin:
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.delenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", raising=False)
    return Origin()


@pytest.fixture
async def cache(origin: Origin) -> AsyncIterator[CredentialCache]:
    yield CredentialCache(find=origin.find, clock=lambda: origin.now, share=lambda: 0.0)
    origin.open.set()


async def tick(cache: CredentialCache, *wanted: AwsAuth) -> int:
    """Run one round of `keep_fresh` and its renewals, and return their number."""
    cache.retain(wanted or (CHAIN,))
    renewals = await cache.renew_due()
    await asyncio.gather(*renewals)
    return len(renewals)


async def until(condition: Callable[[], object]) -> None:
    """Wait until the condition holds."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.to_thread(bool)


async def refused(cache: CredentialCache, auth: AwsAuth = CHAIN) -> str:
    with pytest.raises(CredentialsUnavailable) as raised:
        await cache.get(auth)
    return raised.value.message


# --- one attempt at a time --------------------------------------------------------------------------------------


async def test_a_hundred_exchanges_wait_for_one_attempt(origin: Origin, cache: CredentialCache) -> None:
    origin.open.clear()
    waiting = [asyncio.ensure_future(cache.get(CHAIN)) for _ in range(100)]
    await until(lambda: origin.calls)
    origin.open.set()
    assert set(await asyncio.gather(*waiting)) == {keys(1)}
    assert origin.calls == [DefaultChain()]


async def test_an_attempt_outlives_the_exchange_that_started_it(origin: Origin, cache: CredentialCache) -> None:
    origin.open.clear()
    first = asyncio.ensure_future(cache.get(CHAIN))
    await until(lambda: origin.calls)
    first.cancel()
    second = asyncio.ensure_future(cache.get(CHAIN))
    origin.open.set()
    assert await second == keys(1)


async def test_a_renewal_and_an_exchange_share_an_attempt(origin: Origin, cache: CredentialCache) -> None:
    origin.open.clear()
    cache.retain([CHAIN])
    [renewal] = await cache.renew_due()
    waiting = asyncio.ensure_future(cache.get(CHAIN))
    assert await cache.renew_due() == []
    origin.open.set()
    assert await waiting == keys(1)
    assert renewal.done()


async def test_nothing_blocks_the_event_loop(origin: Origin, cache: CredentialCache) -> None:
    await tick(cache)
    origin.now += HOUR - 600
    origin.open.clear()
    cache.retain([CHAIN])
    [renewal] = await cache.renew_due()
    await until(lambda: len(origin.calls) == 2)
    assert await cache.get(CHAIN) == keys(1)  # while the source hangs
    origin.open.set()
    await renewal
    assert await cache.get(CHAIN) == keys(2)


async def test_an_exchange_waits_for_a_limited_time(
    origin: Origin, cache: CredentialCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aigw_extproc.aws.credentials.cache.WAIT_SECONDS", 0.01)
    origin.open.clear()
    assert await refused(cache) == "the gateway has no AWS credentials at the moment; its log says why"


async def test_sources_are_called_with_their_region(origin: Origin, cache: CredentialCache) -> None:
    await cache.get(AwsAuth(region="eu-west-1", source=DefaultChain()))
    assert origin.regions == ["eu-west-1"]


async def test_each_source_has_its_own_credentials(origin: Origin, cache: CredentialCache) -> None:
    assert [await cache.get(CHAIN), await cache.get(ROLE_AUTH), await cache.get(CHAIN)] == [keys(1), keys(2), keys(1)]


# --- windows ----------------------------------------------------------------------------------------------------


async def test_nothing_is_renewed_before_the_advisory_window(origin: Origin, cache: CredentialCache) -> None:
    assert await tick(cache) == 1
    origin.now += HOUR - 901
    assert await tick(cache) == 0


async def test_one_renewal_per_lifetime(origin: Origin, cache: CredentialCache) -> None:
    await tick(cache)
    begun = 0
    for _ in range(int(HOUR)):  # a tick each second, until just before the second renewal
        origin.now += 1
        begun += await tick(cache)
        await cache.get(CHAIN)
    assert (begun, len(origin.calls)) == (1, 2)


async def test_workers_renew_at_different_times(origin: Origin) -> None:
    begun = []
    for share in (0.0, 0.5, 0.999):
        cache = CredentialCache(find=origin.find, clock=lambda: origin.now, share=lambda share=share: share)
        await tick(cache)
        origin.now += HOUR - 850
        begun.append(await tick(cache))
        origin.now += 850
    assert begun == [1, 0, 0]


async def test_old_credentials_are_used_while_renewal_fails(origin: Origin, cache: CredentialCache) -> None:
    await tick(cache)
    origin.failure = SourceFailed("the agent is down")
    origin.now += HOUR - 600
    assert await tick(cache) == 1
    assert await cache.get(CHAIN) == keys(1)


async def test_credentials_are_not_used_in_the_mandatory_window(origin: Origin, cache: CredentialCache) -> None:
    await tick(cache)
    origin.failure = SourceFailed("the agent is down")
    origin.now += HOUR - MANDATORY_SECONDS - 1
    assert await cache.get(CHAIN) == keys(1)
    origin.now += 1
    await refused(cache)


async def test_expired_credentials_are_not_used(origin: Origin, cache: CredentialCache) -> None:
    await tick(cache)
    origin.failure = SourceFailed("the agent is down")
    origin.now += HOUR
    await refused(cache)


async def test_credentials_without_expiry_are_not_renewed(origin: Origin, cache: CredentialCache) -> None:
    origin.lifetime = None
    await tick(cache)
    origin.now += 1000 * HOUR
    assert await tick(cache) == 0
    assert await cache.get(CHAIN) == keys(1)


async def test_credentials_that_arrive_expired_are_a_failure(origin: Origin, cache: CredentialCache) -> None:
    origin.lifetime = 0
    await refused(cache)
    await refused(cache)
    assert len(origin.calls) == 1
    assert cache.as_details()[0]["error"] == "script returned expired credentials"


@settings(max_examples=2 * settings().max_examples)
@given(lifetime=st.floats(1, 43_200), share=st.floats(0, 1, exclude_max=True))
def test_there_is_always_time_to_renew(lifetime: float, share: float) -> None:
    """Credentials are due some time after they were issued, and some time before they expire."""
    entry = Entry(DefaultChain(), "us-east-1")
    entry.succeed(FoundCredentials(identity=keys(1), method="m", expires_at=lifetime), 0.0, share)
    due = lifetime - entry.lead
    assert not entry.is_due(due - lifetime / 100, ())
    assert entry.is_due(due + lifetime / 1000, ())
    assert entry.usable(due + lifetime / 100) is not None
    assert entry.usable(lifetime) is None


# --- failures ---------------------------------------------------------------------------------------------------


async def test_after_a_failure_requests_fail_without_a_call(origin: Origin, cache: CredentialCache) -> None:
    origin.failure = SourceFailed("no such role")
    for _ in range(50):
        await refused(cache)
    assert len(origin.calls) == 1


async def test_after_a_pause_the_source_is_called_again(origin: Origin, cache: CredentialCache) -> None:
    origin.failure = SourceFailed("no such role")
    await refused(cache)
    origin.failure = None
    origin.now += RETRY_SECONDS * 0.8
    assert await cache.get(CHAIN) == keys(2)


async def test_pauses_grow_while_old_credentials_are_usable(origin: Origin, cache: CredentialCache) -> None:
    await tick(cache)
    origin.failure = SourceFailed("the agent is down")
    origin.now += HOUR - 900
    attempts = 0
    for _ in range(300):
        attempts += await tick(cache)
        origin.now += 1
    assert attempts == 10  # at 0, 3, 8, 18, 38, 77… seconds, then every 48


async def test_pauses_do_not_grow_without_usable_credentials(origin: Origin, cache: CredentialCache) -> None:
    origin.failure = SourceFailed("the agent is down")
    attempts = 0
    for _ in range(40):
        attempts += await tick(cache)
        origin.now += 1
    assert attempts == 14


async def test_after_a_long_pause_credentials_that_end_are_renewed_soon(origin: Origin) -> None:
    """While old credentials were usable, the pauses grew; from their end on each second counts."""
    cache = CredentialCache(find=origin.find, clock=lambda: origin.now, share=lambda: 0.999)
    await tick(cache)
    end = origin.now + HOUR
    origin.failure = SourceFailed("STS is down")
    origin.now = end - 900
    while origin.now < end:
        await tick(cache)
        origin.now += 0.5
    origin.failure = None
    well = origin.now
    while not await tick(cache):
        origin.now += 0.5
    assert origin.now - well < 4.5


# --- credentials that AWS rejects -------------------------------------------------------------------------------


async def test_rejected_credentials_are_renewed_once(origin: Origin, cache: CredentialCache) -> None:
    await tick(cache)
    for _ in range(100):
        cache.reject(CHAIN, keys(1))
    assert await cache.get(CHAIN) == keys(2)
    cache.reject(CHAIN, keys(1))  # by an exchange that took longer
    assert await tick(cache) == 0
    assert await cache.get(CHAIN) == keys(2)
    assert len(origin.calls) == 2


async def test_credentials_that_stay_the_same_are_not_renewed_again(origin: Origin, cache: CredentialCache) -> None:
    await tick(cache)
    origin.calls.clear()  # the source returns keys(1) again
    for _ in range(3):
        cache.reject(CHAIN, keys(1))
        assert await cache.get(CHAIN) == keys(1)
    assert await tick(cache) == 0
    assert len(origin.calls) == 1


async def test_a_renewal_of_rejected_credentials_that_fails_is_repeated(origin: Origin, cache: CredentialCache) -> None:
    await tick(cache)
    origin.failure = SourceFailed("STS is down")
    cache.reject(CHAIN, keys(1))
    assert await cache.get(CHAIN) == keys(1)  # they are all that there is
    origin.failure = None
    origin.now += RETRY_SECONDS
    assert await tick(cache) == 1
    assert await cache.get(CHAIN) == keys(3)


async def test_credentials_in_the_configuration_cannot_be_renewed(origin: Origin, cache: CredentialCache) -> None:
    cache.reject(AwsAuth(region="us-east-1", source=keys(1)), keys(1))
    assert origin.calls == []


async def test_a_reason_is_logged_once(
    origin: Origin, cache: CredentialCache, caplog: pytest.LogCaptureFixture
) -> None:
    for reason in ("no such role", "no such role", "denied"):
        origin.failure = SourceFailed(reason)
        await refused(cache)
        origin.now += 10
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert warnings == [
        "no credentials source=default chain: no such role",
        "no credentials source=default chain: denied",
    ]


async def test_unexpected_errors_are_reported_by_type_only(
    origin: Origin, cache: CredentialCache, caplog: pytest.LogCaptureFixture
) -> None:
    origin.failure = RuntimeError("canary-of-a-secret")
    await refused(cache)
    assert cache.as_details()[0]["error"] == "RuntimeError"
    assert "canary" not in caplog.text


# --- files and reloads ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE"])
@pytest.mark.parametrize(
    "source",
    [DefaultChain(), AssumeRole(base=DefaultChain(), role_arn=ROLE), Profile(file="")],
    ids=["chain", "role", "profile"],
)
async def test_a_changed_file_is_noticed_at_once(
    origin: Origin, cache: CredentialCache, tmp_path: Path, name: str, source: CredentialSource
) -> None:
    auth = AwsAuth(region="us-east-1", source=source)
    await tick(cache, auth)
    (tmp_path / name).write_text("rotated")
    assert await tick(cache, auth) == 1
    assert await tick(cache, auth) == 0


async def test_a_change_ends_the_pause_after_a_failure(origin: Origin, cache: CredentialCache, tmp_path: Path) -> None:
    origin.failure = SourceFailed("the file is broken")
    await tick(cache)
    origin.failure = None
    (tmp_path / "AWS_CONFIG_FILE").write_text("mended")
    assert await tick(cache) == 1
    assert await cache.get(CHAIN) == keys(2)


async def test_a_broken_file_leaves_the_old_credentials(origin: Origin, cache: CredentialCache, tmp_path: Path) -> None:
    await tick(cache)
    origin.failure = SourceFailed("the file is broken")
    (tmp_path / "AWS_CONFIG_FILE").write_text("broken")
    await tick(cache)
    assert await cache.get(CHAIN) == keys(1)


async def test_a_change_during_an_attempt_is_not_lost(origin: Origin, cache: CredentialCache, tmp_path: Path) -> None:
    origin.open.clear()
    cache.retain([CHAIN])
    [renewal] = await cache.renew_due()
    await until(lambda: origin.calls)
    (tmp_path / "AWS_CONFIG_FILE").write_text("rotated")
    origin.open.set()
    await renewal
    assert await tick(cache) == 1


async def test_a_reload_keeps_credentials(origin: Origin, cache: CredentialCache) -> None:
    await tick(cache, CHAIN)
    await tick(cache, ROLE_AUTH, CHAIN)
    assert await cache.get(CHAIN) == keys(1)
    assert origin.calls == [DefaultChain(), ROLE_AUTH.source]


async def test_a_reload_drops_removed_sources(origin: Origin, cache: CredentialCache) -> None:
    await tick(cache, CHAIN, ROLE_AUTH)
    await tick(cache, CHAIN)
    assert [entry["source"] for entry in cache.as_details()] == ["default chain"]
    labels = {"source": f"default chain as {ROLE}"}
    assert REGISTRY.get_sample_value("aigw_credential_expiry_seconds", labels) == math.inf


async def test_credentials_in_the_configuration_are_not_cached(cache: CredentialCache) -> None:
    for known in (keys(1), BearerToken(token="t")):
        assert await tick(cache, AwsAuth(region="us-east-1", source=known)) == 0


# --- what operators see -----------------------------------------------------------------------------------------


async def test_details(origin: Origin, cache: CredentialCache) -> None:
    await tick(cache)
    origin.now += 100
    assert cache.as_details() == [
        {"source": "default chain", "method": "script", "usable": True, "expires_in": HOUR - 100, "error": None}
    ]


async def test_metrics(origin: Origin, cache: CredentialCache) -> None:
    def refreshes(result: str) -> float:
        labels = {"source": "default chain", "result": result}
        return REGISTRY.get_sample_value("aigw_credential_refreshes_total", labels) or 0.0

    before = refreshes("ok"), refreshes("failed")
    await tick(cache)
    origin.failure = SourceFailed("the agent is down")
    origin.now += HOUR - 600
    await tick(cache)
    assert (refreshes("ok"), refreshes("failed")) == (before[0] + 1, before[1] + 1)
    assert REGISTRY.get_sample_value("aigw_credential_expiry_seconds", {"source": "default chain"}) == 600
