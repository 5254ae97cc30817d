"""The user guide's own `aws.yaml`, with its Backend pointed at the simulator and nothing else changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import anthropic
import openai
import pytest
import yaml

from aigw_extproc.simulator.settings import Settings
from tests.gateway.conftest import SDK_OPTIONS, NewGateway
from tests.gateway.resources import Document
from tests.gateway.running import Gateway, error
from tests.simulator.running import RunningSimulator, running_simulator

GUIDE = Path(__file__).parents[2].parent / "shared" / "guide-files" / "aws.yaml"
CLAUDE = "anthropic.claude-3-5-sonnet-20241022-v2:0"
MODEL = "us.amazon.nova-micro-v1:0"
KEY_ID, SECRET = "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"
"""What stands in the file where a user's own access key belongs."""

pytestmark = pytest.mark.skipif(not GUIDE.is_file(), reason=f"the user guide's files are not at {GUIDE.parent}")


def guide_documents(port: int) -> list[Document]:
    """The file's resources; the simulator is reached in clear, so without the BackendTLSPolicy."""
    documents = [document for document in yaml.safe_load_all(GUIDE.read_text()) if document]
    for document in documents:
        if document["kind"] == "Backend":
            document["spec"]["endpoints"] = [{"ip": {"address": "127.0.0.1", "port": port}}]
    return [document for document in documents if document["kind"] != "BackendTLSPolicy"]


@pytest.fixture(scope="module")
def account() -> Iterator[RunningSimulator]:
    """A simulator that knows the file's access key."""
    with running_simulator(Settings(credentials={KEY_ID: SECRET})) as running:
        yield running


@pytest.fixture(scope="module")
def guide_gateway(start_gateway: NewGateway, account: RunningSimulator) -> Gateway:
    return start_gateway(*guide_documents(account.port), simulator=account)


def test_the_guides_model_answers(guide_gateway: Gateway) -> None:
    with openai.OpenAI(base_url=f"{guide_gateway.url}/v1", **SDK_OPTIONS) as client:
        listed = [model.id for model in client.models.list()]
        answer = client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "Hi"}])
    assert answer.choices[0].message.content == "Hello! You said: Hi"
    assert MODEL in listed


def test_the_guides_model_streams(guide_gateway: Gateway) -> None:
    assert guide_gateway.chat(MODEL, stream=True).text.endswith("data: [DONE]\n\n")


@pytest.mark.parametrize("stream", [False, True])
def test_the_guides_claude_answers_chats(guide_gateway: Gateway, stream: bool) -> None:
    answer = guide_gateway.chat(CLAUDE, stream=stream)
    assert (answer.status_code, answer.text.endswith("data: [DONE]\n\n")) == (200, stream)


def test_the_guides_claude_answers_messages(guide_gateway: Gateway) -> None:
    with anthropic.Anthropic(base_url=guide_gateway.url, **SDK_OPTIONS) as client:
        message = client.messages.create(model=CLAUDE, max_tokens=9, messages=[{"role": "user", "content": "Hi"}])
    assert message.to_dict()["content"] == [{"type": "text", "text": "Hello! You said: Hi"}]


def test_a_wrong_secret_is_an_authentication_error(new_gateway: NewGateway) -> None:
    with running_simulator(Settings(credentials={KEY_ID: "another"})) as account:
        gateway = new_gateway(*guide_documents(account.port), simulator=account)
        response = gateway.chat(MODEL)
    message = (
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret"
        " Access Key and signing method. Consult the service documentation for details."
    )
    expected = error(message, "authentication_error", "invalid_signature_exception")
    assert (response.status_code, response.json()) == (401, expected)
