"""Where a browser presents the token."""

from __future__ import annotations

from aigw_extproc.page.markup import tag
from aigw_extproc.page.views.layout import document


def login(*, wrong: bool) -> str:
    """Return the page; `wrong` after a token that is not the right one."""
    fault = tag("p", "This is not the token.", class_="refusal", role="alert") if wrong else None
    field = tag("input", name="token", type="password", required=True, autocomplete="current-password", autofocus=True)
    form = tag(
        "form",
        tag("label", "Page token", field),
        tag("div", tag("button", "Sign in", type="submit", class_="primary"), class_="buttons"),
        method="post",
        action="/login",
        class_="card narrow",
    )
    return document("Sign in", fault, form)
