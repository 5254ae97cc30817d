"""The credentials for a request, where no lookup is needed."""

from __future__ import annotations

from aigw_extproc.aws.identity import BearerToken, Credentials, Identity
from aigw_extproc.config.snapshot import AwsAuth, RequestCredentials
from aigw_extproc.errors import InvalidRequest, MissingCredentials
from aigw_extproc.exchange.messages import Headers


def configured_identity(auth: AwsAuth, headers: Headers) -> Identity | None:
    """Return the request's own credentials if the policy allows them, or the configured ones; None to look them up.

    Raises:
        InvalidRequest: the request has only a part of its credentials.
        MissingCredentials: the policy requires the request's own credentials, and it has none.
    """
    if auth.override is not None:
        own = _request_credentials(auth.override, headers)
        if own is not None:
            return own
        if not auth.override.fallback:
            raise MissingCredentials(f"this model needs AWS credentials in the headers {auth.override.prefix}*")
    return auth.source if isinstance(auth.source, (Credentials, BearerToken)) else None


def _request_credentials(override: RequestCredentials, headers: Headers) -> Credentials | None:
    """Return the credentials in the headers. A blank header is absent: some filters clear headers, not remove them."""
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
