"""What a Secret or a ConfigMap holds is in no message, wherever in the document it stands."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from aigw_extproc.config.compile.configuration import compile_documents
from aigw_extproc.errors import ConfigError
from tests.config.sample import SECRET, sample

CANARY = "Canary+/8"
INI = f"[default]\naws_access_key_id = {CANARY}\naws_secret_access_key = {CANARY}\n"
SECRETS = {
    "Secret": {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "secret", "namespace": "default", "labels": {"a": CANARY}, "annotations": {"b": CANARY}},
        "type": "Opaque",
        "data": {"apiKey": CANARY},
        "stringData": {"credentials": INI, "other": CANARY},
    },
    "ConfigMap": {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "authorities", "namespace": "default"},
        "data": {"ca.crt": CANARY, "other": CANARY},
    },
}
OTHERS = sample(
    ("wellKnownCACertificates: System", "caCertificateRefs: [{group: '', kind: ConfigMap, name: authorities}]"),
    without=(SECRET,),
)
SHAPES = (CANARY, [CANARY], [{CANARY: CANARY}], {CANARY: CANARY}, {"name": CANARY}, 8, None, True)
BREAKS = (
    "'",
    '"',
    "[",
    "]",
    "{",
    "}",
    ":",
    ": ",
    "\t",
    "\n",
    " *",
    " &",
    " !",
    "!!int ",
    "!!bool ",
    "%",
    "@",
    "`",
    "|",
    "<<",
)


def messages(files: dict[str, str]) -> str:
    """Return everything that loading these files says, in lower case."""
    try:
        return "\n".join(map(str, compile_documents(files).ignored)).lower()
    except ConfigError as error:
        return str(error).lower()


def places(value: Any) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield every mapping below a value, with each of its keys."""
    if isinstance(value, dict):
        for key, member in value.items():
            yield value, key
            yield from places(member)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, str]:
    """Draw a Secret or ConfigMap with canaries at wrong places, as a file of YAML or JSON, perhaps in a List."""
    document: Any = deepcopy(SECRETS[draw(st.sampled_from(sorted(SECRETS)))])
    for _ in range(draw(st.integers(0, 3))):
        mapping, key = draw(st.sampled_from(list(places(document))))
        match draw(st.sampled_from(("value", "key", "more", "gone"))):
            case "value":
                mapping[key] = deepcopy(draw(st.sampled_from(SHAPES)))
            case "key":
                mapping[CANARY] = mapping.pop(key)
            case "more":
                mapping[draw(st.sampled_from(("credentials", "kinds", CANARY)))] = CANARY
            case "gone":
                del mapping[key]
        if not document:
            break
    if draw(st.booleans()):
        document = {"apiVersion": "v1", "kind": draw(st.sampled_from(("List", "SecretList"))), "items": [document]}
    as_json = draw(st.booleans())
    text = json.dumps(document, indent=1) if as_json else yaml.safe_dump(document, sort_keys=False)
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.sampled_from(BREAKS)) + text[at:]
    lines = text.splitlines(keepends=True)
    if draw(st.booleans()):  # a key twice
        at = draw(st.integers(0, max(len(lines) - 1, 0)))
        text = "".join([*lines[: at + 1], *lines[at:]])
    return {"others.yaml": OTHERS, f"secret.{'json' if as_json else 'yaml'}": text}


@given(documents())
def test_no_message_has_anything_of_a_secret(files: dict[str, str]) -> None:
    assert "canary" not in messages(files)


@pytest.mark.parametrize(
    "text",
    [
        CANARY,
        f"- {CANARY}",
        f"kind: Secret\napiVersion: {CANARY}",
        f"kind: secret\ncredentials: {CANARY}",
        f"kind: {CANARY}\nmetadata: {{name: {CANARY}}}",
        f"kind: Secret\nmetadata: {{name: a, {CANARY}: b, {CANARY}: b}}",
        f"kind: Secret\nstringData: {{a: !{CANARY} b}}",
        f"kind: Secret\nstringData: {{a: !!int {CANARY}}}",
        f"kind: Secret\nstringData: {{a: !!timestamp {CANARY}}}",
        f"kind: Secret\nstringData: {{a: *{CANARY}}}",
        f"kind: Secret\nstringData: {{? [{CANARY}] : a}}",
        f"kind: Secret\nstringData: {{a: {'8' * 5000}}}\n{CANARY}: a",
    ],
    ids=range(12),
)
def test_broken_files_say_nothing_of_their_text(text: str) -> None:
    said = messages({"secret.yaml": text, "secret.json": json.dumps(text)})
    assert said.count("document 1") >= 1
    assert "canary" not in said


@pytest.mark.parametrize(
    "text",
    [
        f"[default]\n{CANARY} = a\n",
        f"[{CANARY}]\na = b\n",
        f"[default]\nsource_profile = {CANARY}\nrole_arn = {CANARY}\n[{CANARY}]\naws_access_key_id = a\n",
        f"[default]\naws_access_key_id = a\naws_secret_access_key = b\n{CANARY} = c\nsso_{CANARY} = d\n",
        f"{CANARY}\n[default]\n",
        f"[default]\n[default]\n{CANARY}\n",
    ],
    ids=range(6),
)
def test_a_credentials_file_is_not_quoted(text: str) -> None:
    secret = {**SECRETS["Secret"], "stringData": {"credentials": text}}
    assert "canary" not in messages({"a.yaml": sample(without=(SECRET,)), "secret.json": json.dumps(secret)})


def test_the_documents_are_those_that_the_others_refer_to() -> None:
    said = messages({"others.yaml": OTHERS})
    assert ("there is no secret 'default/secret'" in said, "there is no configmap 'default/authorities'" in said) == (
        True,
        True,
    )
