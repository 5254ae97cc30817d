"""The pages and their routes, with values in place of a running gateway."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import pytest
from msgspec.structs import replace
from starlette.applications import Starlette
from starlette.testclient import TestClient

from aigw_extproc.config.snapshot import RoutedModel, Rule
from aigw_extproc.config.traffic import Failover, Retry
from aigw_extproc.explain.explanation import to_json
from aigw_extproc.page.access import Access
from aigw_extproc.page.app import MAX_BODY, Page
from aigw_extproc.page.traffic import Record
from aigw_extproc.routing import Router
from tests.envoy_config.running import Handler, running_upstream
from tests.explain.samples import explained, question, router
from tests.page.test_access import TOKEN
from tests.test_exchange import BACKEND, NOW

EVIL = "<script>alert(1)</script>\"'&"
RECORD = Record(
    started=NOW,
    seconds=0.64,
    first_piece=0.1,
    request_id="r",
    attempt=False,
    operation="chat",
    client=EVIL,
    model=EVIL,
    request_model="nova",
    backend="default/b",
    stream=True,
    status=200,
    code="",
    input_tokens=1234,
    output_tokens=5,
    cached_tokens=0,
    cost=1230,
    estimated=True,
    dropped=(EVIL,),
)


@dataclass
class Running:
    """A gateway as a value."""

    started: float = NOW - 120
    gateway: str = ""
    keeps: bool = True
    rules: Router = field(default_factory=router)
    records: tuple[Record, ...] = ()
    problems: tuple[str, ...] = ()
    credentials: tuple[dict[str, Any], ...] = ()
    listed: tuple[RoutedModel, ...] = ()
    workers: int | None = None

    def details(self) -> Mapping[str, Any]:
        config = {"loaded_at": NOW, "reloads": 2, "rejections": 1, "problems": list(self.problems)}
        workers = {} if self.workers is None else {"workers_running": self.workers}
        return {"config": config, "credentials": list(self.credentials), "warnings": (), **workers}

    def router(self) -> Router:
        return self.rules

    def traffic(self) -> Iterable[Record]:
        return self.records

    def models(self) -> Sequence[RoutedModel]:
        return self.listed


def client(source: Running | None = None, access: Access | None = None) -> TestClient:
    page = Page(source or Running(), access or Access(), clock=lambda: NOW)
    return TestClient(Starlette(routes=page.routes()), base_url="http://127.0.0.1:1064", follow_redirects=False)


class _Text(HTMLParser):
    """Collects the text of a page, and its elements."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.elements: list[str] = []

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.elements.append(tag)


def read(html: str) -> str:
    """The text of a page. The only script in it is the page's own."""
    parser = _Text()
    parser.feed(html)
    assert parser.elements.count("script") <= 1
    assert " style=" not in html
    assert not re.search(r"\son\w+=", html)
    return " ".join(" ".join(parser.texts).split())


def page(path: str, source: Running | None = None) -> str:
    response = client(source).get(path)
    assert response.status_code == 200
    return read(response.text)


# --- what is shown ----------------------------------------------------------------------------------------------


def test_what_runs() -> None:
    text = page("/", Running(workers=3, records=(RECORD,)))
    for part in ("2 min", "Workers 3", "in effect", "2 applied, 1 rejected", "1 requests, 0 failed"):
        assert part in text
    for part in ("default/r/rule/0", "everything", "default/b", "bedrock.test", "us-east-1", "configuration"):
        assert part in text


def test_faults_of_the_files_are_named() -> None:
    text = page("/", Running(problems=("a.yaml: AIGatewayRoute default/r: spec.rules: expected a list",)))
    assert "the files have errors" in text
    assert "a.yaml: AIGatewayRoute default/r: spec.rules: expected a list" in text


def test_credentials_and_their_expiry() -> None:
    entry = {"source": "default chain", "method": "iam-role", "usable": True, "expires_in": 5400.0, "error": None}
    fault = {"source": "profile a", "method": None, "usable": False, "expires_in": None, "error": "no such profile"}
    text = page("/", Running(credentials=(entry | {"pid": 7}, fault)))
    assert "default chain iam-role usable 90 min 7" in text
    assert "profile a no such profile – none – –" in text  # noqa: RUF001 - empty cells


def test_traffic() -> None:
    text = page("/traffic", Running(records=(RECORD,)))
    assert "1,234" in text
    assert "640 ms" in text
    assert "~$0.00123 " in text
    assert f"{EVIL} → nova" in text
    assert "No request yet." in page("/traffic")


