"""A chat through the gateway's own door."""

from __future__ import annotations

from collections.abc import Sequence

from aigw_extproc.config.snapshot import RoutedModel
from aigw_extproc.page.markup import Html, tag
from aigw_extproc.page.views.layout import code, document

_LISTED = 500


def playground(found: Sequence[RoutedModel], gateway: str) -> str:
    """Return the page; `gateway` is where clients connect, empty if it is not known."""
    if not gateway:
        text = "Where clients connect is not known here: start the gateway with `run`, or `serve --gateway-url URL`."
        return document("Playground", tag("p", text, class_="empty"), path="/playground")
    intro = tag(
        "p",
        "Sends a chat to ",
        code(gateway),
        ", as any client does, with your own key. It counts as your request. The key stays in this tab.",
    )
    return document("Playground", intro, _form(found), _conversation(), path="/playground")


def _form(found: Sequence[RoutedModel]) -> Html:
    choices = tag("datalist", *(tag("option", value=model.id) for model in found[:_LISTED]), id="listed-models")
    first = found[0].id if found else ""
    model = tag("input", name="model", list="listed-models", value=first, required=True, autocomplete="off")
    key = tag("input", name="key", type="password", autocomplete="off", placeholder="if the gateway needs one")
    text = tag("textarea", name="text", rows=3, required=True, placeholder="Hello!")
    return tag(
        "form",
        tag("div", tag("label", "Model", model), tag("label", "API key", key), class_="two"),
        choices,
        tag("label", "Message", text),
        tag(
            "div",
            tag("button", "Send", type="submit", class_="primary"),
            tag("button", "Stop", type="button", id="stop", disabled=True),
            tag("button", "New chat", type="button", id="clear"),
            tag("span", id="figures", class_="muted", role="status"),
            class_="buttons",
        ),
        id="playground",
        class_="card",
    )


def _conversation() -> Html:
    return tag("div", id="conversation", role="log", aria_label="Conversation", tabindex=0)
