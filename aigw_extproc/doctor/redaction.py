"""No secret leaves the doctor, whatever an answer or an error quotes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from aigw_extproc.aws.identity import (
    AssumeRole,
    BearerToken,
    Credentials,
    CredentialSource,
    Identity,
    OidcExchange,
    Profile,
)
from aigw_extproc.doctor.checks import Check

HIDDEN = "[hidden]"
_SECRET_KEYS = frozenset({"aws_secret_access_key", "aws_session_token"})


def shortened(identity: Credentials) -> str:
    """Enough of an access key id to recognise it: `AKIA…MPLE`."""
    key = identity.access_key_id
    return f"{key[:4]}…{key[-4:]}" if len(key) >= 12 else "…"


def redacted(check: Check, *holders: CredentialSource | Identity | None) -> Check:
    """The check without what the holders keep secret, and with access key ids shortened."""
    hidden = dict(pair for holder in holders if holder is not None for pair in _hidden(holder) if pair[0])

    def clean(text: str) -> str:
        for secret, instead in hidden.items():
            text = text.replace(secret, instead)
        return text

    return replace(
        check,
        detail=clean(check.detail),
        next_step=clean(check.next_step) if check.next_step is not None else None,
        notes=tuple(map(clean, check.notes)),
    )


def _hidden(holder: CredentialSource | Identity) -> Iterator[tuple[str, str]]:
    """Every secret text, and what stands in its place."""
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
            yield from _hidden(holder.base)
        case Profile():
            for line in holder.file.splitlines():
                key, _, value = line.partition("=")
                if key.strip() in _SECRET_KEYS:
                    yield value.strip(), HIDDEN
        case _:
            return
