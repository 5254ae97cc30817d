"""Metadata for Bedrock's invocation log.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html, requestMetadata
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

MAX_REQUEST_METADATA = 16

_KEY = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,.-]{1,256}\Z", re.ASCII)
_VALUE = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,.-]{0,256}\Z", re.ASCII)


class _ClaudeCode(msgspec.Struct, frozen=True):
    """What Claude Code sends as the user's id, as JSON."""

    device_id: str | None = None
    account_uuid: str | None = None
    session_id: str | None = None


_CLAUDE_CODE = msgspec.json.Decoder(_ClaudeCode)


def of_user(user_id: str) -> dict[str, str]:
    """Return the metadata that names a user by Anthropic's `metadata.user_id`; empty if its characters do not fit.

    The ids in Claude Code's JSON are pairs of their own.
    """
    if not user_id.startswith("{"):
        return {"user_id": user_id} if user_id and fits({"user_id": user_id}) else {}
    try:
        ids = msgspec.structs.asdict(_CLAUDE_CODE.decode(user_id))
    except (msgspec.MsgspecError, RecursionError):
        return {}
    return {name: value for name, value in ids.items() if value and fits({name: value})}


def fits(pairs: Mapping[str, str]) -> bool:
    """Return whether Bedrock takes these pairs."""
    return len(pairs) <= MAX_REQUEST_METADATA and all(
        _KEY.match(key) and _VALUE.match(value) for key, value in pairs.items()
    )
