"""What all pages have: the head, the navigation, and small pieces."""

from __future__ import annotations

import time
from collections.abc import Sequence

from aigw_extproc.page.markup import Child, Html, tag

PAGES = (
    ("/", "Overview"),
    ("/traffic", "Traffic"),
    ("/explain", "Explain"),
    ("/playground", "Playground"),
    ("/models", "Models"),
)
"""The address and the title of each page."""
NOTHING = "–"  # noqa: RUF001 - a dash, for an empty cell


def document(title: str, *content: Child, path: str = "") -> str:
    """Return a page; `path` is its address, which the navigation marks."""
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", f"{title} · aigw-extproc"),
        tag("link", rel="icon", href="/assets/icon.svg", type="image/svg+xml"),
        tag("link", rel="stylesheet", href="/assets/page.css"),
        tag("script", src="/assets/page.js", type="module"),
    )
    body = tag(
        "body",
        tag("a", "Skip to content", href="#content", class_="skip"),
        tag("header", tag("div", tag("strong", "aigw-extproc"), _navigation(path), class_="bar")),
        tag("main", tag("h1", title), *content, id="content"),
    )
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def _navigation(path: str) -> Html | None:
    if not path:
        return None
    links = (tag("a", title, href=each, aria_current="page" if each == path else None) for each, title in PAGES)
    return tag("nav", *links, aria_label="Pages")


def section(title: str, *content: Child, id_: str | None = None) -> Html:
    """Return a section with a heading."""
    return tag("section", tag("h2", title), *content, id=id_)


def badge(text: str, kind: str = "") -> Html:
    """Return a small label; `kind` is `good`, `bad`, `warn` or empty."""
    return tag("span", text, class_=f"badge {kind}".strip())


def table(heads: tuple[str, ...], rows: Sequence[tuple[Child, ...]], *, caption: str, class_: str = "") -> Html:
    """Return a table whose rows become cards on a narrow screen. Columns whose head ends in `#` have numbers."""
    names = tuple(head.rstrip("#") for head in heads)
    classes = tuple("number" if head.endswith("#") else None for head in heads)
    head = tag("tr", *(tag("th", name, scope="col", class_=kind) for name, kind in zip(names, classes, strict=True)))
    lines = (
        tag(
            "tr",
            *(
                tag("td", NOTHING if cell in ("", None) else cell, data_label=name, class_=kind)
                for cell, name, kind in zip(row, names, classes, strict=True)
            ),
        )
        for row in rows
    )
    return tag(
        "div",
        tag(
            "table",
            tag("caption", caption, class_="hidden"),
            tag("thead", head),
            tag("tbody", *lines),
            class_=f"cards {class_}".strip(),
        ),
        class_="scroll",
    )


def facts(*pairs: tuple[str, Child]) -> Html:
    """Return a list of names and values."""
    return tag("dl", *(tag("div", tag("dt", name), tag("dd", value)) for name, value in pairs), class_="facts")


def code(text: Child) -> Html:
    """Return a short piece of code."""
    return tag("code", text)


def moment(seconds: float) -> Html:
    """Return a time, which the browser shows in its own zone."""
    utc = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
    return tag("time", f"{utc[11:19]} UTC", datetime=utc, title=utc)


def duration(seconds: float | None) -> str:
    """Return a length of time: `640 ms`, `2.4 s`, `3 min`, `5 h`, `2 d`."""
    if seconds is None:
        return ""
    for limit, unit, name in ((1, 0.001, "ms"), (100, 1, "s"), (6000, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            return f"{seconds / unit:.1f} {name}" if name == "s" else f"{seconds / unit:.0f} {name}"
    return f"{seconds / 86_400:.0f} d"


def number(count: int | None) -> str:
    """Return a number with separators; empty for None."""
    return "" if count is None else f"{count:,}"
