"""Metrics and their names; dashboards of the reference system use the `gen_ai_*` ones."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from typing import Any

import pytest
from prometheus_client import REGISTRY, Histogram

from aigw_extproc import metrics
from aigw_extproc.aws.identity import Credentials
from aigw_extproc.config.snapshot import Address, AwsAuth, Backend, Rule, Schema, Snapshot, Upstream
from aigw_extproc.config.traffic import Retry
from aigw_extproc.errors import InvalidRequest, InvalidUpstreamResponse, ModelNotFound, UpstreamError
from aigw_extproc.exchange.messages import Outcome
from aigw_extproc.exchange.spending import SpentTokens
from aigw_extproc.label_headers import VARIABLE, label_headers
from aigw_extproc.metrics import (
    MAX_CLIENTS,
    MAX_LABEL_SETS,
    MAX_NAME_CHARACTERS,
    MAX_RESULTS,
    Timeline,
    latencies,
    record,
    record_spending,
)
from aigw_extproc.routing import Attempt
from aigw_extproc.translate.contract import TokenCounts

BACKEND = Backend(
    name="default/b/route/r/rule/0/ref/0",
    schema=Schema(name="AWSBedrock"),
    upstream=Upstream(cluster="default/b", host="b.test", addresses=(Address(host="b.test", port=443),)),
    auth=AwsAuth(region="xx-test-1", source=Credentials(access_key_id="AKID", secret_access_key="secret")),
)
LABELS = {
    "gen_ai_operation_name": "chat",
    "gen_ai_provider_name": "aws.bedrock",
    "gen_ai_original_model": "mine",
    "gen_ai_request_model": "amazon.nova",
    "gen_ai_response_model": "amazon.nova",
}
USAGE = TokenCounts(input_tokens=100, output_tokens=11, total_tokens=111)
TIMES = Timeline(started=10.0, first_piece=10.5, ended=12.5)


class Changes:
    """The changes of all samples since the beginning of the test."""

    def __init__(self) -> None:
        self._before = self._samples()

    def added(self, prefix: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
        before = self._before
        changes = {key: value - before.get(key, 0.0) for key, value in self._samples().items()}
        return {key: change for key, change in changes.items() if change and key[0].startswith(prefix)}

    def value(self, name: str, **labels: str) -> float:
        return sum(change for (key, has), change in self.added(name).items() if key == name and labels == dict(has))

    @staticmethod
    def _samples() -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
        samples = itertools.chain.from_iterable(family.samples for family in REGISTRY.collect())
        return {(one.name, tuple(sorted(one.labels.items()))): one.value for one in samples}


@pytest.fixture
def changes(monkeypatch: pytest.MonkeyPatch) -> Changes:
    monkeypatch.setattr(metrics, "_own_sets", set())
    monkeypatch.setattr(metrics, "_own_characters", 0)
    monkeypatch.setattr(metrics, "_own_clients", set())
    monkeypatch.setattr(metrics, "_own_results", set())
    monkeypatch.setattr(metrics, "_own_priced", set())
    monkeypatch.setattr(metrics, "_own_priced_characters", 0)
    return Changes()


def outcome(**fields: Any) -> Outcome:
    usual = {"operation": "chat", "model": "mine", "request_model": "amazon.nova", "backend": BACKEND, "status": 200}
    return Outcome(**{**usual, **fields})


def bounds(histogram: Histogram) -> list[float]:
    return [bound for bound in histogram._upper_bounds if bound != float("inf")]


def test_buckets_of_token_usage() -> None:
    assert bounds(metrics.TOKEN_USAGE) == [
        1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864,
    ]  # fmt: skip


def test_buckets_of_request_duration() -> None:
    assert bounds(metrics.REQUEST_DURATION) == [
        0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
    ]  # fmt: skip


def test_buckets_of_the_time_to_the_first_token() -> None:
    assert bounds(metrics.TIME_TO_FIRST_TOKEN) == [
        0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 15, 20, 30, 45, 60,
    ]  # fmt: skip


def test_buckets_of_the_time_per_token() -> None:
    assert bounds(metrics.TIME_PER_OUTPUT_TOKEN) == [
        0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5,
    ]  # fmt: skip


def test_a_success_is_timed(changes: Changes) -> None:
    record(outcome(), TIMES)
    assert changes.value("gen_ai_server_request_duration_seconds_sum", **LABELS, error_type="") == 2.5
    assert changes.value("aigw_exchanges_total", operation="chat", status="200", code="") == 1


def test_tokens_are_counted_by_their_kind(changes: Changes) -> None:
    record(outcome(usage=USAGE), TIMES)
    kinds = ("input", "output", "cached_input", "cache_creation_input")
    name = "gen_ai_client_token_usage_token_sum"
    tokens = {kind: changes.value(name, **LABELS, gen_ai_token_type=kind) for kind in kinds}
    assert tokens == {"input": 100, "output": 11, "cached_input": 0, "cache_creation_input": 0}


def test_the_latency_that_bedrock_reports_is_recorded(changes: Changes) -> None:
    for latency in (1500, 250, None):
        record(outcome(usage=TokenCounts(latency_ms=latency)), TIMES)
    assert changes.value("aigw_bedrock_latency_seconds_count", **LABELS) == 2
    assert changes.value("aigw_bedrock_latency_seconds_sum", **LABELS) == 1.75


def test_tokens_of_a_cache_are_counted_separately(changes: Changes) -> None:
    usage = TokenCounts(
        input_tokens=100,
        output_tokens=0,
        cached_input_tokens=60,
        cache_creation_input_tokens=7,
        long_cache_creation_input_tokens=5,
    )
    record(outcome(usage=usage), TIMES)
    name = "gen_ai_client_token_usage_token_sum"
    assert changes.value(name, **LABELS, gen_ai_token_type="cached_input") == 60
    assert changes.value(name, **LABELS, gen_ai_token_type="cache_creation_input") == 7
    assert changes.value(name, **LABELS, gen_ai_token_type="long_cache_creation_input") == 5
    counts = [labels for key, labels in changes.added("gen_ai_client_token_usage_token_count")]
    assert sorted(dict(labels)["gen_ai_token_type"] for labels in counts) == [
        "cache_creation_input", "cached_input", "input", "long_cache_creation_input", "output",
    ]  # fmt: skip


def test_a_stream_is_timed_to_its_first_piece_and_per_token_after_it(changes: Changes) -> None:
    record(outcome(stream=True, usage=USAGE), TIMES)
    assert changes.value("gen_ai_server_time_to_first_token_seconds_sum", **LABELS) == 0.5
    assert changes.value("gen_ai_server_time_per_output_token_seconds_sum", **LABELS) == 0.2


def test_a_buffered_response_has_no_time_to_the_first_token(changes: Changes) -> None:
    record(outcome(usage=USAGE), TIMES)
    assert changes.added("gen_ai_server_time_to_first_token") == {}


def test_one_token_has_no_time_per_token(changes: Changes) -> None:
    record(outcome(stream=True, usage=TokenCounts(output_tokens=1)), TIMES)
    assert changes.added("gen_ai_server_time_per_output_token") == {}


def test_a_failure_is_counted_once(changes: Changes) -> None:
    error = UpstreamError("slow down", status=429, type="rate_limit_error", code="throttling_exception")
    record(outcome(status=429, error=error, named=True), TIMES)
    assert changes.added("aigw_exchanges_total") == {
        ("aigw_exchanges_total", (("code", "throttling_exception"), ("operation", "chat"), ("status", "429"))): 1
    }
    assert changes.value("gen_ai_server_request_duration_seconds_count", **LABELS, error_type="_OTHER") == 1
    assert changes.added("aigw_translation_failures_total") == {}


def test_a_failed_stream_is_a_failure_although_its_status_is_200(changes: Changes) -> None:
    record(outcome(stream=True, error=InvalidUpstreamResponse("damaged"), named=True), TIMES)
    assert changes.value("gen_ai_server_request_duration_seconds_count", **LABELS, error_type="_OTHER") == 1
    assert changes.value("aigw_exchanges_total", operation="chat", status="200", code="upstream_error") == 1


def test_a_request_without_a_rule_is_counted_but_has_no_model(changes: Changes) -> None:
    record(outcome(backend=None, model="", request_model="", status=404, error=ModelNotFound("none")), TIMES)
    assert changes.value("aigw_exchanges_total", operation="chat", status="404", code="model_not_found") == 1
    assert changes.added("gen_ai_") == {}


def test_an_error_without_a_code_is_counted_by_its_type(changes: Changes) -> None:
    record(outcome(backend=None, status=400, error=InvalidRequest("no")), TIMES)
    assert changes.value("aigw_exchanges_total", operation="chat", status="400", code="invalid_request_error") == 1


@pytest.mark.parametrize(
    ("error", "phase"),
    [(InvalidRequest("no"), "request"), (InvalidUpstreamResponse("no"), "response")],
    ids=["request", "response"],
)
def test_a_failed_translation_is_counted_by_its_phase(changes: Changes, error: Any, phase: str) -> None:
    record(outcome(status=error.status, error=error), TIMES)
    assert changes.value("aigw_translation_failures_total", operation="chat", phase=phase) == 1


def test_dropped_parameters_are_counted_once_per_request(changes: Changes) -> None:
    record(outcome(dropped=("seed", "logit_bias")), TIMES)
    assert changes.value("aigw_dropped_parameters_total", operation="chat") == 1


@pytest.mark.parametrize(("signed", "count"), [(True, 1), (False, 0)])
def test_signatures_are_counted_by_region(changes: Changes, signed: bool, count: int) -> None:
    record(outcome(signed=signed), TIMES)
    assert changes.value("aigw_signatures_total", region="xx-test-1") == count


def models(changes: Changes) -> dict[str, float]:
    """Return the number of exchanges by the client's model name."""
    added = changes.added("gen_ai_server_request_duration_seconds_count")
    return {dict(labels)["gen_ai_original_model"]: count for (_, labels), count in added.items()}


