"""Tests for aigw_extproc.config.compile.mutations."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw_extproc.config import snapshot
from aigw_extproc.config.compile.mutations import json_value, merge_bodies, merge_headers
from aigw_extproc.config.resources import ai_gateway as resources
from tests.config.sample import compiled, problems, sample


def headers(remove: str = "", **values: str) -> resources.HeaderMutationSpec:
    pairs = tuple(resources.NamedValue(name=name, value=value) for name, value in values.items())
    return resources.HeaderMutationSpec(set=pairs, remove=tuple(remove.split()))


def test_empty_mutations():
    assert merge_headers(headers(), headers()) == snapshot.HeaderMutation()


def test_names_are_lower_case():
    assert merge_headers(headers(Aa="1", remove="Bb"), headers(Cc="2", remove="Dd")) == snapshot.HeaderMutation(
        set=(("aa", "1"), ("cc", "2")), remove=("bb", "dd")
    )


def test_rule_wins_header_by_header():
    base = headers(kept="1", changed="2", dropped="3", remove="gone set-again")
    over = headers(CHANGED="4", **{"set-again": "5"}, remove="Dropped")
    assert merge_headers(base, over) == snapshot.HeaderMutation(
        set=(("kept", "1"), ("changed", "4"), ("set-again", "5")), remove=("gone", "dropped")
    )


def test_set_and_removed_by_one_side_stays_both():
    assert merge_headers(headers(), headers(a="1", remove="a")) == snapshot.HeaderMutation(
        set=(("a", "1"),), remove=("a",)
    )


def test_body_fields_keep_their_case():
    base = resources.BodyMutationSpec(set=(resources.BodyField(path="A", value="1"),), remove=("B",))
    over = resources.BodyMutationSpec(set=(resources.BodyField(path="a", value="x"),))
    assert merge_bodies(base, over) == snapshot.BodyMutation(
        set=(("A", msgspec.Raw(b"1")), ("a", msgspec.Raw(b'"x"'))), remove=("B",)
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("scale", b'"scale"'),
        ('"scale"', b'"scale"'),
        ("42", b"42"),
        ("1.50", b"1.50"),
        ("true", b"true"),
        ("null", b"null"),
        ('{"a": [1, 2]}', b'{"a": [1, 2]}'),
        ("", b'""'),
        ("NaN", b'"NaN"'),
        ("1 2", b'"1 2"'),
        ('say "x"', rb'"say \"x\""'),
    ],
)
def test_value_is_json_or_a_string(text: str, value: bytes):
    assert bytes(json_value(text)) == value


@given(st.text())
def test_value_is_always_json(text: str):
    json.loads(bytes(json_value(text)))


def test_mutations_of_backend_and_rule_are_merged_in_the_snapshot():
    text = sample(
        (
            "schema: {name: AWSBedrock}",
            (
                "schema: {name: AWSBedrock}\n"
                "  headerMutation: {set: [{name: X-A, value: service}, {name: X-B, value: service}]}\n"
                "  bodyMutation: {set: [{path: p, value: 1.0}], remove: [q]}"
            ),
        ),
        (
            "[{name: service}]",
            "[{name: service, modelNameOverride: m, headerMutation: {set: [{name: x-a, value: rule}], remove: [X-B]}}]",
        ),
    )
    backend = compiled(text).snapshot.rules[0].backends[0]
    assert (backend.model_override, backend.header_mutation, backend.body_mutation) == (
        "m",
        snapshot.HeaderMutation(set=(("x-a", "rule"),), remove=("x-b",)),
        snapshot.BodyMutation(set=(("p", msgspec.Raw(b"1.0")),), remove=("q",)),
    )


# --- what cannot be changed -------------------------------------------------------------------------------------

FRAMING = ("connection", "Content-Length", "keep-alive", "proxy-authorization", "te", "transfer-encoding", "upgrade")
SIGNATURE = ("Authorization", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256")
COMPATIBLE = (
    ("schema: {name: AWSBedrock}", "schema: {name: OpenAI}"),
    ("hostname: bedrock.example.com", "hostname: compatible.example.com"),
)


def mutated(mutation: str, *changes: tuple[str, str]) -> list[str]:
    """Return the problems of a mutation of the sample's backend, and then of its rule, each without its resource."""
    in_service = sample(("  backendRef: {name: backend", f"  {mutation}\n  backendRef: {{name: backend"), *changes)
    in_rule = sample(("[{name: service}]", f"[{{name: service, {mutation}}}]"), *changes)
    return [problem.split(": ", 1)[1] for text in (in_service, in_rule) for problem in problems(text)]


@pytest.mark.parametrize("name", FRAMING)
def test_headers_of_the_connection_cannot_be_changed(name: str):
    fault = f"'{name.lower()}' concerns the connection, which Envoy manages, and cannot be changed"
    for path, mutation in (("set[0].name", f"set: [{{name: {name}, value: a}}]"), ("remove[0]", f"remove: [{name}]")):
        assert mutated(f"headerMutation: {{{mutation}}}") == [
            f"spec.headerMutation.{path}: {fault}",
            f"spec.rules[0].backendRefs[0].headerMutation.{path}: {fault}",
        ]


@pytest.mark.parametrize("name", SIGNATURE)
def test_headers_of_a_signature_cannot_be_changed_where_aws_signs(name: str):
    mutation, fault = (
        f"headerMutation: {{set: [{{name: {name}, value: a}}]}}",
        f"'{name.lower()}' belongs to AWS's signature and cannot be changed",
    )
    assert mutated(mutation) == [
        f"spec.headerMutation.set[0].name: {fault}",
        f"spec.rules[0].backendRefs[0].headerMutation.set[0].name: {fault}",
    ]
    assert mutated(mutation, *COMPATIBLE) == []


def test_only_top_level_fields_of_a_body_can_be_changed():
    mutation = "bodyMutation: {set: [{path: a.b, value: '1'}], remove: ['c.d[0]', e]}"
    faults = [
        "set[0].path: 'a.b' is not a top-level field, and no other can be changed; set all of 'a'",
        "remove[0]: 'c.d[0]' is not a top-level field, and no other can be changed; set all of 'c'",
    ]
    owners = ("spec", "spec.rules[0].backendRefs[0]")
    assert mutated(mutation) == [f"{owner}.bodyMutation.{fault}" for owner in owners for fault in faults]
