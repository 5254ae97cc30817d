"""Rules with backends of several priorities."""

from aigw_extproc.config.snapshot import Rule
from aigw_extproc.config.traffic import Failover, Retry
from tests.config.sample import compiled, sample

REFS = ("backendRefs: [{name: service}]", "backendRefs: [{name: service}, {name: service, priority: 1}]")


def rule(*changes: tuple[str, str]) -> Rule:
    return compiled(sample(REFS, *changes)).snapshot.rules[0]


def test_several_priorities_are_tried_one_after_the_other():
    failover = rule().failover
    assert failover is not None
    assert (failover.cluster, failover.retry, len(set(failover.hosts))) == (
        "default/route/rule/0",
        Retry(retries=1),
        2,
    )


def test_a_rule_with_one_priority_has_a_single_attempt():
    assert compiled(sample()).snapshot.rules[0].failover is None
    assert rule(("priority: 1", "weight: 2")).failover is None
    assert rule(("priority: 1", "priority: 1, weight: 0")).failover is None


def test_a_backend_whose_endpoint_changes_has_another_host():
    before, after = rule().failover, rule(("port: 443", "port: 8443")).failover
    assert isinstance(before, Failover)
    assert isinstance(after, Failover)
    assert set(before.hosts).isdisjoint(after.hosts)
