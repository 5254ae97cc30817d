"""Values of keys in Secrets and ConfigMaps."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from dataclasses import replace

from aigw_extproc.config.resources.catalog import Item
from aigw_extproc.config.resources.decode import nearest
from aigw_extproc.config.resources.findings import Place
from aigw_extproc.config.resources.infrastructure import ConfigMap, MountedSecret, SecretResource


def secret_value(item: Item[SecretResource], key: str) -> str | None:
    """Return the text of a key in a Secret; None, with the problem recorded, if it has none."""
    secret = item.resource
    if key in secret.string_data:
        return secret.string_data[key]
    if key in secret.data:
        return _base64(secret.data[key], key_place(item, key))
    place = item.place if isinstance(secret, MountedSecret) else item.place.field("stringData")
    _missing(key, secret.data | secret.string_data, place)
    return None


def key_place(item: Item[SecretResource], key: str) -> Place:
    """Return the place of a key in a Secret."""
    if isinstance(item.resource, MountedSecret):
        return replace(item.place, file=f"{item.place.file}/{key}")
    return item.place.field("stringData" if key in item.resource.string_data else "data").field(key)


def configmap_value(item: Item[ConfigMap], key: str) -> str | None:
    """Return the text of a key in a ConfigMap; None, with the problem recorded, if it has none."""
    if key not in item.resource.data:
        _missing(key, item.resource.data, item.place.field("data"))
    return item.resource.data.get(key)


def _missing(key: str, present: Iterable[str], place: Place) -> None:
    similar = nearest(key, present, cutoff=0.8)  # any other name could be a part of a secret
    place.problem(f"the key '{key}' is missing{f', but there is {similar!r}' if similar else ''}")


def _base64(value: str, place: Place) -> str | None:
    try:
        return base64.b64decode("".join(value.split()), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        place.problem("not base64 of UTF-8 text; plain text belongs in stringData")
        return None
