"""The transitions from the client's request headers to the signed request."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from msgspec.structs import replace

from aigw_extproc.config.limits import NO_QUOTAS, Limit
from aigw_extproc.config.snapshot import Backend
from aigw_extproc.errors import InvalidRequest, MethodNotAllowed, NotFound, UnsupportedMedia
from aigw_extproc.exchange.admission import check_entry, check_host, check_rule, forwarded_identity, routed_headers
from aigw_extproc.exchange.delegation import delegate
from aigw_extproc.exchange.identity import configured_identity
from aigw_extproc.exchange.limiting import admitted, check_priced, needed_limits
from aigw_extproc.exchange.messages import (
    Continue,
    CredentialsReady,
    Headers,
    LimitsReady,
    MediaReady,
    NeedCredentials,
    NeedLimits,
    NeedMedia,
    NeedStored,
    Outcome,
    Pairs,
    Reply,
    RequestBody,
    RequestHeaders,
    StoredReady,
)
from aigw_extproc.exchange.names import check_model, dropped_names
from aigw_extproc.exchange.phases import (
    Accepted,
    Attempting,
    Client,
    Ended,
    Enter,
    Limiting,
    Opened,
    Parsed,
    Step,
    Transition,
    Translated,
    on,
)
from aigw_extproc.exchange.reserving import bounds
from aigw_extproc.exchange.response import JSON, own_headers
from aigw_extproc.exchange.stored import STORED, retrieve
from aigw_extproc.exchange.upstream import forward
from aigw_extproc.routing import Choice
from aigw_extproc.translate.clients.models import MODEL_PATHS, model_list_at
from aigw_extproc.translate.contract import Fetched, FetchFailed, MediaNeeded, StateNeeded, Target
from aigw_extproc.translate.registry import ENDPOINTS, error_format, parse
from aigw_extproc.wire import check_structure, model_of

_FETCH_DISABLED = FetchFailed(reason="cannot be fetched: this gateway is not allowed to; send the image as a data: URI")


def _request_headers(phase: Opened, event: RequestHeaders, now: float, enter: Enter) -> Step:
    headers = event.headers
    path = headers.get(":path", "").partition("?")[0]
    endpoint = ENDPOINTS.get(path)
    if endpoint is None:
        if path.startswith(STORED):
            return retrieve(phase, event, path, enter)
        return _list_models(phase, event, path, enter)
    caller = phase.router.identify(headers, event.verified)
    client = Client(
        request_id=headers.get("x-request-id"),
        render_error=endpoint.render_error,
        owner=caller.owner if phase.keeps else "",
    )
    accepted = Accepted(
        client=client,
        outcome=Outcome(operation=endpoint.name, client=caller.client),
        router=phase.router,
        pick=phase.pick,
        endpoint=endpoint,
        headers=headers,
        caller=caller,
        keeps=phase.keeps,
    )
    enter(accepted)
    check_host(phase.router, headers)
    check_entry(phase.router, caller)
    _require_method("POST", headers, path)
    _require_json(headers)
    if event.end_of_stream:
        raise InvalidRequest("the request body is empty; a JSON object is expected")
    limits = phase.router.entry_limits
    needed = needed_limits(limits, phase.router, caller, headers, now) if limits else None
    return accepted, Continue() if needed is None else needed


def _entry_counted(phase: Accepted, event: LimitsReady, now: float, enter: Enter) -> Step:
    return replace(phase, outcome=admitted(phase.outcome, phase.client, event, now)), Continue()


def _list_models(phase: Opened, event: RequestHeaders, path: str, enter: Enter) -> Step:
    headers = event.headers
    model_list = model_list_at(path, headers)
    client = Client(request_id=headers.get("x-request-id"), render_error=error_format(path, headers))
    caller = phase.router.identify(headers, event.verified)
    operation = "models" if model_list else Outcome().operation
    opened = replace(phase, client=client, outcome=Outcome(operation=operation, client=caller.client))
    enter(opened)
    check_host(phase.router, headers)
    check_entry(phase.router, caller)
    if model_list is None:
        *others, last = (*ENDPOINTS, *MODEL_PATHS)
        raise NotFound(f"there is no {path!r} here; try {', '.join(others)} or {last}")
    _require_method("GET", headers, path, or_head=True)
    body = model_list.respond(phase.router.models(headers, caller), headers[":path"])
    reply = Reply(status=200, headers=(JSON, *own_headers(opened)), body=body, details="aigw_models")
    return Ended(client=client, outcome=replace(opened.outcome, status=200)), reply


def _request_body(phase: Accepted, event: RequestBody, now: float, enter: Enter) -> Step:
    check_structure(event.body)
    model = model_of(event.body)
    check_model(model)  # before rules match it: their cost and the error's text grow with the name
    choice = phase.router.choose(model, routed_headers(phase.router, phase.caller, phase.headers))
    client = check_rule(choice.policy, phase.caller, model)
    identity = forwarded_identity(choice.policy, phase.caller)
    outcome = replace(phase.outcome, client=client, model=model, named=phase.router.names(model))
    limits = choice.limits
    if choice.failover is None:
        backend = choice.pick(phase.pick)
        outcome = replace(outcome, backend=backend, request_model=phase.router.listed.id_of(backend, model))
        if backend.quotas is not NO_QUOTAS:
            limits += backend.quotas.of(outcome.request_model)
    accepted = replace(phase, outcome=outcome)
    enter(accepted)
    needed = _needed(accepted, choice, limits, model, event.body, now) if limits else None
    if needed is None:
        return _proceed(accepted, outcome, identity, choice, event.body, now, enter)
    limiting = Limiting(
        client=phase.client, outcome=outcome, before=accepted, body=event.body, identity=identity, choice=choice
    )
    return limiting, needed


def _needed(
    phase: Accepted, choice: Choice, limits: tuple[Limit, ...], model: str, body: bytes, now: float
) -> NeedLimits | None:
    chosen = phase.outcome.backend
    backends = choice.backends if chosen is None else (chosen,)
    models = [phase.router.listed.id_of(backend, model) for backend in backends]
    at_most = partial(bounds, backends, models, phase.outcome, body)
    return needed_limits(limits, phase.router, phase.caller, phase.headers, now, model=model, bounds=at_most)


def _counted(phase: Limiting, event: LimitsReady, now: float, enter: Enter) -> Step:
    outcome = admitted(phase.outcome, phase.client, event, now)
    enter(replace(phase, outcome=outcome))
    return _proceed(phase.before, outcome, phase.identity, phase.choice, phase.body, now, enter)


def _proceed(
    phase: Accepted | Attempting,
    outcome: Outcome,
    identity: Pairs,
    choice: Choice | None,
    body: bytes,
    now: float,
    enter: Enter,
) -> Step:
    """Go on with a request that its limits let pass."""
    if isinstance(phase, Accepted) and choice is not None and choice.failover is not None:
        return delegate(phase, outcome, choice, choice.failover, identity)
    if outcome.backend is None:
        raise ValueError("without failover, the backend has been chosen with the rule")
    return begin(phase, outcome, outcome.backend, identity, body, now, enter)


def begin(
    phase: Accepted | Attempting,
    outcome: Outcome,
    backend: Backend,
    identity: Pairs,
    body: bytes,
    now: float,
    enter: Enter,
) -> Step:
    """Translate a request for the backend that it goes to.

    Raises:
        InvalidRequest: the backend's schema does not serve this endpoint, or the body is not valid for it.
        PriceUnknown: the client has a budget, and the price of the model is not known.
    """
    if outcome.dues:
        check_priced(outcome, backend)
    request = parse(phase.endpoint, backend.schema.name, body, phase.headers)
    parsed = Parsed(
        client=phase.client,
        outcome=outcome,
        headers=phase.headers,
        backend=backend,
        request=request,
        identity=identity,
        keeps=phase.keeps,
    )
    return _translate(parsed, {}, now, enter)


def _stored_ready(phase: Parsed, event: StoredReady, now: float, enter: Enter) -> Step:
    return _translate(replace(phase, stored=event.stored), {}, now, enter)


def _media_ready(phase: Parsed, event: MediaReady, now: float, enter: Enter) -> Step:
    return _translate(phase, event.fetched, now, enter)


def _translate(phase: Parsed, fetched: Mapping[str, Fetched], now: float, enter: Enter) -> Step:
    backend, model = phase.backend, phase.outcome.request_model
    settings = backend.settings
    target = Target(
        model=model,
        family=settings.families.of(model),
        schema=backend.schema,
        fetched=fetched,
        keeps=phase.keeps,
        stored=phase.stored,
        cache_points=settings.cache_points,
        counts=bool(backend.costs),
    )
    try:
        request = phase.request(target)
    except StateNeeded as needed:
        return phase, NeedStored(owner=phase.client.owner, ids=needed.ids)
    except MediaNeeded as needed:
        if settings.fetch_images:
            return phase, NeedMedia(needed.urls, settings.fetch_images_from)
        return _translate(phase, dict.fromkeys(needed.urls, _FETCH_DISABLED), now, enter)
    outcome = replace(phase.outcome, stream=request.stream, dropped=request.dropped)
    translated = Translated(
        client=phase.client,
        outcome=outcome,
        headers=phase.headers,
        backend=backend,
        request=request,
        identity=phase.identity,
    )
    enter(translated)
    return _authorize(translated, now)


def _authorize(phase: Translated, now: float) -> Step:
    dropped, backend = phase.request.dropped, phase.backend
    if dropped and backend.settings.dropped_parameters == "refuse":
        others = f", nor can {dropped_names(dropped[1:])}" if dropped[1:] else ""
        raise InvalidRequest.at(dropped[0], f"cannot be passed on to this model as it is{others}")
    if backend.auth is None:
        return forward(phase, None, now)
    identity = configured_identity(backend.auth, phase.headers)
    return (phase, NeedCredentials(backend.auth)) if identity is None else forward(phase, identity, now)


def _credentials_ready(phase: Translated, event: CredentialsReady, now: float, enter: Enter) -> Step:
    return forward(phase, event.identity, now)


def _is_web_page(headers: Headers) -> bool:
    """Return whether a page of another site may have sent the request.

    A browser sends JSON for it only after a preflight, but text, forms and bodies without a type at once:
    https://fetch.spec.whatwg.org/#cors-safelisted-request-header
    """
    return "origin" in headers or headers.get("sec-fetch-site", "").strip().lower() == "cross-site"


def _require_method(expected: str, headers: Headers, path: str, *, or_head: bool = False) -> None:
    method = headers.get(":method", "")
    if method != expected and not (or_head and method == "HEAD"):
        allowed = f"{expected}, HEAD" if or_head else expected
        raise MethodNotAllowed(f"{path} takes {expected}, not {method}", headers=[("allow", allowed)])


def _require_json(headers: Headers) -> None:
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    also_json = media_type.endswith("+json") or "content-type" not in headers
    if media_type != "application/json" and (_is_web_page(headers) or not also_json):
        raise UnsupportedMedia.at("content-type", f"expected application/json, got {media_type!r}")
    encoding = headers.get("content-encoding", "").strip().lower()
    if encoding and encoding != "identity":
        raise UnsupportedMedia.at("content-encoding", f"{encoding!r} is not supported here; send the body as it is")


TRANSITIONS: tuple[Transition, ...] = (
    on(Opened, RequestHeaders, _request_headers),
    on(Accepted, LimitsReady, _entry_counted),
    on(Accepted, RequestBody, _request_body),
    on(Limiting, LimitsReady, _counted),
    on(Parsed, StoredReady, _stored_ready),
    on(Parsed, MediaReady, _media_ready),
    on(Translated, CredentialsReady, _credentials_ready),
)
