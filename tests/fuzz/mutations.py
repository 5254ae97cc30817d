"""Inputs that are almost right: those of the corpus, changed here and there."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from aigw_extproc.bedrock.converse import STREAM_EVENTS
from tests.fuzz.targets import seeds
from tests.translate import goldens

SHORT = 20_000
"""Bytes. Longer inputs of the corpus test depth, which changes do not make more interesting."""

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
"""What readers of bytes stumble over."""
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
"""What readers of JSON stumble over."""


def read(target: str) -> list[bytes]:
    """What is in the corpus of a target, but for what is long."""
    found = [path.read_bytes() for path in seeds(target)]
    return [data for data in found if len(data) < SHORT]


def bytewise(target: str) -> st.SearchStrategy[bytes]:
    """An input with bytes changed, cut out, put in, repeated, or another one behind it."""
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
    """Event streams whose frames are right and whose payloads are not: checksums hide nothing from what comes next."""
    payloads = [
        json.dumps(payload).encode() for case in goldens.cases("streams") for _, payload in goldens.read(case)["events"]
    ]
    kinds = st.sampled_from([*STREAM_EVENTS, "throttlingException", "somethingNew", ""])
    frame = st.builds(goldens.frame, kinds, st.sampled_from(payloads) | _changed(payloads))
    return st.lists(frame, max_size=12).map(b"".join)


def valuewise(target: str) -> st.SearchStrategy[bytes]:
    """JSON that parses, with values anywhere in it replaced, left out or doubled."""
    return st.sampled_from([data for data in read(target) if _is_object(data)]).map(json.loads).flatmap(_replaced)


@st.composite
def _replaced(draw: st.DrawFn, root: Any) -> bytes:
    for _ in range(draw(st.integers(1, 4))):
        _change_somewhere(draw, root)
    return json.dumps(root).encode()


def _change_somewhere(draw: st.DrawFn, node: Any) -> None:
    """Goes down a random way, and changes what is at its end."""
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
