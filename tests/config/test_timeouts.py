"""The time limits of rules."""

from aigw_extproc.config.traffic import Timeouts
from tests.config.sample import compiled, problems, sample


def with_limits(text: str) -> str:
    return sample(("backendRefs:", f"{text}\n      backendRefs:"))


def test_limits_of_a_rule():
    snapshot = compiled(with_limits("timeouts: {request: 10m}\n      streamIdleTimeout: 90s")).snapshot
    assert snapshot.rules[0].backends[0].timeouts == Timeouts(request=600, stream_idle=90)
    assert snapshot.stream_idles == (90,)


def test_without_limits_the_defaults_apply():
    snapshot = compiled(sample()).snapshot
    assert snapshot.rules[0].backends[0].timeouts == Timeouts()
    assert snapshot.stream_idles == ()


def test_zero_is_no_limit():
    snapshot = compiled(with_limits("timeouts: {request: 0s}\n      streamIdleTimeout: 0s")).snapshot
    assert snapshot.rules[0].backends[0].timeouts == Timeouts(request=0, stream_idle=0)
    assert snapshot.stream_idles == ()


def test_invalid_limits():
    rule = "AIGatewayRoute default/route: spec.rules[0]."
    expected = "is not a duration of 0s to 24 days, such as 30s or 1h30m"
    assert problems(with_limits("timeouts: {request: soon}\n      streamIdleTimeout: 99999h")) == [
        f"{rule}timeouts.request: 'soon' {expected}",
        f"{rule}streamIdleTimeout: '99999h' {expected}",
    ]
