"""The models that clients can ask for."""

from __future__ import annotations

from collections.abc import Sequence

from aigw_extproc.config.snapshot import RoutedModel
from aigw_extproc.page.markup import join, tag
from aigw_extproc.page.views.layout import badge, code, document, table


def models(found: Sequence[RoutedModel]) -> str:
    """Return the page of the models."""
    if not found:
        return document("Models", tag("p", "No rule lists a model.", class_="empty"), path="/models")
    intro = "What GET /v1/models lists for a client that may use every rule. Rules with patterns may take others too."
    rows = [
        (join(code(model.id), " ", badge("legacy", "warn") if model.legacy else None), model.name, model.owned_by)
        for model in found
    ]
    find = tag("label", "Find ", tag("input", type="search", data_filter="models", autocomplete="off"), class_="find")
    listed = tag("div", table(("Model", "Name", "Owner"), rows, caption="Models"), id="models")
    return document("Models", tag("div", tag("p", intro), find, class_="row"), listed, path="/models")
