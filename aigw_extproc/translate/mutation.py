"""The operator's own changes to a translated body: fields that every request to a backend shall or shall not have."""

from __future__ import annotations

import msgspec

from aigw_extproc.config.snapshot import BodyMutation

_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])


def apply(mutation: BodyMutation, body: bytes) -> bytes:
    """Removes, then sets top-level fields of a JSON object; without a mutation the body is returned as it is."""
    if not mutation.set and not mutation.remove:
        return body
    fields = {name: value for name, value in _FIELDS.decode(body).items() if name not in mutation.remove}
    return msgspec.json.encode(fields | dict(mutation.set))
