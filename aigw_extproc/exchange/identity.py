"""Who signs a request, where that is known without asking anybody."""

from __future__ import annotations

from aigw_extproc.aws.identity import BearerToken, Credentials, Identity
from aigw_extproc.config.snapshot import AwsAuth, RequestCredentials
from aigw_extproc.errors import InvalidRequest, MissingCredentials
from aigw_extproc.exchange.messages import Headers


def configured_identity(auth: AwsAuth, headers: Headers) -> Identity | None:
    """The request's own credentials where they are allowed, or those in the configuration; None to look elsewhere.

    Raises:
        InvalidRequest: the request brings a part of its credentials only.
        MissingCredentials: it has to bring them, and brings none.
    """
    if auth.override is not None:
        own = _request_credentials(auth.override, headers)
        if own is not None:
            return own
        if not auth.override.fallback:
            raise MissingCredentials(f"this model needs AWS credentials in the headers {auth.override.prefix}*")
    return auth.source if isinstance(auth.source, Credentials | BearerToken) else None


def _request_credentials(override: RequestCredentials, headers: Headers) -> Credentials | None:
    """White space counts as absent: some filters clear a header instead of removing it."""
    key, secret, token = (
        headers.get(override.prefix + name, "").strip()
        for name in ("access-key-id", "secret-access-key", "session-token")
    )
    if key and secret:
        return Credentials(access_key_id=key, secret_access_key=secret, session_token=token or None)
    if key or secret or token:
        missing = override.prefix + ("secret-access-key" if key else "access-key-id")
        raise InvalidRequest.at(missing, "missing beside the other headers of AWS credentials")
    return None