def test_model_names_are_bounded(changes: Changes) -> None:
    """Clients can choose them, and each one adds about a hundred samples."""
    for number in range(MAX_LABEL_SETS + 10):
        record(outcome(model=f"client-{number}"), TIMES)
    assert len(models(changes)) == MAX_LABEL_SETS + 1
    assert models(changes)["other"] == 10


def test_the_length_of_all_names_is_bounded(changes: Changes) -> None:
    for number in range(10):
        record(outcome(model=str(number) * (MAX_NAME_CHARACTERS // 4)), TIMES)
    assert sorted(map(len, models(changes))) == [len("other"), *[MAX_NAME_CHARACTERS // 4] * 3]


@pytest.mark.parametrize(
    ("fields", "label"),
    [
        ({"status": 404}, "other"),
        ({"status": 200, "error": InvalidUpstreamResponse("no")}, "other"),
        ({"status": 404, "named": True}, "mine"),
        ({"status": 200}, "mine"),
    ],
    ids=["refused", "broken", "refused, but a rule names it", "answered"],
)
def test_only_names_of_rules_and_of_answered_requests_are_labels(
    changes: Changes, fields: dict[str, Any], label: str
) -> None:
    record(outcome(**fields), TIMES)
    assert list(models(changes)) == [label]


def test_a_name_that_was_answered_keeps_its_label_when_it_fails(changes: Changes) -> None:
    record(outcome(), TIMES)
    record(outcome(status=429, error=InvalidRequest("no")), TIMES)
    assert set(models(changes)) == {"mine"}


def test_requests_are_counted_by_client(changes: Changes) -> None:
    for client, status in (("team-a", 200), ("team-a", 403), ("team-b", 200), ("team-a", 200), ("", 401)):
        record(Outcome(operation="chat", client=client, status=status), TIMES)
    assert changes.value("aigw_client_requests_total", client="team-a", status="200") == 2
    assert changes.value("aigw_client_requests_total", client="team-a", status="403") == 1
    assert changes.value("aigw_client_requests_total", client="team-b", status="200") == 1
    assert len(changes.added("aigw_client_requests_total")) == 3


def test_only_so_many_clients_have_labels_of_their_own(changes: Changes) -> None:
    for number in range(MAX_CLIENTS + 10):
        record(Outcome(operation="chat", client=f"team-{number}", status=200), TIMES)
    assert len(changes.added("aigw_client_requests_total")) == MAX_CLIENTS + 1
    assert changes.value("aigw_client_requests_total", client="other", status="200") == 10


def test_codes_that_an_upstream_invents_are_not_all_labels(changes: Changes) -> None:
    codes = [*(f"code-{number}" for number in range(MAX_RESULTS + 5)), "x" * 100]
    for code in codes:
        error = UpstreamError("no", status=400, type="invalid_request_error", code=code)
        record(Outcome(operation="chat", status=400, error=error), TIMES)
    counted = {dict(labels)["code"]: count for (_, labels), count in changes.added("aigw_exchanges_total").items()}
    assert len(counted) == MAX_RESULTS + 1
    assert counted["other"] == 6


def test_the_model_that_a_prompt_router_chose_is_the_one_that_answered(changes: Changes) -> None:
    record(outcome(usage=TokenCounts(input_tokens=1, invoked_model="chosen")), TIMES)
    labels = {**LABELS, "gen_ai_response_model": "chosen", "error_type": ""}
    assert changes.value("gen_ai_server_request_duration_seconds_count", **labels) == 1


BROKEN = UpstreamError("no", status=502, type="api_error", code=None)
ATTEMPT = Attempt(backend=BACKEND, retry=Retry(retries=1), varied=False, limit=1)


@pytest.mark.parametrize(
    ("ended", "over", "kind"),
    [
        (outcome(), True, "ok"),
        (outcome(status=400), True, "refused"),
        (outcome(status=429), True, "throttled"),
        (outcome(status=503), True, "failed"),
        (outcome(stream=True, error=BROKEN), True, "broken"),
        (outcome(stream=True), False, "incomplete"),
        (outcome(status=0), True, "incomplete"),
        (outcome(stream=True, attempt=ATTEMPT), True, "ok"),  # of the request that this attempt answers
        (outcome(stream=True, attempt=ATTEMPT, error=BROKEN), True, "broken"),
        (outcome(stream=False, backend=None), True, "ok"),
    ],
)
def test_a_request_is_counted_by_how_it_has_ended(changes: Changes, ended: Outcome, over: bool, kind: str) -> None:
    record(ended, TIMES, over=over)
    assert changes.added("aigw_outcomes_total") == {
        ("aigw_outcomes_total", (("operation", "chat"), ("outcome", kind))): 1
    }


@pytest.mark.parametrize(
    ("ended", "times"),
    [
        (outcome(stream=True, backend=None), TIMES),  # delegated, and its attempt has begun to answer
        (outcome(attempt=ATTEMPT), TIMES),  # whole: the request's own exchange knows how it ends
        (outcome(stream=True, attempt=ATTEMPT, status=429), TIMES),
        (outcome(stream=True, attempt=ATTEMPT), Timeline(started=10.0, ended=12.5)),
    ],
)
def test_a_request_with_attempts_is_counted_once(changes: Changes, ended: Outcome, times: Timeline) -> None:
    record(ended, times)
    assert changes.added("aigw_outcomes_total") == {}


def test_what_can_happen_is_counted_from_0() -> None:
    metrics.expect(Snapshot(rules=(Rule(name="r", backends=(BACKEND,), owned_by="us", created=0),)))
    assert REGISTRY.get_sample_value("aigw_signing_failures_total", {"region": "xx-test-1"}) is not None
    for operation in metrics.OPERATIONS:
        for kind in metrics.OUTCOMES:
            assert (
                REGISTRY.get_sample_value("aigw_outcomes_total", {"operation": operation, "outcome": kind}) is not None
            )


MANY_VALUES = """
from tests.test_metrics import *

for number in range(1000):
    record(outcome(), TIMES, values=(f"team-{number}",))
record(outcome(status=429), TIMES, values=("never-answered",))
for number in range(300):
    record(outcome(model=f"model-{number}"), TIMES, values=("",))
samples = metrics.REQUEST_DURATION.collect()[0].samples
teams = {sample.labels["team"] for sample in samples}
models = {sample.labels["gen_ai_original_model"] for sample in samples}
print(len(teams), "other" in teams, "never-answered" in teams, len(models), "other" in models)
"""


def test_values_of_headers_leave_space_for_the_names_of_models() -> None:
    """The labels are set when the module is imported, hence a process of its own."""
    environment = {**os.environ, VARIABLE: "x-team:team"}
    command = [sys.executable, "-c", MANY_VALUES]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["101", "True", "False", "101", "True"], done.stderr


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("X-Team:team, x-project:my.project", {"team": "x-team", "my_project": "x-project"}),
    ],
)
def test_headers_that_are_labels(text: str, expected: dict[str, str]) -> None:
    assert label_headers(text) == expected


@pytest.mark.parametrize(
    "text", ["x-team", "x-team:", ":team", "x-team:le", "a:b,c:b", "x:gen_ai_x", "x y:z", "a:a,b:b,c:c,d:d,e:e,f:f"]
)
def test_headers_that_cannot_be_labels(text: str) -> None:
    with pytest.raises(ValueError, match=VARIABLE):
        label_headers(text)


# --- costs ------------------------------------------------------------------------------------------------------


def spending(**fields: Any) -> SpentTokens:
    usual: dict[str, Any] = {
        "operation": "chat",
        "client": "alice",
        "model": "amazon.nova",
        "name": BACKEND.name,
        "backend": "default/b",
        "route": "default/r",
        "counts": USAGE,
        "cost": 7,
    }
    return SpentTokens(**{**usual, **fields})


def test_costs_are_counted_by_model_and_by_client(changes: Changes) -> None:
    record_spending(spending())
    record_spending(spending(client="", cost=5))
    cost = changes.value("aigw_cost_microdollars_total", backend="default/b", model="amazon.nova", estimated="false")
    assert cost == 12
    assert changes.added("aigw_client_cost_microdollars_total") == {
        ("aigw_client_cost_microdollars_total", (("client", "alice"),)): 7
    }
    assert changes.added("aigw_estimated") == changes.added("aigw_unpriced") == {}


def test_models_without_a_price_are_named(changes: Changes) -> None:
    record_spending(spending(cost=None))
    assert changes.value("aigw_unpriced_exchanges_total", backend="default/b", model="amazon.nova") == 1
    assert changes.added("aigw_cost") == changes.added("aigw_client_cost") == {}


def test_estimates_are_counted_apart(changes: Changes) -> None:
    record_spending(spending())
    record_spending(spending(estimated=True))
    labels = {"backend": "default/b", "model": "amazon.nova", "estimated": "true"}
    assert changes.value("aigw_cost_microdollars_total", **labels) == 7
    kinds = {
        kind: changes.value("aigw_estimated_tokens_total", operation="chat", type=kind) for kind in ("input", "output")
    }
    assert kinds == {"input": 100, "output": 11}
    record(outcome(usage=USAGE, estimated=True, stream=True), TIMES)
    assert changes.added("gen_ai_client_token") == changes.added("gen_ai_server_time_per") == {}


def test_costs_that_fail_are_counted(changes: Changes) -> None:
    record_spending(spending(values={"a": 0}, faults={"a": "its value is -1"}))
    assert changes.value("aigw_request_cost_faults_total", key="a") == 1


def test_names_of_models_with_a_cost_are_limited(changes: Changes) -> None:
    """An estimate gives no name a label: a client that leaves at once could fill them all."""
    record_spending(spending(model="made up", estimated=True))
    for number in range(MAX_LABEL_SETS + 5):
        record_spending(spending(model=f"model-{number}", client=""))
    names = {dict(labels)["model"] for _, labels in changes.added("aigw_cost_microdollars_total")}
    assert len(names) == MAX_LABEL_SETS + 1
    assert "other" in names
    record_spending(spending(model="n" * MAX_NAME_CHARACTERS, client=""))
    assert changes.value("aigw_cost_microdollars_total", backend="default/b", model="other", estimated="false") == 42


def test_latencies_of_a_stream() -> None:
    assert latencies(TIMES, spending(), 12.5) == {"token_latency_ttft": 0.5, "token_latency_itl": 0.2}
    assert latencies(TIMES, spending(counts=TokenCounts(output_tokens=1)), 12.5) == {"token_latency_ttft": 0.5}
    assert latencies(Timeline(started=1.0), spending(), 12.5) == {}
