"""The lists on the pages are complete, and contain nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec
import pytest
from prometheus_client import REGISTRY

from aigw_extproc import errors, metrics
from aigw_extproc.bedrock import errors as bedrock_errors
from aigw_extproc.bedrock.families import Family, base_model
from aigw_extproc.cli import app
from aigw_extproc.config.compile import credential_sources, settings, tokens
from aigw_extproc.config.resources.kinds import KINDS
from aigw_extproc.config.resources.other_kinds import IGNORED, REFUSED
from aigw_extproc.envoy.access_log import FIELDS
from aigw_extproc.envoy.local_replies import REPLIES
from aigw_extproc.exchange.response import DROPPED_HEADER
from aigw_extproc.exchange.response_headers import FAMILIES_FOR_CLIENTS, FOR_CLIENTS
from aigw_extproc.exchange.upstream import FORWARDED
from aigw_extproc.openai.chat import AwsExtension
from aigw_extproc.simulator.faults import FAULTS
from tests.docs.pages import PAGES, ROOT, quoted, table

OPERATIONS, OBSERVABILITY, MODELS = "docs/operations.md", "docs/observability.md", "docs/models.md"


def first_cells(page: str, heading: str) -> list[str]:
    return [name for row in table(page, heading) for name in quoted(row[0])]


# --- metrics ----------------------------------------------------------------------------------------------------


def existing_metrics() -> dict[str, set[str]]:
    """Return the labels of each metric, by its name in Prometheus."""
    labels = {}
    for value in vars(metrics).values():
        if hasattr(value, "_labelnames"):
            name = value._name + ("_total" if value._type == "counter" else "")
            labels[name] = set(value._labelnames)
    return labels


def documented_metrics() -> dict[str, list[str]]:
    return {
        quoted(row[0])[0]: row for row in table(OBSERVABILITY, "## Metrics") if quoted(row[0])[0] in existing_metrics()
    }


def test_every_metric_is_on_the_page_and_no_other() -> None:
    names = re.findall(r"\b(?:aigw|gen_ai)_\w+", PAGES[OBSERVABILITY])
    labels = {label for has in existing_metrics().values() for label in has}
    assert set(names) - labels == set(existing_metrics())
    assert set(documented_metrics()) == set(existing_metrics())


def test_the_metrics_are_registered() -> None:
    registered = {family.name for family in REGISTRY.collect()}
    assert {name.removesuffix("_total") for name in existing_metrics()} <= registered


@pytest.mark.parametrize("name", existing_metrics())
def test_every_label_of_a_metric_is_named(name: str) -> None:
    common = set(metrics._LABELS) & existing_metrics()[name]
    assert common <= set(quoted(PAGES[OBSERVABILITY]))
    assert existing_metrics()[name] - common <= set(quoted(documented_metrics()[name][1]))


# --- errors -----------------------------------------------------------------------------------------------------


def error_classes(base: type[errors.GatewayError] = errors.GatewayError) -> Iterator[type[errors.GatewayError]]:
    yield base
    for child in base.__subclasses__():
        yield from error_classes(child)


def own_errors() -> set[tuple[int, str, str | None]]:
    own = {(cls.status, cls.type, cls.code) for cls in error_classes() if not issubclass(cls, errors.UpstreamError)}
    return own - {(500, "api_error", None)}  # the base class, which is never raised


def documented_errors() -> set[tuple[int, str, str | None]]:
    """Return the rows of the tables, one for each status."""
    rows = set()
    for statuses, kind, code, *_ in table(OPERATIONS, "## Errors"):
        for status in statuses.split(", "):
            rows.add((int(status), quoted(kind)[0], (quoted(code) or [None])[0]))
    return rows


def test_the_gateways_own_errors_are_on_the_page() -> None:
    assert own_errors() - documented_errors() == set()


def test_envoys_errors_are_on_the_page() -> None:
    existing = {(reply.type, reply.code) for reply in REPLIES}
    assert existing - {(kind, code) for _, kind, code in documented_errors()} == set()


def test_bedrocks_errors_are_on_the_page() -> None:
    answers = bedrock_errors.ANSWERS.items()
    missing = [name for name, _ in answers if name.removesuffix("Exception") not in PAGES[OPERATIONS]]
    wrong = [name for name, one in answers if (one.status, one.type) not in {row[:2] for row in documented_errors()}]
    assert (missing, wrong) == ([], [])


def test_every_code_on_the_page_exists() -> None:
    existing = {code for _, _, code in own_errors()} | {reply.code for reply in REPLIES}
    for name, answer in bedrock_errors.ANSWERS.items():
        existing.add(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower() if answer.named else answer.code)
    existing |= {"context_length_exceeded", errors.UpstreamTruncated().code, errors.InvalidUpstreamResponse("").code}
    assert {code for _, _, code in documented_errors()} - existing == set()


# --- the rest ---------------------------------------------------------------------------------------------------


def test_the_commands() -> None:
    listed = [cell.split()[1] for cell in first_cells(OPERATIONS, "## Commands")]
    assert set(listed) == set(app.commands)


def test_the_fields_of_the_access_log() -> None:
    assert sorted(first_cells(OBSERVABILITY, "## Access log")) == sorted(FIELDS)


def test_the_headers_of_responses() -> None:
    passed_on = {*FOR_CLIENTS, *(f"{family}*" for family in FAMILIES_FOR_CLIENTS)}
    assert set(first_cells(OPERATIONS, "## Response headers")) == {"x-request-id", DROPPED_HEADER, *passed_on}


def test_the_headers_that_leave_the_gateway() -> None:
    (item,) = [item for item in PAGES[OPERATIONS].split("\n* ") if item.startswith("Of a client's headers only")]
    assert set(quoted(item)) == FORWARDED


def test_the_faults_of_the_simulator() -> None:
    assert first_cells("docs/simulator.md", "## Faults on demand") == list(FAULTS)


def test_the_kinds_of_resources() -> None:
    *rows, others = table("docs/configuration.md", "## The kinds")
    ignored = {name for row in rows if row[2] == "the kind" for name in row[0].split(", ")}
    refused = {name for row in rows if row[3] == "the kind" for name in row[0].split(", ")}
    listed = {name for row in rows for name in row[0].split(", ")}
    assert others[0].startswith("ServiceAccount, and other kinds")
    assert ignored == {kind for _, kind in IGNORED} - {"ServiceAccount"}
    assert refused == {kind for _, kind in REFUSED}
    assert listed - ignored - refused == {kind for _, kind in KINDS}


def test_the_annotations() -> None:
    listed = first_cells("docs/configuration.md", "## Annotations")
    ours = (settings.PREFIX + name for name in settings._SETTINGS)
    assert listed == [*ours, tokens.CLIENT_CLAIM, credential_sources.ASSUME_ROLE]


def test_the_members_of_the_aws_extension() -> None:
    listed = first_cells("docs/chat-completions.md", "## Options that only Bedrock has")
    assert listed == [field.encode_name for field in msgspec.structs.fields(AwsExtension)]


def test_the_facts_about_models() -> None:
    assert sorted(first_cells(MODELS, "### The facts")) == sorted(Family.__struct_fields__)


def test_what_is_assumed_of_models_without_facts() -> None:
    defaults = {field.encode_name: field.default for field in msgspec.structs.fields(Family)}
    stated = {quoted(row[0])[0]: row[-1] for row in table(MODELS, "### The facts")}
    assert [name for name, text in stated.items() if text not in in_words(defaults[name])] == []


def in_words(default: object) -> set[str]:
    """Return the texts that the page may use for a default."""
    if isinstance(default, int):
        return {str(default).lower()}
    if isinstance(default, str):
        return {default or "empty"}
    return {"all"} if isinstance(default, tuple) and default else {"none", "nowhere"}


def test_the_prefixes_of_inference_profiles() -> None:
    prefixes = [text for text in quoted(PAGES[MODELS].split("### The facts")[0]) if re.fullmatch(r"[a-z-]+\.", text)]
    assert len(prefixes) > 5
    assert {base_model(f"{prefix}maker.model") for prefix in prefixes} == {"maker.model"}


@pytest.mark.parametrize(
    "file",
    ["docker-compose.yaml", "tests/golden/helm/default.yaml", "aigw_extproc/run/envoy.py", "docs/existing-envoy.md"],
)
def test_envoy_writes_its_log_within_a_second_everywhere(file: str) -> None:
    """Envoy's own interval is ten seconds, and only an option of its command line changes it."""
    (interval,) = re.findall(r"--file-flush-interval-msec\D+(\d+)", (ROOT / file).read_text())
    assert 0 < int(interval) <= 1000