def test_attempts_are_below_their_request() -> None:
    attempts = [
        replace(RECORD, attempt=True, status=503, code="throttled"),
        replace(RECORD, attempt=True, started=NOW + 1),
    ]
    text = page("/traffic/rows", Running(records=(RECORD, *attempts)))
    assert "↳ attempt 1" in text
    assert "503 throttled" in text


def test_models() -> None:
    listed = (RoutedModel(id=EVIL, owned_by="us", created=0, name="Nova", legacy=True),)
    text = page("/models", Running(listed=listed))
    assert f"{EVIL} legacy Nova us" in text
    assert "No rule lists a model." in page("/models")


def test_the_status_for_programs() -> None:
    status = client(Running(records=(RECORD,), workers=2)).get("/status.json").json()
    assert (status["workers"], status["requests"], status["failed"]) == (2, 1, 0)
    assert status["rules"][0]["backends"][0]["region"] == "us-east-1"


@pytest.mark.parametrize("path", ["/", "/traffic", "/explain", "/playground", "/models"])
def test_every_page_is_in_the_navigation_and_nothing_comes_from_elsewhere(path: str) -> None:
    response = client().get(path)
    assert f'href="{path}" aria-current="page"' in response.text
    assert "//" not in re.sub(r"<(code|dd|textarea)\b.*?</\1>", "", response.text, flags=re.DOTALL)
    policy = response.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'self'; script-src 'self'; ")
    assert "frame-ancestors 'none'" in policy
    assert (response.headers["x-content-type-options"], response.headers["cache-control"]) == ("nosniff", "no-store")


@pytest.mark.parametrize(
    ("name", "media_type"), [("page.css", "text/css"), ("page.js", "text/javascript"), ("icon.svg", "image/svg+xml")]
)
def test_files(name: str, media_type: str) -> None:
    response = client().get(f"/assets/{name}")
    assert (response.status_code, response.headers["content-type"].partition(";")[0]) == (200, media_type)
    assert client().get("/assets/..%2Fapp.py").status_code == 404


# --- explain ----------------------------------------------------------------------------------------------------


def test_a_program_gets_the_report_as_json() -> None:
    body = json.dumps(question(seed=7)).encode()
    response = client().post("/explain", content=body, headers={"content-type": "application/json"})
    assert response.content == to_json(explained(body))
    there = client().post("/explain?path=/v1/messages", content=body, headers={"content-type": "application/json"})
    assert there.json()["endpoint"] == "messages"


def form(**fields: str) -> Any:
    return client().post("/explain", data={"path": "/v1/chat/completions", "headers": "", "body": "", **fields})


def test_a_form_gets_the_report_as_a_page() -> None:
    text = read(form(body=json.dumps(question(EVIL, seed=EVIL)), headers="X-Tier: premium\n\n").text)
    assert "POST /model/" in text
    assert "dropped seed" in text
    assert "Removed: x-tier" in text
    assert "SigV4" in text
    assert "it takes every request" in text


def test_the_line_of_a_dropped_field_is_marked() -> None:
    html = form(body=json.dumps(question(seed=7))).text
    mark = '<mark class="dropped" title="dropped: the backend&#x27;s API has no parameter of this name">'
    assert f"{mark}  &quot;seed&quot;: 7</mark>" in html


def test_a_refused_request_says_what_to_do() -> None:
    text = read(form(body='{"model": 5}').text)
    assert "400 model: Expected `str`, got `int`" in text
    assert "→ change `model` in the request" in text


@pytest.mark.parametrize("body", ["", "[", "null", '{"model": "\\ud800"}', "[" * 100_000, "\x00"])
def test_strange_bodies_have_a_report(body: str) -> None:
    response = form(body=body)
    assert response.status_code == 200
    assert "refused" in read(response.text)


def test_a_header_that_is_none() -> None:
    response = form(headers="premium")
    assert response.status_code == 400
    assert "'premium': expected NAME: VALUE" in read(response.text)


def test_a_report_with_failover_has_every_backend() -> None:
    failover = Failover(cluster="c", hosts=("a.attempt", "b.attempt"), retry=Retry(retries=1))
    rule = Rule(name="default/r/rule/0", backends=(BACKEND, BACKEND), owned_by="us", created=7, failover=failover)
    response = client(Running(rules=router(rule))).post(
        "/explain", data={"path": "/v1/chat/completions", "body": json.dumps(question())}
    )
    text = read(response.text)
    assert "another backend is tried up to once" in text
    assert text.count("priority 0, 50 %") == 2


