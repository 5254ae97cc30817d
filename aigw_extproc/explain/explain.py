"""Drives the exchanges of one request, as the processor would, and reports what they do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import groupby
from types import MappingProxyType
from typing import Final

import msgspec

from aigw_extproc.aws.identity import Identity
from aigw_extproc.callers import Caller
from aigw_extproc.config.snapshot import MODEL_HEADER, AwsAuth, Backend
from aigw_extproc.errors import (
    FilterMissing,
    GatewayError,
    InvalidPassword,
    InvalidToken,
    ModelNotFound,
    PermissionDenied,
    Unauthenticated,
)
from aigw_extproc.exchange.admission import forwarded_identity, routed_headers
from aigw_extproc.exchange.identity import configured_identity
from aigw_extproc.exchange.machine import Exchange
from aigw_extproc.exchange.messages import (
    Action,
    AttemptHeaders,
    Continue,
    CredentialsReady,
    Delegate,
    ForwardRequest,
    Headers,
    MediaReady,
    NeedCredentials,
    NeedMedia,
    NeedStored,
    NeedUpstream,
    Pairs,
    Reply,
    RequestBody,
    RequestHeaders,
    StoredReady,
)
from aigw_extproc.exchange.upstream import BACKEND_HEADER, as_sent
from aigw_extproc.explain.changes import changes
from aigw_extproc.explain.explanation import BackendReport, Explanation, Refusal, Verdict
from aigw_extproc.explain.outgoing import STAND_IN, envoy_route, outgoing, signature
from aigw_extproc.explain.prices import estimate
from aigw_extproc.explain.reasons import next_step
from aigw_extproc.explain.request import ClientRequest
from aigw_extproc.explain.rules import verdicts
from aigw_extproc.routing import Choice, Router
from aigw_extproc.translate.contract import Fetched, Media, Stored
from aigw_extproc.translate.registry import ENDPOINTS
from aigw_extproc.wire import model_of

NO_MEDIA: Final[Mapping[str, Fetched]] = MappingProxyType({})
_PIXEL: Final = Media(
    media_type="image/png",
    base64="iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
)
_NEW_ID: Final = "0" * 32
_PIXEL_NOTE: Final = "{url} would be fetched; an image of one pixel stands for it here"
_KEPT_NOTE: Final = "the response would be kept; its id ends in 32 random digits"
_LOOKED_UP: Final = "what goes out depends on stored responses, which are not looked up here: {ids}"
_NOT_ADMITTED: Final = frozenset(
    error.code for error in (Unauthenticated, InvalidToken, InvalidPassword, PermissionDenied, FilterMissing)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What the exchanges of an explanation have instead of the outside world."""

    now: float
    """Seconds since 1970, for signatures."""
    keeps: bool = True
    """Whether the gateway keeps responses."""
    media: Mapping[str, Fetched] = field(default_factory=lambda: NO_MEDIA)
    """The content of URLs; a pixel stands for those that are missing."""


def explain(router: Router, request: ClientRequest, setting: Setting) -> Explanation:
    """Return what a gateway with these rules would do with a request."""
    explanation = _explain(router, request, setting)
    refusal = explanation.refusal
    if refusal is None or refusal.code not in _NOT_ADMITTED:
        return explanation
    # An operator has no client's key, and wants to see the rest all the same.
    rules = tuple(replace(rule, policy=None) for rule in router.snapshot.rules)
    admitted = _explain(Router(replace(router.snapshot, rules=rules), lists=router.listed.lists), request, setting)
    if admitted.refusal is not None:
        return explanation
    return msgspec.structs.replace(admitted, client=explanation.client, refusal=refusal, admitted=False)


