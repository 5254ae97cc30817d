"""Mutations of the inputs in the corpus."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from aigw_extproc.bedrock.converse import STREAM_EVENTS
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


def read(target: str) -> list[bytes]:
    """Return the short inputs in the corpus of a target."""
    return [data for data in map(Path.read_bytes, seeds(target)) if len(data) < SHORT]


def bytewise(target: str) -> st.SearchStrategy[bytes]:
    """Return inputs with bytes changed, removed, inserted or repeated, or with another input after them."""
    return _changed(read(target))


@st.composite
def _changed(draw: st.DrawFn, inputs: list[bytes]) -> bytes:
    data = draw(st.sampled_from(inputs))
    for _ in range(draw(st.integers(0, 5))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + 40)))
        middle = draw(st.sampled_from(CHANGES))(draw, data[start:end])
        data = data[:start] + middle + data[end:]
    return data + draw(st.just(b"") | st.sampled_from(inputs))


def _without(draw: st.DrawFn, piece: bytes) -> bytes:
    return b""


def _repeated(draw: st.DrawFn, piece: bytes) -> bytes:
    return piece * draw(st.integers(2, 4))


def _instead(draw: st.DrawFn, piece: bytes) -> bytes:
    return draw(st.sampled_from(TOKENS))


def _flipped(draw: st.DrawFn, piece: bytes) -> bytes:
    return bytes(byte ^ draw(st.sampled_from([1, 0x20, 0x80])) for byte in piece[:3]) + piece[3:]


CHANGES: tuple[Callable[[st.DrawFn, bytes], bytes], ...] = (_without, _repeated, _instead, _flipped)


def frames() -> st.SearchStrategy[bytes]:
    """Return event streams of valid frames with mutated payloads, which pass the checksums."""
    payloads = [
        json.dumps(payload).encode() for case in goldens.cases("streams") for _, payload in goldens.read(case)["events"]
    ]
    kinds = st.sampled_from([*STREAM_EVENTS, "throttlingException", "somethingNew", ""])
    frame = st.builds(goldens.frame, kinds, st.sampled_from(payloads) | _changed(payloads))
    return st.lists(frame, max_size=12).map(b"".join)


def valuewise(target: str) -> st.SearchStrategy[bytes]:
    """Return valid JSON with values replaced, removed or duplicated."""
    return st.sampled_from([data for data in read(target) if _is_object(data)]).map(json.loads).flatmap(_replaced)


@st.composite
def _replaced(draw: st.DrawFn, root: Any) -> bytes:
    for _ in range(draw(st.integers(1, 4))):
        _change_somewhere(draw, root)
    return json.dumps(root).encode()


def _change_somewhere(draw: st.DrawFn, node: Any) -> None:
    """Follow a random path, and change the value at its end."""
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        if not keys:
            return
        key = draw(st.sampled_from(keys))
        if isinstance(node[key], dict | list) and node[key] and draw(st.integers(0, 3)):
            node = node[key]
            continue
        if draw(st.integers(0, 4)) == 0:
            del node[key]
        elif isinstance(node, list) and draw(st.booleans()):
            node.append(copy.deepcopy(node[key]))
        else:
            node[key] = json.loads(draw(st.sampled_from(STRANGE)))
        return


def _is_object(data: bytes) -> bool:
    try:
        return isinstance(json.loads(data), dict)
    except (ValueError, RecursionError):
        return False
