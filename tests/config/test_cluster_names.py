"""Names of clusters by content."""

from aigw_extproc.config.cluster_names import by_content, clusters, plain_name
from aigw_extproc.config.snapshot import Rule
from tests.config.sample import compiled, sample

REFS = ("backendRefs: [{name: service}]", "backendRefs: [{name: service}, {name: service, priority: 1}]")


def rule(*changes: tuple[str, str]) -> Rule:
    return by_content(compiled(sample(REFS, *changes)).snapshot).rules[0]


def test_a_name_has_the_plain_one_and_a_digest():
    names = sorted(clusters(rule()))
    assert [plain_name(name) for name in names] == ["default/backend", "default/route/rule/0"]
    assert all(len(name.partition("@")[2]) == 8 for name in names)


def test_equal_content_has_equal_names():
    assert clusters(rule()) == clusters(rule())
    snapshot = by_content(compiled(sample()).snapshot)
    assert by_content(snapshot) == snapshot


def test_another_endpoint_changes_both_names():
    assert clusters(rule()).isdisjoint(clusters(rule(("port: 443", "port: 8443"))))


def test_another_secret_changes_no_name():
    assert clusters(rule()) == clusters(rule(("canary-of-a-secret", "another")))


def test_another_weight_changes_the_rules_cluster_only():
    changed = clusters(rule()) ^ clusters(rule(("priority: 1", "priority: 1, weight: 3")))
    assert {plain_name(name) for name in changed} == {"default/route/rule/0"}