def test_too_large_a_request() -> None:
    response = client().post("/explain", content=b" " * (MAX_BODY + 1), headers={"content-type": "application/json"})
    assert (response.status_code, response.json()["error"]["message"]) == (
        413,
        "the request has more than 1048576 bytes",
    )


# --- the playground ---------------------------------------------------------------------------------------------


def answer(handler: Handler) -> None:
    body = b'{"choices":[]}'
    handler.send_response(200)
    for name, value in (("content-type", "application/json"), ("x-aigw-dropped-params", "seed"), ("x-other", "1")):
        handler.send_header(name, value)
    handler.send_header("content-length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def test_a_chat_goes_through_the_gateways_door_with_the_visitors_key() -> None:
    with running_upstream() as gateway:
        gateway.answer = answer
        door = client(Running(gateway=f"http://127.0.0.1:{gateway.port}"))
        response = door.post(
            "/playground/chat", content=b"{}", headers={"x-playground-key": "visitor", "cookie": "a=b"}
        )
        (received,) = gateway.received
    assert (response.status_code, response.content) == (200, b'{"choices":[]}')
    assert response.headers["x-aigw-dropped-params"] == "seed"
    assert "x-other" not in response.headers
    headers = {name.lower(): value for name, value in received.headers}
    assert received.line == "POST /v1/chat/completions HTTP/1.1"
    assert headers["authorization"] == "Bearer visitor"
    assert "cookie" not in headers
    assert "x-playground-key" not in headers


def test_a_gateway_that_does_not_answer() -> None:
    response = client(Running(gateway="http://127.0.0.1:9")).post("/playground/chat", content=b"{}")
    assert (response.status_code, response.text) == (
        502,
        "http://127.0.0.1:9/v1/chat/completions does not answer: ConnectError",
    )


def test_without_a_gateway_there_is_no_playground() -> None:
    assert client().post("/playground/chat", content=b"{}").status_code == 404
    assert "serve --gateway-url URL" in page("/playground")


# --- who may see it ---------------------------------------------------------------------------------------------

PATHS = ["/", "/traffic", "/traffic/rows", "/explain", "/playground", "/models", "/status.json"]


@pytest.mark.parametrize("path", [*PATHS, "/login", "/assets/page.js"])
def test_under_a_foreign_name_there_is_nothing(path: str) -> None:
    response = client().get(path, headers={"host": "evil.example:1064"})
    assert (response.status_code, "this machine alone" in response.text) == (403, True)


@pytest.mark.parametrize("path", ["/explain", "/playground/chat", "/login"])
@pytest.mark.parametrize("headers", [{"origin": "http://evil.example"}, {"sec-fetch-site": "cross-site"}])
def test_pages_of_other_sites_can_do_nothing(path: str, headers: dict[str, str]) -> None:
    source = Running(gateway="http://127.0.0.1:9")
    for access in (Access(), Access(token=lambda: TOKEN)):
        asked = client(source, access).post(path, content=b"{}", headers=headers)
        assert (asked.status_code, asked.json()["error"]["message"]) == (403, "a page of another site may not do this")


@pytest.mark.parametrize("path", PATHS)
def test_with_a_token_nothing_is_seen_without_it(path: str) -> None:
    guarded = client(Running(records=(RECORD,)), Access(token=lambda: TOKEN))
    refused = guarded.get(path)
    assert (refused.status_code, "Bearer TOKEN" in refused.text) == (401, True)
    sent = guarded.get(path, headers={"accept": "text/html"})
    assert (sent.status_code, sent.headers["location"]) == (303, "/login")
    assert guarded.get(path, headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200
    assert guarded.post("/explain", content=b"{}").status_code == 401
    assert guarded.post("/playground/chat", content=b"{}").status_code == 401


def test_signing_in() -> None:
    guarded = client(access=Access(token=lambda: TOKEN))
    assert "Page token" in read(guarded.get("/login").text)
    wrong = guarded.post("/login", data={"token": "another"})
    assert (wrong.status_code, "This is not the token." in wrong.text) == (403, True)
    right = guarded.post("/login", data={"token": TOKEN})
    assert (right.status_code, right.headers["location"]) == (303, "/")
    cookie = right.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert guarded.get("/").status_code == 200
