"""The secret access key is nowhere to be seen, whatever happens and however much is logged."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from urllib.parse import quote

import pytest

from aigw_extproc.simulator.settings import Settings
from tests.envoy_config.running import wait_for
from tests.gateway.conftest import NewGateway
from tests.gateway.resources import backend, ref, route, rule, write
from tests.gateway.running import CHAT, Gateway
from tests.simulator.running import running_simulator

KEY_ID, SECRET = "AKIDOFTEST", "canary/SECRET+access=key"
FORMS = (SECRET, SECRET[:13], SECRET[7:], quote(SECRET, safe=""), base64.b64encode(SECRET.encode()).decode())
"""As it is, in part, and encoded."""
FAULTS = ("validation", "throttling", "html", "no-output", "early-close", "stream-exception", "corrupt-crc")


@dataclass(frozen=True, kw_only=True)
class Seen:
    """Everything that anybody could read of a gateway that has been put through a lot."""

    answers: str
    logs: str
    admin: str
    envoy: str
    arguments: str


@pytest.fixture(scope="module")
def seen(start_gateway: NewGateway) -> Iterator[Seen]:
    with running_simulator(Settings(credentials={KEY_ID: SECRET})) as account:
        signer = backend("bedrock", account.port, key_id=KEY_ID, secret=SECRET)
        # This key is known to nobody, so that its signatures are refused.
        stranger = backend("stranger", account.port, key_id="AKIDSTRANGER", secret=SECRET)
        rules = route("models", rule(ref("stranger"), model="stranger"), rule(ref()))
        gateway = start_gateway(rules, *signer, *stranger, simulator=account, workers=2)
        gateway.envoy.admin.post("/logging", params={"level": "debug"})
        answers = put_through_a_lot(gateway)
        damaged = backend("bedrock", account.port)
        damaged[-1]["stringData"]["credentials"] = f"[default]\naws_secret_access_key {SECRET}\n{SECRET}"
        write(gateway.resources, rules, *damaged, *stranger)
        wait_for(lambda: gateway.processor.readiness()["config"]["problems"] or None, what="the problem")
        yield Seen(
            answers=answers,
            logs=gateway.processor.log.read_text() + gateway.envoy.log.read_text(),
            admin="".join(gateway.processor.admin.get(path).text for path in ("/metrics", "/readyz", "/healthz")),
            envoy=gateway.envoy.admin.get("/config_dump").text + (gateway.envoy.log.parent / "envoy.yaml").read_text(),
            arguments=arguments(str(gateway.resources.parent)),
        )


def arguments(folder: str) -> str:
    """The command lines of the processes that have something in this folder."""
    command = ["ps", "-ww", "-eo", "args"]  # -ww: however long they are
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return "\n".join(line for line in listed.splitlines() if folder in line)


def put_through_a_lot(gateway: Gateway) -> str:
    """Successes, refusals and failures of every kind; their headers and bodies."""
    models = ["nova", "stranger", *(f"simulator.{fault}" for fault in FAULTS)]
    responses = [gateway.chat(model, stream=stream) for model in models for stream in (False, True)]
    responses.append(gateway.client.post(CHAT, content=b"{"))
    responses.append(gateway.client.get("/v1/models"))
    assert {response.status_code for response in responses} >= {200, 400, 401, 429, 502, 503}
    return "".join(f"{response.headers}{response.text}" for response in responses)


def test_the_secret_is_nowhere(seen: Seen) -> None:
    places = asdict(seen)
    assert [name for name, text in places.items() if not text] == []
    assert [(name, form) for name, text in places.items() for form in FORMS if form in text] == []


def test_what_was_looked_at_is_what_was_meant(seen: Seen) -> None:
    """Each place shows something that only it can show: or else the other test would prove nothing."""
    assert "data: [DONE]" in seen.answers
    assert " DEBUG " in seen.logs
    assert "AWS4-HMAC-SHA256 Credential=" in seen.logs
    assert "aigw_exchanges_total" in seen.admin
    assert "default/stranger" in seen.envoy
    # One that watches over two workers, each as talkative as was asked for, and Envoy.
    commands = seen.arguments.splitlines()
    assert ["--log-level debug" in line for line in commands if " serve " in line] == [True, True, True]
    assert [line for line in commands if " serve " not in line] != []
