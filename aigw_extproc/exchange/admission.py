"""Who may come in: the checks of a request's API key, before its body is read and when its rule is known."""

from __future__ import annotations

from aigw_extproc.api_keys import Caller, permitted
from aigw_extproc.config.snapshot import ApiKeys
from aigw_extproc.errors import HostNotAllowed, PermissionDenied, Unauthenticated
from aigw_extproc.exchange.messages import Headers, Pairs
from aigw_extproc.routing import Router

_SHOWN = 100  # characters of a host in an error


def check_host(router: Router, headers: Headers) -> None:
    """Refuse a request under a foreign name: a page of a site whose name leads to this machine (DNS rebinding).

    Raises:
        HostNotAllowed: the gateway does not answer to its host.
    """
    if not router.allows_host(headers):
        host = headers.get(":authority", "")[:_SHOWN]
        raise HostNotAllowed(f"this gateway does not answer to the host {host!r}; allow it with --allow-host")


def check_entry(router: Router, caller: Caller) -> None:
    """Refuse a request that can use no rule at all, whatever its body says.

    Raises:
        Unauthenticated: every rule needs an API key, and no policy knows one of the request's.
    """
    if not router.open and not caller.clients:
        raise Unauthenticated(presented=caller.presented)


def check_rule(keys: ApiKeys | None, caller: Caller, model: str) -> str:
    """Return the id of the client that uses a rule with these keys; for a rule without, what is known of it.

    Raises:
        Unauthenticated: the rule needs an API key, and no policy knows one of the request's.
        PermissionDenied: the client is known, but may not use this rule.
    """
    if keys is None:
        return caller.client
    client = permitted(keys, caller)
    if client is not None:
        return client
    if not caller.clients:
        raise Unauthenticated(presented=caller.presented)
    raise PermissionDenied(f"this API key may not use the model '{model}'", param="model")


def routed_headers(router: Router, caller: Caller, headers: Headers) -> Headers:
    """Return the headers to choose a rule by: those that name the client are ours, never the client's own."""
    names = router.identity_headers
    if not names:
        return headers
    kept = {name: value for name, value in headers.items() if name not in names}
    return kept | dict.fromkeys(names, caller.client) if caller.client else kept


def forwarded_identity(keys: ApiKeys | None, client: str) -> Pairs:
    """Return the header that names the client to the upstream, if the policy asks for it."""
    return ((keys.forward_header, client),) if keys is not None and keys.forward_header is not None else ()
