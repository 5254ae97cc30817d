"""Every example on the pages is right as it stands, and every link leads somewhere."""

from __future__ import annotations

import ast
import json
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from aigw_extproc.cli import app
from aigw_extproc.config.compile.configuration import compile_documents
from tests.cli.running import aigw
from tests.docs.pages import PAGES, ROOT, Block, anchors, blocks, links

RESOURCES = [block for block in blocks("yaml") if block.note not in {"envoy", "compose", "values"}]
ENDING = {"check", "envoy-config", "models", "version"}


def base() -> dict[tuple[str, str], Any]:
    """The smallest file of the configuration page, which the other examples change."""
    (block,) = blocks("yaml", note="complete")
    return named(block)


def named(block: Block) -> dict[tuple[str, str], Any]:
    return {(one["kind"], one["metadata"]["name"]): one for one in yaml.safe_load_all(block.text)}


def commands() -> Iterator[tuple[Block, list[str]]]:
    """Every call of our command, without what the shell does with it."""
    for block in blocks("sh", "bash", "shell"):
        for line in block.text.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words and words[0] == "aigw-extproc":
                end = next((index for index, word in enumerate(words) if word in {">", "|", "&"}), None)
                yield block, words[1:end]


COMMANDS = list(commands())


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    lost = []
    for target in links(page):
        path, _, anchor = target.partition("#")
        file = (ROOT / page).parent / path if path else ROOT / page
        if not file.exists() or (anchor and anchor not in anchors(file.read_text())):
            lost.append(target)
    assert lost == []


def test_there_are_examples_of_every_kind() -> None:
    """Or else the other tests here would look at nothing."""
    assert [len(found) >= 5 for found in (RESOURCES, blocks("python"), COMMANDS)] == [True, True, True]


@pytest.mark.parametrize("block", RESOURCES, ids=str)
def test_resources_are_right(block: Block) -> None:
    documents = {**base(), **named(block)}
    compiled = compile_documents({"example.yaml": yaml.safe_dump_all(documents.values())})
    assert compiled.snapshot.rules
    assert compiled.ignored == ()


@pytest.mark.parametrize("block", blocks("json"), ids=str)
def test_json_is_json(block: Block) -> None:
    json.loads(block.text)


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_python_is_python(block: Block) -> None:
    ast.parse(block.text)


@pytest.mark.parametrize("block", blocks("sh", "bash", "shell"), ids=str)
def test_shell_is_shell(block: Block) -> None:
    done = subprocess.run(["bash", "-n"], input=block.text, capture_output=True, text=True)  # noqa: S607 - on the PATH
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("block", "words"), COMMANDS, ids=lambda value: "" if isinstance(value, Block) else "_".join(value)
)
def test_commands_have_these_options(block: Block, words: list[str]) -> None:
    name, *arguments = words
    context = app.commands[name].make_context(name, arguments)
    lost = [path for path in context.params.get("resources") or () if not (ROOT / path).exists()]
    assert lost == []


@pytest.mark.parametrize(
    "words", [words for _, words in COMMANDS if words[0] in ENDING], ids=lambda words: "_".join(words)
)
def test_commands_that_end_do_so_well(words: list[str]) -> None:
    assert aigw(*words, cwd=Path(ROOT)).code == 0
