"""Explanations: the form, and a report side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from aigw_extproc.explain.explanation import (
    BackendReport,
    Change,
    EnvoyRoute,
    Explanation,
    Outgoing,
    Refusal,
    Signature,
    Verdict,
)
from aigw_extproc.explain.report import words
from aigw_extproc.page.markup import Child, Html, join, tag
from aigw_extproc.page.views.json_lines import marked
from aigw_extproc.page.views.layout import badge, code, document, facts, section, table
from aigw_extproc.translate.registry import ENDPOINTS

EXAMPLE = """{
  "model": "MODEL",
  "messages": [{"role": "user", "content": "Hello!"}],
  "temperature": 1.5,
  "seed": 7
}"""


def form(path: str, headers: str, body: str, *report: Child) -> str:
    """Return the page with the request in its form, and the report below."""
    paths = (tag("option", each, value=each, selected=each == path) for each in ENDPOINTS)
    fields = tag(
        "form",
        tag(
            "div",
            tag("label", "Endpoint", tag("select", *paths, name="path")),
            tag(
                "label",
                "Headers, one a line",
                tag("textarea", headers, name="headers", rows=2, spellcheck="false", placeholder="x-tier: premium"),
            ),
            class_="two",
        ),
        tag("label", "Body", tag("textarea", body, name="body", rows=10, class_="code", spellcheck="false")),
        tag("div", tag("button", "Explain", type="submit", class_="primary"), class_="buttons"),
        method="post",
        action="/explain",
        class_="card",
    )
    intro = tag("p", "What the gateway would do with a request. Nobody is called, and nothing is sent.")
    return document("Explain", intro, fields, *report, path="/explain")


def report(explanation: Explanation, body: bytes) -> Html:
    """Return a report on a request with this body."""
    refused = explanation.refusal
    admitted = None if explanation.admitted else tag("p", "What follows is for a client that may use the rule.")
    return tag(
        "div",
        _summary(explanation),
        _refusal(refused) if refused is not None else None,
        admitted,
        *(tag("p", note, class_="note") for note in explanation.notes),
        _rules(explanation.verdicts),
        *(_backend(number, backend, explanation, body) for number, backend in enumerate(explanation.backends, start=1)),
        id="report",
    )


def fault(text: str) -> Html:
    """Return why there is no report."""
    return tag("div", tag("p", text, class_="refusal"), id="report", role="alert")


def _summary(explanation: Explanation) -> Html:
    served = badge("served", "good") if explanation.served else badge("refused", "bad")
    return facts(
        ("Answer", served),
        ("Endpoint", explanation.endpoint or explanation.path),
        ("Model", explanation.model),
        ("Client", explanation.client or "not known"),
        ("Streamed", "yes" if explanation.stream else "no"),
        ("Body", f"{explanation.bytes:,} of {explanation.limit:,} bytes"),
    )


def _refusal(refusal: Refusal) -> Html:
    return tag(
        "div",
        tag("p", tag("strong", str(refusal.status)), " ", refusal.message),
        tag("p", "→ ", refusal.next_step) if refusal.next_step else None,
        class_="refusal" if refusal.status >= 300 else "answer",
        role="alert",
    )


def _rules(verdicts: Iterable[Verdict]) -> Html | None:
    rows: list[tuple[Child, ...]] = [
        (join(code(each.rule), " ", badge("chosen", "good") if each.chosen else None), each.reason) for each in verdicts
    ]
    return section("Rules", table(("Rule", "Why"), rows, caption="Rules and why they apply or not")) if rows else None


def _backend(number: int, backend: BackendReport, explanation: Explanation, body: bytes) -> Html:
    place = f"priority {backend.priority}, {backend.share:g} %" if explanation.failover else f"{backend.share:g} %"
    title = f"{number}. {backend.name.partition('/route/')[0]}"
    return tag(
        "section",
        tag("h2", title, " ", badge(place), badge(backend.schema)),
        tag("p", explanation.failover) if explanation.failover and number == 1 else None,
        *(tag("p", note, class_="note") for note in backend.notes),
        _refusal(backend.refusal) if backend.refusal is not None else None,
        _changes(backend.changes),
        _sides(backend, body),
    )


def _changes(changes: Iterable[Change]) -> Html | None:
    rows: list[tuple[Child, ...]] = [
        (
            tag("mark", change.kind, class_=change.kind),
            code(change.place),
            " → ".join(filter(None, (change.before, change.after))),
            change.reason,
        )
        for change in changes
    ]
    return table(("Change", "Field", "Before → after", "Why"), rows, caption="Changes") if rows else None


def _sides(backend: BackendReport, body: bytes) -> Html | None:
    if not backend.requests:
        return None
    first, *others = backend.requests
    theirs = tag("figure", tag("figcaption", "The client's request"), marked(body, _marks(backend.changes)))
    more = tag("p", f"and {len(others)} more to the same path") if others else None
    ours = tag(
        "figure",
        tag("figcaption", "What goes out: ", code(f"{first.method} {first.path}")),
        marked(bytes(first.body), {}),
        more,
    )
    authority = tag("figure", tag("figcaption", "Its signature and its way"), _way(backend, first))
    return tag("div", theirs, ours, authority, class_="sides")


def _marks(changes: Iterable[Change]) -> Mapping[str, tuple[str, str]]:
    return {change.place: (change.kind, change.reason) for change in changes}


def _way(backend: BackendReport, request: Outgoing) -> Html:
    headers = tag(
        "dl",
        *(tag("div", tag("dt", header.name), tag("dd", header.value)) for header in request.headers),
        class_="headers",
    )
    removed = ", ".join(backend.removed_headers)
    return join(
        _signature(backend.signature) if backend.signature is not None else None,
        tag("h3", "Headers"),
        headers,
        tag("p", "Removed: ", removed, class_="muted") if removed else None,
        _envoy(backend.envoy) if backend.envoy is not None else None,
        join(tag("h3", "Price"), tag("p", words(backend.price))) if backend.price is not None else None,
    )


def _signature(signature: Signature) -> Html:
    scope = facts(
        ("Host", signature.host),
        ("Region", signature.region),
        ("Service", signature.service),
        ("Signed", ", ".join(signature.signed_headers)),
        ("Credentials", signature.source),
    )
    return join(tag("h3", signature.kind), tag("p", signature.reason), scope if signature.source else None)


def _envoy(route: EnvoyRoute) -> Html:
    tls = f"TLS for {route.tls}" if route.tls else "without TLS"
    return join(
        tag("h3", "Envoy"),
        facts(
            ("Cluster", route.cluster),
            ("Address", f"{', '.join(route.addresses)}, {tls}{', HTTP/2' if route.http2 else ''}"),
            ("Route", route.route),
        ),
        tag("p", "; ".join(route.limits)),
    )
