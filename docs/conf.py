"""Sphinx's configuration of the site, `make docs`: these pages, readable without the internet.

https://www.sphinx-doc.org/en/master/usage/configuration.html
"""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
from sphinx.application import Sphinx

from aigw_extproc import __version__
from aigw_extproc.openapi.description import describe

project = "aigw-extproc"
release = __version__.partition("+")[0]
html_title = f"{project} {release}"

extensions = ["myst_parser", "sphinx_copybutton"]
html_theme = "furo"
html_extra_path = ["performance.svg"]
html_show_sphinx = False
html_copy_source = False

# Links to headings of other pages, spelled as on GitHub.
myst_heading_anchors = 4
nitpicky = True


_OUTSIDE = re.compile(r"\[([^\]]*)\]\((\.\./[^)]+\.md)\)")
"""A link to Markdown that is not a page here."""


def setup(app: Sphinx) -> None:
    """Put the API's description beside the pages, and make downloads of files outside of them."""
    app.connect("source-read", _link_files)
    app.connect("build-finished", _write_description)


def _link_files(_app: Sphinx, _page: str, source: list[str]) -> None:
    source[0] = _OUTSIDE.sub(r"{download}`\1 <\2>`", source[0])


def _write_description(app: Sphinx, error: Exception | None) -> None:
    if error is None:
        (Path(app.outdir) / "openapi.json").write_bytes(msgspec.json.encode(describe(release)))
