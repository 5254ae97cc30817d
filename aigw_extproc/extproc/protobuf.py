"""The one rule of protobuf's wire format that the hot path needs: how a field lies within its message.

Putting serialised parts together takes a fifth of the time that message objects do.
https://protobuf.dev/programming-guides/encoding/#structure
"""

from __future__ import annotations

_LENGTH_DELIMITED = 2
_ONE_BYTE = tuple(bytes((number,)) for number in range(0x80))


def prefix(number: int, length: int) -> bytes:
    """What stands before the `length` bytes of a field: a string, bytes or a message. `number` is of 1 to 15."""
    return _ONE_BYTE[number << 3 | _LENGTH_DELIMITED] + varint(length)


def nested(data: bytes, *numbers: int) -> bytes:
    """A message as field of another, that as field of a third and so on; `numbers` are theirs, the innermost first."""
    for number in numbers:
        data = prefix(number, len(data)) + data
    return data


def prefixes(length: int, *numbers: int) -> bytes:
    """What stands before `length` bytes that lie as deep in a message: they need not be copied to get there."""
    before = b""
    for number in numbers:
        before = prefix(number, length + len(before)) + before
    return before


def varint(number: int) -> bytes:
    """A number that is not negative, seven bits a byte, the lowest first."""
    if number < 0x80:
        return _ONE_BYTE[number]
    encoded = bytearray()
    while number >= 0x80:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)
