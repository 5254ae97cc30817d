"""A report for people, on a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from aigw_extproc.explain.bodies import pretty
from aigw_extproc.explain.explanation import (
    BackendReport,
    Change,
    EnvoyRoute,
    Explanation,
    Outgoing,
    PriceEstimate,
    Refusal,
)
from aigw_extproc.printable import printable

_KINDS = {"dropped": "yellow", "aliased": "cyan", "repaired": "magenta"}


def show(explanation: Explanation, console: Console) -> None:
    """Print a report."""
    for part in _parts(explanation):
        console.print(part)


def _parts(explanation: Explanation) -> Iterator[RenderableType]:
    yield _text(f"{explanation.method} {explanation.path}", "bold") + _text(
        "".join(f" · {fact}" for fact in _facts(explanation))
    )
    if explanation.refusal is not None:
        yield _refusal(explanation.refusal)
        if not explanation.admitted:
            yield _text("What follows is for a client that may use the rule.", style="dim")
    for note in explanation.notes:
        yield _text(f"· {note}", style="dim")
    if explanation.verdicts:
        yield _rules(explanation)
    if explanation.failover:
        yield _text(explanation.failover)
    for number, backend in enumerate(explanation.backends, start=1):
        yield Group(*_backend(number, backend, ordered=bool(explanation.failover)))


def _facts(explanation: Explanation) -> Iterator[str]:
    if explanation.model:
        yield f"model {explanation.model}"
    if explanation.client:
        yield f"client {explanation.client}"
    if explanation.stream:
        yield "streamed"
    yield f"{explanation.bytes:,} of {explanation.limit:,} bytes"


def _refusal(refusal: Refusal) -> Text:
    good = refusal.status < 300
    text = _text(f"{refusal.status}: {refusal.message}", style="green" if good else "bold red")
    return Text("\n").join((text, _text(f"→ {refusal.next_step}", "bold"))) if refusal.next_step else text


def _rules(explanation: Explanation) -> Table:
    table = Table(title="rules", title_justify="left")
    table.add_column("")
    table.add_column("rule", no_wrap=True)
    table.add_column("why", overflow="fold")
    for verdict in explanation.verdicts:
        style = "green" if verdict.chosen else "dim"
        mark = "✓" if verdict.chosen else ""
        table.add_row(_text(mark, style=style), _text(verdict.rule, style=style), _text(verdict.reason, style=style))
    return table


def _backend(number: int, backend: BackendReport, *, ordered: bool) -> Iterator[RenderableType]:
    place = f"{number}. priority {backend.priority}, " if ordered else f"{number}. "
    yield _text(f"\n{place}{backend.share:g} %: {backend.name}", style="bold")
    yield _indented(_text(f"{backend.schema}, model {backend.model}"))
    for note in backend.notes:
        yield _indented(_text(f"· {note}", style="dim"))
    if backend.refusal is not None:
        yield _indented(_refusal(backend.refusal))
    if backend.changes:
        yield _indented(_changes(backend.changes))
    for request in backend.requests[:1]:
        yield _indented(_request(request))
    if len(backend.requests) > 1:
        yield _indented(_text(f"and {len(backend.requests) - 1} more to the same path"))
    if backend.removed_headers:
        yield _indented(_text(f"removed headers: {', '.join(backend.removed_headers)}"))
    if backend.signature is not None:
        signature = backend.signature
        scope = f" for {signature.host} in {signature.region}" if signature.region else ""
        source = f", with credentials from {signature.source}" if signature.source else ""
        yield _indented(_text(f"signature: {signature.kind}{scope}{source}; {signature.reason}"))
    if backend.price is not None:
        yield _indented(_text(f"price: {words(backend.price)}"))
    if backend.envoy is not None:
        yield _indented(_envoy(backend.envoy))


def words(price: PriceEstimate) -> str:
    """Return a price in one sentence."""
    return (
        f"about ${price.prompt_cost:g} for a prompt of about {price.prompt_tokens:,} tokens; "
        f"${price.input:g} per million tokens of input, ${price.output:g} of output ({price.source})"
    )


def _changes(changes: tuple[Change, ...]) -> Table:
    table = Table(title="changes", title_justify="left")
    table.add_column("")
    table.add_column("field", overflow="fold")
    table.add_column("what and why", overflow="fold")
    for change in changes:
        values = " → ".join(filter(None, (change.before, change.after)))
        lines = (_text(values), _text(change.reason, style="dim")) if values else (_text(change.reason, style="dim"),)
        table.add_row(_text(change.kind, style=_KINDS[change.kind]), _text(change.place), Text("\n").join(lines))
    return table


def _request(request: Outgoing) -> Text:
    headers = [f"{header.name}: {header.value}" for header in request.headers]
    lines = [f"host: {request.host}", *headers, "", pretty(bytes(request.body))]
    return Text("\n").join((_text(f"{request.method} {request.path}", "bold"), *map(_text, lines)))


def _envoy(route: EnvoyRoute) -> Text:
    tls = f", TLS for {route.tls}" if route.tls else ", without TLS"
    where = f"Envoy: cluster {route.cluster} at {', '.join(route.addresses)}{tls}{', HTTP/2' if route.http2 else ''}"
    return _text(f"{where}\n       route {route.route}; {'; '.join(route.limits)}")


def _text(text: str = "", style: str = "") -> Text:
    """Return text that may be a client's: without what could command a terminal."""
    return Text("\n".join(map(printable, text.split("\n"))), style=style)


def _indented(part: RenderableType) -> Padding:
    return Padding(part, (0, 0, 0, 2))
