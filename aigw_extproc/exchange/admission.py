"""Who may come in: the checks of a request's sender, before its body is read and when its rule is known."""

from __future__ import annotations

from collections.abc import Mapping

from aigw_extproc.callers import (
    Caller,
    authentication_fault,
    claimed_headers,
    client_of,
    identity_headers,
    is_authorized,
)
from aigw_extproc.config.policies import Policy
from aigw_extproc.errors import GatewayError, HostNotAllowed, InternalError, PermissionDenied, Unauthenticated
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
        GatewayError: the reason: every rule needs a client that some policy knows, and this one is unknown.
    """
    if router.open or caller.clients:
        return
    # Without a key only these can be met.
    faults = [_fault(policy, caller, "this client may not use this gateway") for policy in router.callers.keyless]
    if None in faults:
        return
    likely = min(router.callers.policies, key=lambda policy: _distance(policy, caller))
    fault = next((each for each in faults if isinstance(each, PermissionDenied)), authentication_fault(likely, caller))
    raise fault or InternalError()


def _distance(policy: Policy, caller: Caller) -> int:
    """Return how far a policy is from what the request has: the nearest one says what is wrong."""
    if policy.name in caller.faults:
        return 0
    presented = policy.keys is not None and caller.presented == ("password" if policy.keys.basic else "key")
    return 1 if presented else 2


def check_rule(policy: Policy | None, caller: Caller, model: str) -> str:
    """Return the id of the client that uses a rule of this policy; for a rule without, what is known of it.

    Raises:
        GatewayError: the policy does not know the client, or does not let it use this rule.
    """
    if policy is None:
        return caller.client
    known = "API key" if caller.clients else "client"
    fault = _fault(policy, caller, f"this {known} may not use the model '{model}'")
    if fault is not None:
        raise fault
    return client_of(policy, caller) or caller.client


def _fault(policy: Policy, caller: Caller, denied: str) -> GatewayError | None:
    """Return why a policy does not let a caller in; `denied` is the text for a client that is known somewhere."""
    fault = authentication_fault(policy, caller)
    known = policy.name in caller.clients or policy.name in caller.tokens
    elsewhere = not known and (caller.clients or caller.tokens)
    if (fault is None and not is_authorized(policy, caller)) or (elsewhere and isinstance(fault, Unauthenticated)):
        return PermissionDenied(denied, param="model")
    return fault


def routed_headers(router: Router, caller: Caller, headers: Headers) -> Headers:
    """Return the headers to choose a rule by: those that name the client are ours, never the client's own."""
    names = router.identity_headers
    return _identified(router, caller, headers, names, router.client_headers) if names else headers


def identified_headers(router: Router, caller: Caller, headers: Headers) -> Mapping[str, str]:
    """Return the headers to choose limits by: as `routed_headers`, with all that is known of the client."""
    return _identified(router, caller, headers, router.callers.identity, router.callers.client_headers)


def _identified(
    router: Router, caller: Caller, headers: Headers, names: frozenset[str], client_headers: frozenset[str]
) -> dict[str, str]:
    kept = {name: value for name, value in headers.items() if name not in names}
    ours = dict.fromkeys(client_headers, caller.client) if caller.client else {}
    return kept | ours | claimed_headers(router.callers.policies, caller)


def forwarded_identity(policy: Policy | None, caller: Caller) -> Pairs:
    """Return the headers that name the client to the upstream, where the policy asks for it."""
    if policy is None:
        return ()
    headers = identity_headers(policy, caller)
    return tuple((name, value) for name, value in headers.items() if name in policy.forwarded)
