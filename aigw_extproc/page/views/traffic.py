"""Live traffic."""

from __future__ import annotations

from collections.abc import Sequence

from aigw_extproc.page.markup import Child, Html, join, tag
from aigw_extproc.page.traffic import MAX_RECORDS, Exchanged, Record
from aigw_extproc.page.views.layout import badge, document, duration, moment, number, table

_HEADS = (
    "Time",
    "Client",
    "Endpoint",
    "Model",
    "Backend",
    "Tokens in#",
    "Tokens out#",
    "Cost#",
    "First piece#",
    "Total#",
    "Outcome",
)


def traffic(found: Sequence[Exchanged]) -> str:
    """Return the page of the last exchanges, which its script keeps up to date."""
    intro = f"The last {MAX_RECORDS} requests, newest first, from memory. Contents are not kept."
    switch = tag("label", tag("input", type="checkbox", id="live", checked=True), " update every two seconds")
    return document(
        "Traffic",
        tag("div", tag("p", intro), switch, class_="row"),
        tag("div", rows(found), id="traffic", data_refresh="/traffic/rows"),
        path="/traffic",
    )


def rows(found: Sequence[Exchanged]) -> Html:
    """Return the table alone."""
    if not found:
        return tag("p", "No request yet.", class_="empty")
    lines = [line for each in found for line in _lines(each)]
    return table(_HEADS, lines, caption="The last requests", class_="traffic")


def _lines(each: Exchanged) -> list[tuple[Child, ...]]:
    attempts = each.attempts if len(each.attempts) > 1 else ()
    return [_line(each.request), *(_line(attempt, mark=f"↳ attempt {n}") for n, attempt in enumerate(attempts, 1))]


def _line(record: Record, *, mark: str = "") -> tuple[Child, ...]:
    model = record.model if record.request_model in ("", record.model) else f"{record.model} → {record.request_model}"
    return (
        mark or moment(record.started),
        record.client,
        join(record.operation, " ", badge("stream") if record.stream and not mark else None),
        model,
        record.backend,
        number(record.input_tokens),
        number(record.output_tokens),
        _cost(record),
        duration(record.first_piece),
        duration(record.seconds),
        _outcome(record),
    )


def _cost(record: Record) -> str | None:
    """Return the cost in dollars, `~` before an estimate; None if it is not known."""
    if record.cost is None:
        return None
    return f"{'~' if record.estimated else ''}${record.cost / 10**6:.6f}".rstrip("0").rstrip(".")


def _outcome(record: Record) -> Html:
    good = not record.failed
    text = record.outcome if good else f"{record.status or 'no answer'} {record.outcome}"
    kept = f"dropped: {', '.join(record.dropped)}" if record.dropped else None
    mark = tag("span", badge("dropped", "warn"), title=kept) if kept else None
    return join(badge(text, "good" if good else "bad"), " ", mark)
