"""Tests for aigw_extproc.config.resources.documents."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw_extproc.config.resources.documents import parse
from aigw_extproc.config.resources.findings import Findings


def values(text: str, file: str = "a.yaml") -> list[object]:
    """Return the documents of a text without problems."""
    findings = Findings()
    documents = [document.value for document in parse(file, text, findings)]
    assert findings.problems == []
    return documents


def faults(text: str, file: str = "a.yaml") -> list[str]:
    """Return the problems of a text."""
    findings = Findings()
    list(parse(file, text, findings))
    return [str(problem) for problem in findings.problems]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("80", 80),
        ("-1", -1),
        ("0", 0),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("2024-01-01", "2024-01-01"),
        ("2024-05-21T10:00:00Z", "2024-05-21T10:00:00Z"),
        ("1.0", "1.0"),
        ("1e3", "1e3"),
        ("on", "on"),
        ("no", "no"),
        ("y", "y"),
        ("010", "010"),
        ("0x10", "0x10"),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
        (".inf", ".inf"),
        ("=", "="),
        ("'80'", "80"),
        ("'true'", "true"),
    ],
)
def test_scalars(text: str, value: object):
    assert values(f"a: {text}") == [{"a": value}]


def test_many_documents_and_empty_ones():
    assert values("# nothing\n---\na: 1\n---\n---\nb: 2\n...\n") == [{"a": 1}, {"b": 2}]


def test_empty_text():
    assert values("") == []


def test_merge_keys_and_anchors():
    assert values("a: &x {b: 1}\nc: {<<: *x, b: 2}") == [{"a": {"b": 1}, "c": {"b": 2}}]


def test_items_of_a_list_are_resources():
    text = "kind: List\nitems: [{kind: A, metadata: {name: a}}, {kind: B}]"
    documents = list(parse("a.yaml", text, Findings()))
    assert [(document.place.resource, document.value["kind"]) for document in documents] == [
        ("A default/a", "A"),
        ("document 1, item 2", "B"),
    ]


def test_places_have_the_names_of_resources():
    text = "kind: A\nmetadata: {name: a, namespace: n}\n---\nkind: A\nmetadata: {name: a}\n---\nkind: A"
    documents = list(parse("a.yaml", text, Findings()))
    assert [document.place.resource for document in documents] == ["A n/a", "A default/a", "document 3"]


def test_json():
    assert values('{\n\t"a": [1, 1.5, "x"]\n}', "a.json") == [{"a": [1, "1.5", "x"]}]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a: [1\n", "document 1: line 2, column 1: not valid YAML: did not find expected ',' or ']'"),
        ("a: 1\n---\nb: 'x", "document 2: line 3, column 6: not valid YAML: found unexpected end of stream"),
        ("a:\n\tb: 1", "document 1: line 2, column 1: not valid YAML: found character that cannot start any token"),
        ("a: *x", "document 1: line 1, column 4: not valid YAML: found undefined alias"),
        (
            "a: !!python/object/apply:os.system [ls]",
            (
                "document 1: line 1, column 4: not valid YAML: a tag that is not supported, or a value that does not"
                " fit its tag"
            ),
        ),
        ("a: \x07", "document 1: not valid YAML: control characters are not allowed"),
        ("[a, b]", "document 1: expected a resource with apiVersion, kind and metadata, got a list"),
        ("hello", "document 1: expected a resource with apiVersion, kind and metadata, got text"),
        (
            "kind: List\nitems: [1]",
            ("document 1, item 1: expected a resource with apiVersion, kind and metadata, got a number"),
        ),
        ("a: " + "[" * 500_000, "document 1: line 1, column 103: nested more than 100 levels deep"),
    ],
    ids=range(10),
)
def test_broken_yaml(text: str, fault: str):
    assert faults(text) == [f"a.yaml: {fault}"]


def test_every_duplicate_key_in_every_document():
    text = "kind: Gateway\na: {b: 1, b: 2}\n---\nc: 1\n---\nd: 1\nd: 2\ne: 1\ne: 1"
    assert faults(text) == [
        "a.yaml: document 1: line 2, column 11: duplicate key 'b'",
        "a.yaml: document 3: line 7, column 1: duplicate key",
        "a.yaml: document 3: line 9, column 1: duplicate key",
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('{"a": 1,}', "line 1, column 9: not valid JSON: Expecting property name enclosed in double quotes"),
        ('{"kind": "Gateway", "b": {"c": 1, "c": 2}}', "not valid JSON: duplicate key 'c'"),
        ('{"a": 1, "b": {"c": 1, "c": 2}}', "not valid JSON: duplicate key"),
        ('{"a": 1' + "1" * 5000 + "}", "not valid JSON: a number has too many digits"),
        ("[" * 100000, "nested more than 100 levels deep"),
    ],
    ids=range(5),
)
def test_broken_json(text: str, fault: str):
    (problem,) = faults(text, "a.json")
    assert problem.startswith(f"a.json: document 1: {fault}")


@given(text=st.text(alphabet="ab:-?[]{}|>'\"#&*!%<\n\t 01~,"), file=st.sampled_from(["a.yaml", "a.json"]))
def test_any_text_has_documents_or_faults(text: str, file: str):
    findings = Findings()
    for document in parse(file, text, findings):
        assert isinstance(document.value, dict)