def _explain(router: Router, request: ClientRequest, setting: Setting) -> Explanation:
    caller = router.identify(request.headers)
    machine = Exchange(router, pick=0.0, keeps=setting.keeps)
    explanation = _about(router, request, caller)
    if len(request.body) > router.snapshot.buffer_limit:
        return msgspec.structs.replace(explanation, refusal=_too_large(router.snapshot.buffer_limit))
    action = machine.receive(RequestHeaders(request.headers, end_of_stream=not request.body), now=setting.now)
    if isinstance(action, Continue):
        action = machine.receive(RequestBody(request.body), now=setting.now)
    elif isinstance(action, NeedStored):
        return msgspec.structs.replace(explanation, notes=(_LOOKED_UP.format(ids=", ".join(action.ids)),))
    choice = _choice(router, request, caller, explanation.model)
    headers = routed_headers(router, caller, request.headers)
    explanation = msgspec.structs.replace(
        explanation,
        stream=machine.outcome.stream,
        verdicts=_verdicts(router, choice, explanation.model, headers),
    )
    if choice is None or (machine.outcome.backend is None and isinstance(action, Reply)):
        refusal = _refusal(machine, action, request, router) if isinstance(action, Reply) else None
        return msgspec.structs.replace(explanation, refusal=refusal)
    driver = _Driver(router=router, request=request, caller=caller, choice=choice, setting=setting)
    reports = tuple(driver.attempts(action) if isinstance(action, Delegate) else driver.alternatives())
    return msgspec.structs.replace(
        explanation,
        stream=driver.streams,
        client=machine.outcome.client,
        failover=_failover(choice),
        backends=reports,
    )


def _about(router: Router, request: ClientRequest, caller: Caller) -> Explanation:
    endpoint = ENDPOINTS.get(request.path)
    try:
        model = model_of(request.body) if endpoint is not None else ""
    except GatewayError:
        model = ""
    return Explanation(
        method=request.headers[":method"],
        path=request.path,
        endpoint=endpoint.name if endpoint is not None else "",
        model=model,
        client=caller.client,
        stream=False,
        bytes=len(request.body),
        limit=router.snapshot.buffer_limit,
    )


def _choice(router: Router, request: ClientRequest, caller: Caller, model: str) -> Choice | None:
    try:
        return router.choose(model, routed_headers(router, caller, request.headers)) if model else None
    except ModelNotFound:
        return None


def _verdicts(router: Router, choice: Choice | None, model: str, headers: Headers) -> tuple[Verdict, ...]:
    return tuple(verdicts(router.snapshot.rules, choice.rule if choice else "", model, headers)) if model else ()


def _failover(choice: Choice) -> str:
    if choice.failover is None:
        return ""
    retry = choice.failover.retry
    statuses = f" ({', '.join(map(str, sorted(retry.status_codes)))})" if retry.status_codes else ""
    times = "once" if retry.retries == 1 else f"{retry.retries} times"
    return f"another backend is tried up to {times}, after {', '.join(sorted(retry.triggers))}{statuses}"


def _refusal(machine: Exchange, reply: Reply, request: ClientRequest, router: Router) -> Refusal:
    error = machine.outcome.error
    if error is None:  # the list of models
        return Refusal(status=reply.status, message="the gateway answers by itself", body=msgspec.Raw(reply.body))
    names = (model.id for model in router.snapshot.models)
    model = machine.outcome.model or _model(request)
    return Refusal(
        status=error.status,
        message=error.message,
        code=error.code or error.type,
        param=error.param or "",
        body=msgspec.Raw(reply.body),
        next_step=next_step(error, request.path, model, names),
    )


def _model(request: ClientRequest) -> str:
    try:
        return model_of(request.body)
    except GatewayError:
        return ""


def _too_large(limit: int) -> Refusal:
    return Refusal(
        status=413,
        message=f"the request body is larger than the {limit} bytes that this gateway accepts",
        code="request_too_large",
        next_step="send less, or raise `connection.bufferLimit` in a ClientTrafficPolicy",
    )


