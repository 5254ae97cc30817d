"""The routes of the page, and what every answer of it has."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from importlib.resources import files
from typing import Final
from urllib.parse import parse_qs

import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from aigw_extproc.explain.explain import Setting, explain
from aigw_extproc.explain.explanation import Explanation, to_json
from aigw_extproc.explain.request import DEFAULT_PATH, ClientRequest, client_request, header
from aigw_extproc.page.access import COOKIE, SESSION_SECONDS, Access, is_same_origin
from aigw_extproc.page.chat import KEY_HEADER, Door
from aigw_extproc.page.source import Source
from aigw_extproc.page.status import status_of
from aigw_extproc.page.traffic import exchanges
from aigw_extproc.page.views import explain as explain_view
from aigw_extproc.page.views import login as login_view
from aigw_extproc.page.views import models as models_view
from aigw_extproc.page.views import overview as overview_view
from aigw_extproc.page.views import playground as playground_view
from aigw_extproc.page.views import traffic as traffic_view

MAX_BODY: Final = 2**20
"""Bytes of a request that is to be explained, or of a chat."""
_WRONG_TOKEN_SECONDS: Final = 0.5
_TYPES: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_HEADERS: Final = {
    # https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Content-Security-Policy
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",  # with `no-referrer` a form of the page itself would have the origin `null`
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}

Handler = Callable[[Request], Awaitable[Response]]


class _TooLarge(Exception):
    """The body of a request has more than MAX_BODY bytes."""


class Page:
    """The page of one gateway."""

    def __init__(self, source: Source, access: Access, clock: Callable[[], float] = time.time) -> None:
        """`clock` returns seconds since 1970."""
        self._source = source
        self._access = access
        self._clock = clock
        self._door = Door(source.gateway) if source.gateway else None
        self._assets = _assets()

    def routes(self) -> list[Route]:
        """Return the routes of the page."""
        return [
            Route("/", self._guarded(self._overview), methods=["GET"]),
            Route("/traffic", self._guarded(self._traffic), methods=["GET"]),
            Route("/traffic/rows", self._guarded(self._rows), methods=["GET"]),
            Route("/explain", self._guarded(self._explain_form), methods=["GET"]),
            Route("/explain", self._guarded(self._explain), methods=["POST"]),
            Route("/playground", self._guarded(self._playground), methods=["GET"]),
            Route("/playground/chat", self._guarded(self._chat), methods=["POST"]),
            Route("/models", self._guarded(self._models), methods=["GET"]),
            Route("/status.json", self._guarded(self._status), methods=["GET"]),
            Route("/login", self._guarded(self._login_form, signed_in=False), methods=["GET"]),
            Route("/login", self._guarded(self._login, signed_in=False), methods=["POST"]),
            Route("/assets/{name}", self._guarded(self._asset, signed_in=False), methods=["GET"]),
        ]

    def _guarded(self, handler: Handler, *, signed_in: bool = True) -> Handler:
        """Return a handler that checks who asks, and whose answers have the headers of all."""

        async def guarded(request: Request) -> Response:
            response = self._refusal(request, signed_in=signed_in)
            if response is None:
                try:
                    response = await handler(request)
                except _TooLarge:
                    response = _error(413, f"the request has more than {MAX_BODY} bytes")
            response.headers.update({**_HEADERS, **response.headers})
            return response

        return guarded

    def _refusal(self, request: Request, *, signed_in: bool) -> Response | None:
        if not self._access.allows_host(request.headers):
            return _error(403, "this page is for this machine alone: open it as http://127.0.0.1:PORT")
        if request.method == "POST" and not is_same_origin(request.headers):
            return _error(403, "a page of another site may not do this")
        if signed_in and not self._access.signed_in(request.headers, self._clock()):
            if request.method == "GET" and "text/html" in request.headers.get("accept", ""):
                return RedirectResponse("/login", 303)
            return _error(401, "this page needs its token, as 'Authorization: Bearer TOKEN'")
        return None

    # --- what runs ----------------------------------------------------------------------------------------------

    async def _overview(self, _request: Request) -> Response:
        return HTMLResponse(overview_view.overview(status_of(self._source, self._clock())))

    async def _status(self, _request: Request) -> Response:
        body = msgspec.json.encode(status_of(self._source, self._clock()))
        return Response(body, media_type="application/json")

    async def _traffic(self, _request: Request) -> Response:
        return HTMLResponse(traffic_view.traffic(exchanges(self._source.traffic())))

    async def _rows(self, _request: Request) -> Response:
        return HTMLResponse(traffic_view.rows(exchanges(self._source.traffic())))

    async def _models(self, _request: Request) -> Response:
        return HTMLResponse(models_view.models(self._source.models()))

    # --- explain ------------------------------------------------------------------------------------------------

    async def _explain_form(self, _request: Request) -> Response:
        model = next((model.id for model in self._source.models()), "us.amazon.nova-micro-v1:0")
        body = explain_view.EXAMPLE.replace('"MODEL"', msgspec.json.encode(model).decode())
        return HTMLResponse(explain_view.form(DEFAULT_PATH, "", body))

    async def _explain(self, request: Request) -> Response:
        """Answer a program with JSON, and the form with a page."""
        data = await _body(request)
        if _media_type(request) != "application/x-www-form-urlencoded":
            path = request.query_params.get("path")
            explained = await self._explained(client_request(data, path=path))
            return Response(to_json(explained), media_type="application/json")
        fields = _form(data)
        path, headers, text = (fields.get(name, "") for name in ("path", "headers", "body"))
        try:
            pairs = [header(line) for line in headers.splitlines() if line.strip()]
        except ValueError as error:
            return HTMLResponse(explain_view.form(path, headers, text, explain_view.fault(str(error))), 400)
        asked = client_request(text.encode(), path=path or None, headers=pairs)
        report = explain_view.report(await self._explained(asked), asked.body)
        return HTMLResponse(explain_view.form(path, headers, text, report))

    async def _explained(self, request: ClientRequest) -> Explanation:
        setting = Setting(now=self._clock(), keeps=self._source.keeps)
        # In a thread: a large request takes some time, and streams must not wait for it.
        return await asyncio.to_thread(explain, self._source.router(), request, setting)

    # --- playground ---------------------------------------------------------------------------------------------

    async def _playground(self, _request: Request) -> Response:
        return HTMLResponse(playground_view.playground(self._source.models(), self._source.gateway))

    async def _chat(self, request: Request) -> Response:
        if self._door is None:
            return _error(404, "where clients connect is not known: start with --gateway-url URL")
        return await self._door.send(await _body(request), request.headers.get(KEY_HEADER, ""))

    # --- signing in, and the files ------------------------------------------------------------------------------

    async def _login_form(self, _request: Request) -> Response:
        return HTMLResponse(login_view.login(wrong=False))

    async def _login(self, request: Request) -> Response:
        now = self._clock()
        session = self._access.session(_form(await _body(request)).get("token", ""), now)
        if session is None:
            await asyncio.sleep(_WRONG_TOKEN_SECONDS)
            return HTMLResponse(login_view.login(wrong=True), 403)
        response = RedirectResponse("/", 303)
        response.set_cookie(COOKIE, session, max_age=SESSION_SECONDS, httponly=True, samesite="strict")
        return response

    async def _asset(self, request: Request) -> Response:
        asset = self._assets.get(request.path_params["name"])
        if asset is None:
            return _error(404, "there is no such file")
        content, media_type = asset
        return Response(content, media_type=media_type, headers={"cache-control": "no-cache"})


def _assets() -> Mapping[str, tuple[bytes, str]]:
    folder = files("aigw_extproc.page") / "assets"
    found = [each for each in folder.iterdir() if each.name[each.name.rfind(".") :] in _TYPES]
    return {each.name: (each.read_bytes(), _TYPES[each.name[each.name.rfind(".") :]]) for each in found}


def _error(status: int, message: str) -> Response:
    return JSONResponse({"error": {"message": message}}, status)


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _form(data: bytes) -> dict[str, str]:
    fields = parse_qs(data.decode(errors="replace"), keep_blank_values=True, max_num_fields=10)
    return {name: values[0] for name, values in fields.items()}


async def _body(request: Request) -> bytes:
    """Return the body of a request.

    Raises:
        _TooLarge: it has more than MAX_BODY bytes.
    """
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_BODY:
            raise _TooLarge
    return body
