"""The page of a running gateway in a real browser: Debian's or any other Chromium, driven by Playwright."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.cli.running import environment
from tests.envoy_config.running import wait_for
from tests.gateway.resources import backend, ref, route, rule, write
from tests.gateway.running import CHAT, question
from tests.run.test_gateway import free_address
from tests.simulator.running import running_simulator

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: the page is not tested")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="there is no Chromium (apt-get install chromium): no browser test"
)
NOVA = "us.amazon.nova-micro-v1:0"
SHOTS = os.environ.get("AIGW_SCREENSHOTS")
"""A folder for the screenshots of the docs; without it none are taken."""


@dataclass(frozen=True, kw_only=True)
class Running:
    """`run` with two workers, before a simulator."""

    gateway: str
    page: str
    resources: Path

    def chat(self, **fields: object) -> httpx.Response:
        return httpx.post(f"{self.gateway}{CHAT}", json=question(**fields), timeout=30)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("page")
    with running_simulator() as simulator:
        rules = (
            rule(ref(), model=NOVA),
            rule(ref(to=NOVA), model="nova"),
            rule(ref(to="late"), model="nova", x_tier="a"),
        )
        resources = write(folder / "gateway.yaml", route("models", *rules), *backend("bedrock", simulator.port))
        listen, admin = free_address(), free_address()
        command = [sys.executable, "-m", "aigw_extproc", "run", str(resources), "--workers", "2"]
        command += ["--port", str(listen.port), "--admin-port", str(admin.port), "--no-access-log"]
        with (folder / "log").open("w") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, env=environment())
        try:
            wait_for(lambda: "or look at" in (folder / "log").read_text() or None, what="the gateway", seconds=60)
            yield Running(gateway=f"http://{listen}", page=f"http://{admin}", resources=resources)
        finally:
            process.terminate()
            process.wait(30)


@pytest.fixture(scope="module")
def chromium() -> Iterator[playwright.Browser]:
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def visitor(chromium: playwright.Browser, running: Running) -> Iterator[playwright.Page]:
    """A tab on the page. At its end nothing was written to the browser's console, and nothing came from elsewhere."""
    context = chromium.new_context(base_url=running.page, viewport={"width": 1280, "height": 800})
    tab = context.new_page()
    said: list[str] = []
    asked: list[str] = []
    tab.on("console", lambda message: said.append(message.text) if not is_refusal(message) else None)
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.on("request", lambda request: asked.append(request.url))
    yield tab
    context.close()
    assert said == []
    assert [url for url in asked if not url.startswith(running.page)] == []


def is_refusal(message: playwright.ConsoleMessage) -> bool:
    """Whether the browser notes that the gateway has refused a chat, as it does for every status above 399."""
    return str(message.location["url"]).endswith("/playground/chat")


def expect(tab: playwright.Page, selector: str, text: str) -> None:
    playwright.expect(tab.locator(selector)).to_contain_text(text, timeout=20_000)


def test_a_chat_is_streamed_and_seen_in_the_traffic(visitor: playwright.Page) -> None:
    visitor.goto("/playground")
    visitor.get_by_label("Model").fill("nova")
    visitor.get_by_label("Message").fill("Hello there!")
    visitor.get_by_role("button", name="Send").click()
    expect(visitor, "#figures", "3 tokens in, 5 out")
    expect(visitor, "#conversation .assistant", "Hello! You said: Hello there!")
    visitor.get_by_label("Message").fill("And again?")
    visitor.get_by_label("Message").press("Control+Enter")
    expect(visitor, "#conversation", "And again?")
    visitor.get_by_role("link", name="Traffic").click()
    expect(visitor, "#traffic tbody tr:last-child", f"nova → {NOVA}")
    expect(visitor, "#traffic tbody tr:last-child", "ok")


def test_an_error_is_shown_in_the_conversation(visitor: playwright.Page) -> None:
    visitor.goto("/playground")
    visitor.get_by_label("Model").fill("nobody")
    visitor.get_by_label("Message").fill("Hello!")
    visitor.get_by_role("button", name="Send").click()
    expect(visitor, "#conversation .failed", "404: no rule routes the model 'nobody'")


