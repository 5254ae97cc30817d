"""Removal of secrets from checks, wherever an error or a response quotes them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import assert_never

from aigw_extproc.aws.identity import (
    AssumeRole,
    BearerToken,
    Credentials,
    CredentialSource,
    DefaultChain,
    Identity,
    OidcExchange,
    Profile,
)
from aigw_extproc.doctor.checks import Check

HIDDEN = "[hidden]"
_SECRET_KEYS = frozenset({"aws_secret_access_key", "aws_session_token"})


def shortened(identity: Credentials) -> str:
    """Return the first and last four characters of an access key id: `AKIA…MPLE`."""
    key = identity.access_key_id
    return f"{key[:4]}…{key[-4:]}" if len(key) >= 12 else "…"


def redacted(check: Check, *holders: CredentialSource | Identity | None) -> Check:
    """Return the check with the holders' secrets hidden and their access key ids shortened."""
    hidden = dict(pair for holder in holders if holder is not None for pair in _replacements(holder) if pair[0])

    def clean(text: str) -> str:
        for secret, replacement in hidden.items():
            text = text.replace(secret, replacement)
        return text

    return replace(
        check,
        detail=clean(check.detail),
        next_step=clean(check.next_step) if check.next_step is not None else None,
        notes=tuple(map(clean, check.notes)),
    )


def _replacements(holder: CredentialSource | Identity) -> Iterator[tuple[str, str]]:
    """Yield every secret text with its replacement."""
    match holder:
        case Credentials():
            yield holder.secret_access_key, HIDDEN
            if holder.session_token:
                yield holder.session_token, HIDDEN
            yield holder.access_key_id, shortened(holder)
        case BearerToken():
            yield holder.token, HIDDEN
        case OidcExchange():
            yield holder.client_secret, HIDDEN
        case AssumeRole():
            yield from _replacements(holder.base)
        case Profile():
            for line in holder.file.splitlines():
                key, _, value = line.partition("=")
                if key.strip() in _SECRET_KEYS:
                    yield value.strip(), HIDDEN
        case DefaultChain():
            return  # it has no secret of its own
        case _:
            assert_never(holder)
