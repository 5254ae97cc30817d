"""Cost of decoding Bedrock's event stream: one JSON line per case, microseconds per frame.

Run `python -m benchmarks.eventstream`. The cost of a frame must not depend on the length of the stream, nor on how the
network cuts it, apart from the calls for additional pieces.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from botocore.eventstream import EventStreamBuffer

from aigw_extproc.bedrock.eventstream import EventStreamDecoder
from aigw_extproc.simulator.frames import event
from benchmarks.timing import microseconds
from benchmarks.traffic import converse_frames

CALLS = 20
DELTAS = 1_000


def ours(pieces: Sequence[bytes]) -> Callable[[], int]:
    """Return a call of our decoder, which returns the number of frames."""

    def call() -> int:
        decoder, count = EventStreamDecoder(), 0
        for piece in pieces:
            decoder.feed(piece)
            while decoder.next_frame() is not None:
                count += 1
        decoder.close()
        return count

    return call


def theirs(pieces: Sequence[bytes]) -> Callable[[], int]:
    """Return a call of botocore's decoder, which returns the number of frames."""

    def call() -> int:
        buffer, count = EventStreamBuffer(), 0
        for piece in pieces:
            buffer.add_data(piece)
            count += sum(1 for _ in buffer)
        return count

    return call


def cut(data: bytes, size: int) -> list[bytes]:
    """Return the bytes in pieces of `size`."""
    return [data[start : start + size] for start in range(0, len(data), size)]


def main() -> None:
    """Print a line for each way to cut a stream, and for large frames."""
    frames = converse_frames(DELTAS)
    large = [event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "x" * 100_000}})] * 20
    cases = {
        "a frame at a time": frames,
        "16 KiB at a time": cut(b"".join(frames), 16 * 1024),
        "64 bytes at a time": cut(b"".join(frames), 64),
        "all at once": [b"".join(frames)],
        "100 kB frames, 16 KiB at a time": cut(b"".join(large), 16 * 1024),
    }
    for name, pieces in cases.items():
        call, reference = ours(pieces), theirs(pieces)
        count = call()
        assert count == reference()
        figures = {"case": name, "us": microseconds(call, CALLS) / count}
        figures["botocore_us"] = microseconds(reference, max(CALLS // 10, 1)) / count
        print(json.dumps({key: round(value, 2) if key != "case" else value for key, value in figures.items()}))


if __name__ == "__main__":
    main()
