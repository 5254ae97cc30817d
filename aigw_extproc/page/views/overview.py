"""What runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aigw_extproc.page.markup import Child, Html, join, tag
from aigw_extproc.page.source import Backend, RuleView, Status
from aigw_extproc.page.views.layout import badge, code, document, duration, facts, moment, section, table


def overview(status: Status) -> str:
    """Return the page of what runs."""
    return document("Overview", _summary(status), _problems(status), _credentials(status), _rules(status), path="/")


def _summary(status: Status) -> Html:
    config = status.config
    problems = len(config["problems"])
    state = badge("the files have errors", "bad") if problems else badge("in effect", "good")
    recent = f"{status.requests} requests, {status.failed} failed" if status.requests else "no requests yet"
    return facts(
        ("Version", status.version),
        ("Running for", duration(status.now - status.started)),
        ("Workers", "this process" if status.workers is None else str(status.workers)),
        ("Configuration", state),
        ("Loaded", moment(config["loaded_at"]) if config["loaded_at"] else "not yet"),
        ("Changes", f"{config['reloads']} applied, {config['rejections']} rejected"),
        ("Recently", join(recent, " · ", tag("a", "traffic", href="/traffic"))),
    )


def _problems(status: Status) -> Html | None:
    problems, warnings = status.config["problems"], status.warnings
    if not problems and not warnings:
        return None
    errors = tag("ul", *(tag("li", problem) for problem in problems), class_="problems") if problems else None
    said = "The files have errors. What was in effect before stays in effect." if problems else None
    return section(
        "Problems",
        tag("p", said) if said else None,
        errors,
        tag("ul", *(tag("li", warning) for warning in warnings), class_="warnings") if warnings else None,
        id_="problems",
    )


def _credentials(status: Status) -> Html | None:
    if not status.credentials:
        return None
    rows = [_credential(entry) for entry in status.credentials]
    heads = ("Source", "Method", "State", "Expires in", "Process#")
    return section("Credentials", table(heads, rows, caption="Sources of AWS credentials"))


def _credential(entry: Mapping[str, Any]) -> tuple[Child, ...]:
    """Return the row of a source; with several workers each has its own."""
    usable, remaining = entry["usable"], entry["expires_in"]
    state = badge("usable", "good") if usable else badge("none", "bad")
    expires = duration(remaining) if remaining is not None else "never" if usable else ""
    fault = tag("div", entry["error"], class_="muted") if entry["error"] else None
    source = join(entry["source"], fault)
    return (source, entry["method"] or "", state, expires, str(entry.get("pid", "")))


def _rules(status: Status) -> Html:
    return section("Rules", *(_rule(rule) for rule in status.rules))


def _rule(rule: RuleView) -> Html:
    marks = join(
        badge("failover") if rule.failover else None,
        badge(f"policy {rule.policy}") if rule.policy else None,
        *(badge(host) for host in rule.hosts),
    )
    rows = [_backend(backend, rule) for backend in rule.backends]
    heads = (
        "Backend",
        "Schema",
        "Host",
        "Signed for",
        "Credentials",
        "Model",
        "Priority#" if rule.failover else "Weight#",
    )
    return tag(
        "article",
        tag("h3", code(rule.name), " ", marks),
        tag("p", join(*(_alternative(match) for match in rule.matches)), class_="matches"),
        table(heads, rows, caption=f"Backends of {rule.name}"),
        class_="card",
    )


def _alternative(match: str) -> Html:
    return join(code(match), " ")


def _backend(backend: Backend, rule: RuleView) -> tuple[Child, ...]:
    where = tag("span", backend.host, title=", ".join(backend.addresses))
    order = backend.priority if rule.failover else backend.weight
    return (
        backend.name,
        backend.schema,
        where,
        backend.region,
        backend.credentials,
        backend.model or "the client's",
        str(order),
    )
