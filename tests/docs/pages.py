"""The Markdown pages, and the parts of them that tests check."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = {
    str(page.relative_to(ROOT)): page.read_text()
    for page in sorted((*ROOT.glob("docs/*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"))
}
_FENCED = re.compile(
    r"^(?P<indent> *)```(?P<language>\w+)(?: (?P<note>\w+))?\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL
)
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """A fenced block. `note` is the word after its language, which says how it is tested."""

    page: str
    number: int
    language: str
    note: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}#{self.number}"


BLOCKS = [
    Block(page, number, match["language"], match["note"] or "", textwrap.dedent(match["text"]))
    for page, text in PAGES.items()
    for number, match in enumerate(_FENCED.finditer(text))
]


def blocks(*languages: str, note: str | None = None) -> list[Block]:
    """Return the blocks in these languages, optionally with this note."""
    return [block for block in BLOCKS if block.language in languages and note in (None, block.note)]


def links(page: str) -> list[str]:
    """Return the link targets of a page within the repository."""
    return [target for target in _LINK.findall(_FENCED.sub("", PAGES[page])) if "://" not in target]


def anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings, as GitHub generates them."""
    headings = (heading.lower().replace(" ", "-") for heading in _HEADING.findall(_FENCED.sub("", text)))
    return {re.sub(r"[^\w-]", "", heading) for heading in headings}


def table(page: str, heading: str) -> list[list[str]]:
    """Return the rows of all tables in the section of a heading, without their head rows."""
    level = heading.partition(" ")[0]
    section = re.split(rf"^{level} ", PAGES[page].split(f"\n{heading}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]
    rows: list[list[str]] = []
    for line in section.splitlines():
        cells = [cell.strip() for cell in line[1:-1].split("|")] if line.startswith("|") else []
        if cells and set(line) <= set("|- "):
            rows.pop()  # the row above the line is the head
        elif cells:
            rows.append(cells)
    return rows


def quoted(text: str) -> list[str]:
    """Return the code spans of a text, outside of fenced blocks."""
    return re.findall(r"`([^`\n]+)`", _FENCED.sub("", text))
