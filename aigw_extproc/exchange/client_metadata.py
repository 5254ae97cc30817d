"""The client's id in the metadata of a request, for AWS's log of invocations, where the operator asks for it.

* https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html, requestMetadata
* https://docs.aws.amazon.com/bedrock/latest/userguide/cost-mgmt-request-metadata.html
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from aigw_extproc.bedrock.invoke import METADATA_HEADER
from aigw_extproc.errors import InvalidRequest
from aigw_extproc.wire import FIELDS, decode, edit_fields

_FIELD: Final = "requestMetadata"
_MAX_PAIRS: Final = 16
_MAX_VALUE: Final = 256
_FORBIDDEN: Final = re.compile(r"[^a-zA-Z0-9\s:_@$#=/+,.-]", re.ASCII)
_CONVERSE: Final = ("/converse", "/converse-stream")
_INVOKE: Final = ("/invoke", "/invoke-with-response-stream")
_PAIRS: Final = msgspec.json.Decoder(dict[str, Any])


def in_body(path: str, body: bytes, key: str, client: str) -> bytes:
    """Return the body of a request to Converse with the client's id; other bodies as they are.

    Raises:
        InvalidRequest: the client sends too many pairs of its own.
    """
    if not path.endswith(_CONVERSE):
        return body
    present = decode(FIELDS, body).get(_FIELD)
    pairs = _with_client(bytes(present) if present is not None else b"{}", key, client)
    if not pairs:
        return edit_fields(body, set_fields={}, remove=(_FIELD,))
    return edit_fields(body, set_fields={_FIELD: msgspec.Raw(msgspec.json.encode(pairs))})


def in_headers(path: str, headers: dict[str, str], key: str, client: str) -> None:
    """Set the client's id in the header of a request to InvokeModel; do nothing for others.

    Raises:
        InvalidRequest: the client sends too many pairs of its own.
    """
    if not path.endswith(_INVOKE):
        return
    pairs = _with_client(headers.pop(METADATA_HEADER, "{}").encode(), key, client)
    if pairs:
        headers[METADATA_HEADER] = msgspec.json.encode(pairs).decode()


def _with_client(present: bytes, key: str, client: str) -> dict[str, Any]:
    """Return the pairs with the client's id under `key`, which the client itself cannot set."""
    pairs = {name: value for name, value in _PAIRS.decode(present).items() if name != key}
    if client:
        pairs[key] = _FORBIDDEN.sub("_", client)[:_MAX_VALUE]
    if len(pairs) > _MAX_PAIRS:
        raise InvalidRequest.at("metadata", f"at most {_MAX_PAIRS - 1} pairs: the gateway adds one, {key!r}")
    return pairs
