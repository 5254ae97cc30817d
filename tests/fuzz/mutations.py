"""Mutations of the inputs in the corpus."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from aigw_extproc.bedrock.converse_stream import STREAM_EVENTS
from tests.fuzz.targets import seeds
from tests.translate import goldens

SHORT = 20_000
"""Bytes. Longer inputs of the corpus test nesting, which mutations do not improve."""

TOKENS = (
    *(
        b"{",
        b"}",
        b"[",
        b"]",
        b'"',
        b",",
        b":",
        b"null",
        b"\0",
        b"\xff",
        b"\\ud800",
        b"\\u0000",
        b"1e999",
        b"-1",
        b"\n\n",
    ),
    *(b'{"":{}}', b"9" * 30, b"\x00\x00\x00\x10", b"\xff\xff\xff\xff", b"data:", b"[" * 50),
)
"""Bytes that often break parsers."""
STRANGE = (
    *(
        "null",
        "true",
        "-1",
        "0",
        str(2**70),
        "0.5",
        '""',
        '" "',
        '"\\u0000"',
        '"\\r\\n"',
        '"none"',
        '"s3://"',
        '"http://["',
    ),
    *('"data:image/png;base64,"', "[]", "{}", "[null]", "[[]]", '{"":{}}', '{"type":"text"}', '{"type":"function"}'),
    *('{"type":"thinking"}', '{"role":"tool"}', '["a",1]', '"' + "x" * 300 + '"'),
)
"""JSON values that often break decoders."""


@cache
def read(target: str) -> list[bytes]:
    """Return the short inputs in the corpus of a target."""
    return [data for data in map(Path.read_bytes, seeds(target)) if len(data) < SHORT]


def bytewise(target: str, random: Random) -> bytes:
    """Return an input with bytes changed, removed, inserted or repeated, or with another input after it."""
    return changed(read(target), random)


def changed(inputs: Sequence[bytes], random: Random) -> bytes:
    """Return one of the inputs likewise."""
    data = random.choice(inputs)
    for _ in range(random.randint(0, 5)):
        start = random.randint(0, len(data))
        end = random.randint(start, min(len(data), start + 40))
        data = data[:start] + random.choice(CHANGES)(random, data[start:end]) + data[end:]
    return data + (random.choice(inputs) if random.randint(0, 9) == 0 else b"")


def _without(random: Random, piece: bytes) -> bytes:
    return b""


def _repeated(random: Random, piece: bytes) -> bytes:
    return piece * random.randint(2, 4)


def _instead(random: Random, piece: bytes) -> bytes:
    return random.choice(TOKENS)


def _flipped(random: Random, piece: bytes) -> bytes:
    return bytes(byte ^ random.choice((1, 0x20, 0x80)) for byte in piece[:3]) + piece[3:]


CHANGES: tuple[Callable[[Random, bytes], bytes], ...] = (_without, _repeated, _instead, _flipped)


def frames(random: Random) -> bytes:
    """Return an event stream of valid frames with mutated payloads, which pass the checksums."""
    return b"".join(_frame(random) for _ in range(random.randint(0, 12)))


def _frame(random: Random) -> bytes:
    payloads = _payloads()
    kind = random.choice((*STREAM_EVENTS, "throttlingException", "somethingNew", ""))
    return goldens.frame(kind, random.choice(payloads) if random.randint(0, 1) else changed(payloads, random))


@cache
def _payloads() -> list[bytes]:
    return [
        json.dumps(payload).encode() for case in goldens.cases("streams") for _, payload in goldens.read(case)["events"]
    ]


def valuewise(target: str, random: Random) -> bytes:
    """Return valid JSON with values replaced, removed or duplicated."""
    return json.dumps(with_values(random.choice(_objects(target)), random)).encode()


@cache
def _objects(target: str) -> list[Any]:
    return [json.loads(data) for data in read(target) if _is_object(data)]


def with_values(root: Any, random: Random) -> Any:
    """Return a copy of a JSON value with values replaced, removed or duplicated."""
    root = copy.deepcopy(root)
    for _ in range(random.randint(1, 4)):
        _change_somewhere(random, root)
    return root


def _change_somewhere(random: Random, node: Any) -> None:
    """Follow a random path, and change the value at its end."""
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        if not keys:
            return
        key = random.choice(keys)
        if isinstance(node[key], dict | list) and node[key] and random.randint(0, 3):
            node = node[key]
            continue
        if random.randint(0, 4) == 0:
            del node[key]
        elif isinstance(node, list) and random.randint(0, 1):
            node.append(copy.deepcopy(node[key]))
        else:
            node[key] = json.loads(random.choice(STRANGE))
        return


def _is_object(data: bytes) -> bool:
    try:
        return isinstance(json.loads(data), dict)
    except (ValueError, RecursionError):
        return False
