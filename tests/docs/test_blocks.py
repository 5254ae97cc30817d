"""Every example on the pages is valid, and every link has a target."""

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
TERMINATING = {"check", "envoy-config", "models", "version"}


def base() -> dict[tuple[str, str], Any]:
    """Return the smallest file of the configuration page, by which the other examples are completed."""
    (block,) = blocks("yaml", note="complete")
    return named(block)


def named(block: Block) -> dict[tuple[str, str], Any]:
    return {(one["kind"], one["metadata"]["name"]): one for one in yaml.safe_load_all(block.text)}


def commands() -> Iterator[tuple[Block, list[str]]]:
    """Yield the arguments of every call of our command, without redirections and pipes."""
    for block in blocks("sh", "bash", "shell"):
        for line in block.text.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words and words[0] == "aigw-extproc":
                end = next((index for index, word in enumerate(words) if word in {">", "|", "&"}), None)
                yield block, words[1:end]


COMMANDS = list(commands())


@pytest.mark.parametrize("page", PAGES)
def test_links_have_a_target(page: str) -> None:
    missing = []
    for target in links(page):
        path, _, anchor = target.partition("#")
        file = (ROOT / page).parent / path if path else ROOT / page
        if not file.exists() or (anchor and anchor not in anchors(file.read_text())):
            missing.append(target)
    assert missing == []


def test_there_are_examples_of_every_kind() -> None:
    """Without examples the other tests here would pass without checking anything."""
    assert [len(examples) >= 5 for examples in (RESOURCES, blocks("python"), COMMANDS)] == [True, True, True]


@pytest.mark.parametrize("block", RESOURCES, ids=str)
def test_resources_are_valid(block: Block) -> None:
    documents = {**base(), **named(block)}
    compiled = compile_documents({"example.yaml": yaml.safe_dump_all(documents.values())})
    assert compiled.snapshot.rules
    assert compiled.ignored == ()


@pytest.mark.parametrize("block", blocks("json"), ids=str)
def test_json_is_valid(block: Block) -> None:
    json.loads(block.text)


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_python_is_valid(block: Block) -> None:
    ast.parse(block.text)


@pytest.mark.parametrize("block", blocks("sh", "bash", "shell"), ids=str)
def test_shell_is_valid(block: Block) -> None:
    done = subprocess.run(["bash", "-n"], input=block.text, capture_output=True, text=True)  # noqa: S607 - on the PATH
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("block", "words"), COMMANDS, ids=lambda value: "" if isinstance(value, Block) else "_".join(value)
)
def test_commands_accept_these_options(block: Block, words: list[str]) -> None:
    name, *arguments = words
    context = app.commands[name].make_context(name, arguments)
    missing = [path for path in context.params.get("resources") or () if not (ROOT / path).exists()]
    assert missing == []


def ends(words: list[str]) -> bool:
    return words[0] in TERMINATING and "--published" not in words  # which follows a file as long as it runs


@pytest.mark.parametrize("words", [words for _, words in COMMANDS if ends(words)], ids=lambda words: "_".join(words))
def test_commands_that_end_succeed(words: list[str]) -> None:
    assert aigw(*words, cwd=Path(ROOT)).code == 0