def test_traffic_appears_without_a_reload(visitor: playwright.Page, running: Running) -> None:
    visitor.goto("/traffic")
    assert running.chat(model="nobody").status_code == 404
    expect(visitor, "#traffic", "404 model_not_found")
    assert running.chat(model="nova", seed=7).status_code == 200
    playwright.expect(visitor.get_by_text("dropped").first).to_be_visible(timeout=20_000)


def test_a_dropped_parameter_is_explained(visitor: playwright.Page) -> None:
    visitor.goto("/explain")
    visitor.get_by_label("Headers, one a line").fill("x-tier: b")
    visitor.get_by_label("Body").fill(json.dumps(question("nova", seed=7)))
    visitor.get_by_role("button", name="Explain").click()
    expect(visitor, "#report", "x-tier is not a")
    expect(visitor, "#report pre mark.dropped", '"seed": 7')
    expect(visitor, "#report .sides", f"POST /model/{NOVA.replace(':', '%3A')}/converse")
    expect(visitor, "#report .sides", "SigV4")


def test_a_broken_configuration_is_named(visitor: playwright.Page, running: Running) -> None:
    valid = running.resources.read_text()
    try:
        running.resources.write_text(valid.replace("backendRefs", "backendReferences"))
        wait_for(lambda: problems(running) or None, what="the faults")
        visitor.goto("/")
        expect(visitor, ".facts", "the files have errors")
        expect(visitor, "#problems", "spec.rules[0].backendReferences")
    finally:
        running.resources.write_text(valid)
    wait_for(lambda: not problems(running) or None, what="the valid files")
    visitor.goto("/")
    playwright.expect(visitor.locator("#problems")).to_have_count(0)


def problems(running: Running) -> list[str]:
    found: list[str] = httpx.get(f"{running.page}/status.json").json()["config"]["problems"]
    return found


def test_models_are_found_by_a_part_of_their_name(visitor: playwright.Page) -> None:
    visitor.goto("/models")
    assert visitor.locator("tbody tr:visible").count() == 2
    visitor.get_by_label("Find").fill("us.amazon")
    playwright.expect(visitor.locator("tbody tr:visible")).to_have_count(1)


@pytest.mark.parametrize("path", ["/", "/traffic", "/explain", "/playground", "/models"])
def test_everything_has_a_name_and_can_be_reached_by_the_keyboard(visitor: playwright.Page, path: str) -> None:
    visitor.goto(path)
    unnamed = visitor.evaluate(
        """() => [...document.querySelectorAll("input, select, textarea, button, a")]
            .filter((each) => !(each.labels?.length || each.textContent.trim() || each.ariaLabel))
            .map((each) => each.outerHTML)"""
    )
    assert unnamed == []
    assert visitor.locator("h1").count() == 1
    visitor.keyboard.press("Tab")
    assert visitor.evaluate("document.activeElement.className") == "skip"
    visitor.keyboard.press("Tab")
    assert visitor.evaluate("document.activeElement.textContent") == "Overview"


@pytest.mark.parametrize("path", ["/", "/traffic", "/explain", "/playground", "/models"])
def test_nothing_is_wider_than_a_telephone(visitor: playwright.Page, path: str) -> None:
    visitor.set_viewport_size({"width": 390, "height": 844})
    visitor.goto(path)
    assert visitor.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.skipif(SHOTS is None, reason="AIGW_SCREENSHOTS names no folder for the screenshots of the docs")
@pytest.mark.parametrize(
    ("name", "scheme", "width"),
    [("explain", "light", 1280), ("traffic", "dark", 1280), ("overview", "light", 390), ("playground", "dark", 390)],
)
def test_screenshots(chromium: playwright.Browser, running: Running, name: str, scheme: str, width: int) -> None:
    height = 844 if width == 390 else 800
    context = chromium.new_context(
        base_url=running.page, color_scheme=scheme, viewport={"width": width, "height": height}
    )
    tab = context.new_page()
    tab.goto("/" if name == "overview" else f"/{name}")
    if name == "playground":
        tab.get_by_label("Message").fill("Which way does the wind blow?")
        tab.get_by_role("button", name="Send").click()
        expect(tab, "#figures", "tokens in")
    if name == "explain":
        tab.get_by_label("Body").fill(json.dumps(question("nova", seed=7, temperature=1.5), indent=2))
        tab.get_by_role("button", name="Explain").click()
        tab.locator("#report").evaluate("element => element.scrollIntoView()")
    tab.screenshot(path=f"{SHOTS}/page-{name}.png")
    context.close()