@dataclass(slots=True, kw_only=True)
class _Driver:
    """Drives one exchange for each backend that may get the request."""

    router: Router
    request: ClientRequest
    caller: Caller
    choice: Choice
    setting: Setting
    streams: bool = False
    """Whether a backend would stream its response."""

    def alternatives(self) -> Iterator[BackendReport]:
        """Yield the backends of a rule that picks one by weight."""
        total, before = self.choice.bounds[-1], 0
        for backend, bound in zip(self.choice.backends, self.choice.bounds, strict=True):
            machine = Exchange(self.router, pick=(before + bound) / 2 / total, keeps=self.setting.keeps)
            machine.receive(RequestHeaders(self.request.headers, end_of_stream=False), now=self.setting.now)
            action = machine.receive(RequestBody(self.request.body), now=self.setting.now)
            yield self._report(machine, action, backend, (bound - before) / total, self.request.headers)
            before = bound

    def attempts(self, delegated: Delegate) -> Iterator[BackendReport]:
        """Yield the backends of a rule with failover, in the order in which Envoy tries them."""
        failover = self.choice.failover
        rule = next(rule for rule in self.router.snapshot.rules if rule.name == self.choice.rule)
        hosts = zip(rule.backends, failover.hosts if failover else (), strict=True)
        active = [(backend, host) for backend, host in hosts if backend.weight]
        headers = {
            name: value for name, value in self.request.headers.items() if name not in delegated.remove_headers
        } | dict(delegated.set_headers)
        for _, group in groupby(sorted(active, key=lambda one: one[0].priority), key=lambda one: one[0].priority):
            equals = list(group)
            total = sum(backend.weight for backend, _ in equals)
            for backend, host in equals:
                machine = Exchange(self.router, pick=0.0, keeps=self.setting.keeps)
                machine.receive(AttemptHeaders(headers, host), now=self.setting.now)
                action = machine.receive(RequestBody(self.request.body), now=self.setting.now)
                yield self._report(machine, action, backend, backend.weight / total, headers, delegated)

    def _report(
        self,
        machine: Exchange,
        action: Action,
        backend: Backend,
        share: float,
        headers: Headers,
        delegated: Delegate | None = None,
    ) -> BackendReport:
        notes: list[str] = []
        action = self._provided(machine, action, notes)
        outcome = machine.outcome
        self.streams = self.streams or outcome.stream
        report = BackendReport(
            name=backend.name,
            schema=backend.schema.name,
            model=outcome.request_model,
            priority=backend.priority,
            share=round(100 * share, 1),
            notes=tuple(notes),
        )
        if isinstance(action, Reply):
            return msgspec.structs.replace(report, refusal=_refusal(machine, action, self.request, self.router))
        if not isinstance(action, ForwardRequest | NeedUpstream):
            return report
        identity = _identity(backend.auth, headers)
        shown = frozenset(name for name, _ in self._identity_headers())
        forwarded = action if isinstance(action, ForwardRequest) else None
        calls = action.calls if isinstance(action, NeedUpstream) else ()
        if forwarded is not None:
            calls = (as_sent(forwarded, headers, backend.upstream.host),)
        routed = delegated or forwarded
        set_headers = routed.set_headers if forwarded is not None and routed is not None else _DIRECT
        return msgspec.structs.replace(
            report,
            requests=tuple(outgoing(call, shown) for call in calls),
            removed_headers=_removed(forwarded, headers, self.request.headers),
            signature=signature(backend, dict(calls[0].headers), identity),
            envoy=envoy_route(backend.upstream, dict(set_headers)[BACKEND_HEADER], set_headers),
            price=estimate(outcome, backend, calls[0].body),
            changes=changes(self.request.body, [call.body for call in calls], outcome.dropped),
        )

    def _identity_headers(self) -> Pairs:
        return forwarded_identity(self.choice.policy, self.caller)

    def _provided(self, machine: Exchange, action: Action, notes: list[str]) -> Action:
        """Answer what the exchange asks for with stand-ins, and note that."""
        setting = self.setting
        if isinstance(action, NeedStored):
            if action.ids:
                notes.append(_LOOKED_UP.format(ids=", ".join(action.ids)))
                return action
            notes.append(_KEPT_NOTE)
            action = machine.receive(StoredReady(Stored(new_id=_NEW_ID)), now=setting.now)
        if isinstance(action, NeedMedia):
            notes += (_PIXEL_NOTE.format(url=url) for url in action.urls if url not in setting.media)
            fetched = {url: setting.media.get(url, _PIXEL) for url in action.urls}
            action = machine.receive(MediaReady(fetched), now=setting.now)
        if isinstance(action, NeedCredentials):
            action = machine.receive(CredentialsReady(STAND_IN), now=setting.now)
        return action


_DIRECT: Final[Pairs] = ((BACKEND_HEADER, "(none: the gateway sends these requests itself)"),)


def _identity(auth: AwsAuth | None, headers: Headers) -> Identity | None:
    """Return who signs: the request's own credentials, or fixed ones; a stand-in for those that are looked up."""
    if auth is None:
        return None
    try:
        return configured_identity(auth, headers) or STAND_IN
    except GatewayError:
        return None


def _removed(forwarded: ForwardRequest | None, headers: Headers, client: Headers) -> tuple[str, ...]:
    removed = forwarded.remove_headers if forwarded is not None else ()
    return tuple(name for name in removed if name in client and name != MODEL_HEADER)
