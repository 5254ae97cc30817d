"""Requests for stored responses: GET and DELETE /v1/responses/{id}.

https://platform.openai.com/docs/api-reference/responses/get
"""

from __future__ import annotations

from urllib.parse import unquote

import msgspec
from msgspec.structs import replace

from aigw_extproc.errors import MethodNotAllowed, NotFound, ResponseNotFound
from aigw_extproc.exchange.admission import check_entry, check_host
from aigw_extproc.exchange.messages import NeedStored, Outcome, Reply, RequestHeaders, StoredReady
from aigw_extproc.exchange.phases import Client, Ended, Enter, Opened, Retrieving, Step, Transition, on
from aigw_extproc.exchange.response import JSON, own_headers

STORED = "/v1/responses/"
"""How the paths of stored responses begin."""


def retrieve(phase: Opened, event: RequestHeaders, path: str, enter: Enter) -> Step:
    """Look up a stored response.

    Raises:
        Unauthenticated: every rule needs an API key, and the request has none.
        NotFound: there is no store, or no such path.
        MethodNotAllowed: it is neither GET, HEAD nor DELETE.
    """
    headers = event.headers
    caller = phase.router.identify(headers, event.verified)
    retrieving = Retrieving(
        client=Client(request_id=headers.get("x-request-id"), owner=caller.owner),
        outcome=Outcome(operation="stored_response", client=caller.client),
        response_id=unquote(path.removeprefix(STORED)),
        delete=headers.get(":method") == "DELETE",
    )
    enter(retrieving)
    check_host(phase.router, headers)
    check_entry(phase.router, caller)
    if not phase.keeps or "/" in retrieving.response_id:
        raise NotFound(f"there is no {path!r} here: " + ("" if phase.keeps else "this gateway keeps no responses"))
    if headers.get(":method") not in {"GET", "HEAD", "DELETE"}:
        message = f"{path} takes GET and DELETE, not {headers.get(':method', '')}"
        raise MethodNotAllowed(message, headers=[("allow", "GET, HEAD, DELETE")])
    needed = NeedStored(owner=caller.owner, ids=(retrieving.response_id,), delete=retrieving.delete)
    return retrieving, needed


def _reply(phase: Retrieving, event: StoredReady, now: float, enter: Enter) -> Step:
    response = event.stored.found.get(phase.response_id)
    if response is None:
        raise ResponseNotFound(f"there is no response {phase.response_id!r} (any more)")
    deleted = {"id": response.id, "object": "response", "deleted": True}
    body = msgspec.json.encode(deleted) if phase.delete else response.body
    reply = Reply(status=200, headers=(JSON, *own_headers(phase)), body=body, details="aigw_stored_response")
    return Ended(client=phase.client, outcome=replace(phase.outcome, status=200)), reply


TRANSITIONS: tuple[Transition, ...] = (on(Retrieving, StoredReady, _reply),)
