"""Resource files and files of API keys with strange contents, as `random` chooses them.

A file is compiled, or refused with problems: never with another exception, and never with a text that a terminal would
not show as it is.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import yaml

from aigw_extproc.config.compile.configuration import compile_documents
from aigw_extproc.config.compile.key_file import protect
from aigw_extproc.errors import ConfigError
from aigw_extproc.routing import Router
from tests.config.sample import sample
from tests.docs.pages import BLOCKS
from tests.fuzz.mutations import changed, with_values
from tests.test_exchange import POST

EXAMPLES = Path(__file__).parents[2] / "examples"
KEYS = "apiVersion: v1\nkind: Secret\nmetadata: {name: keys}\nstringData: {a: b, c: 'sha256:%s'}\n" % ("0" * 64)
TOKENS = (
    "~",
    "!!python/object:x",
    "!!int x",
    "&a [*a]",
    "*a",
    "<<: {a: b}",
    "- ",
    ": ",
    "---\n",
    "\t",
    "\x1b[2J",
    "\u202e",
)
"""Text that often breaks readers of YAML."""


def policies(random: Random) -> None:
    """Compile one file, or a file of keys beside a good one."""
    try:
        if random.random() < 0.1:
            protect(compile_documents({"a.yaml": sample()}), "keys.yaml", _text(KEYS, random))
        else:
            compiled = compile_documents({"a.yaml": _text(random.choice(_texts()), random)})
            Router(compiled.snapshot).identify(POST)
    except ConfigError as error:
        assert error.problems
        assert all(str(problem).isprintable() for problem in error.problems)


@cache
def _texts() -> list[str]:
    """The resources of the documentation, the examples and the tests."""
    blocks = [block.text for block in BLOCKS if block.language == "yaml" and "kind:" in block.text]
    return [sample(), *blocks, *(file.read_text() for file in sorted(EXAMPLES.rglob("*.yaml")))]


@cache
def _documents(text: str) -> list[Any]:
    return list(yaml.safe_load_all(text))


def _text(text: str, random: Random) -> str:
    if random.random() < 0.6:
        documents = with_values(_documents(text), random)
        return yaml.dump_all(documents, Dumper=yaml.CSafeDumper, allow_unicode=True)
    mutated = changed([text.encode()], random).decode(errors="replace")
    at = random.randint(0, len(mutated))
    return mutated[:at] + random.choice((*TOKENS, "")) + mutated[at:]
