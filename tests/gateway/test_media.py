"""Documents, images, video and audio through the whole gateway; and images by URL, which must not open doors."""

from __future__ import annotations

import base64
import contextlib
import socket
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from tests.gateway.conftest import SDK_OPTIONS, NewGateway
from tests.gateway.resources import backend, ref, route, rule
from tests.gateway.running import Gateway, error
from tests.gateway.test_chat import PNG
from tests.gateway.test_tools import tool
from tests.simulator.running import RunningSimulator

CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
NOVA = "us.amazon.nova-lite-v1:0"
MISTRAL = "mistral.mistral-large-2407-v1:0"
VOXTRAL = "mistral.voxtral-mini-3b-2507"
HEARD = base64.b64encode(b"RIFF" + bytes(40)).decode()
PDF = base64.b64encode(b"%PDF-1.7\n" + bytes(31)).decode()
IMAGE = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
LOOK = {"role": "user", "content": "Use look"}
LOOKING = [tool("look")]


def text(said: str) -> dict[str, Any]:
    return {"type": "text", "text": said}


def file(filename: str | None = None, data: str = PDF, media_type: str = "application/pdf") -> dict[str, Any]:
    named = {"filename": filename} if filename else {}
    return {"type": "file", "file": {"file_data": f"data:{media_type};base64,{data}", **named}}


def image(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


def answer(client: openai.OpenAI, model: str, *parts: dict[str, Any], **fields: Any) -> Any:
    """The completion of one user message."""
    messages: Any = [{"role": "user", "content": list(parts)}]
    return client.chat.completions.create(model=model, messages=messages, **fields)


def content(completion: Any) -> str:
    said: str = completion.choices[0].message.content
    return said


@pytest.mark.parametrize("model", [CLAUDE, NOVA])
def test_a_document(client: openai.OpenAI, gateway: Gateway, model: str) -> None:
    read = answer(client, model, text("What does it say?"), file("Report (final) v1.2.pdf"))
    assert content(read) == "Hello! You said: What does it say? I see a pdf document of 40 bytes."
    [_, block] = gateway.sent(read.id)["messages"][0]["content"]
    assert block == {"document": {"format": "pdf", "name": "Report (final) v1 2", "source": {"bytes": PDF}}}


def test_documents_of_one_name_are_told_apart(client: openai.OpenAI, gateway: Gateway) -> None:
    read = answer(client, NOVA, text("Compare"), file("a.pdf"), file("b/a.pdf"), file("ä.pdf"), file())
    blocks = gateway.sent(read.id)["messages"][0]["content"][1:]
    assert [block["document"]["name"] for block in blocks] == ["a", "a (2)", "document", "document (2)"]


def test_a_document_without_a_word_gets_one(client: openai.OpenAI) -> None:
    expected = "Hello! You said: See the attached document. I see a pdf document of 40 bytes."
    assert content(answer(client, CLAUDE, file("a.pdf"))) == expected


def test_a_document_whose_name_says_what_it_is(client: openai.OpenAI) -> None:
    csv = file("numbers.csv", base64.b64encode(b"a,b\n1,2\n").decode(), "application/octet-stream")
    expected = "Hello! You said: Add up I see a csv document of 8 bytes."
    assert content(answer(client, NOVA, text("Add up"), csv)) == expected


def test_a_document_that_is_kept_elsewhere_is_refused(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        answer(client, NOVA, {"type": "file", "file": {"file_id": "file-1"}})
    assert caught.value.param == "messages[0].content[0].file"


def seen_by_tool(client: openai.OpenAI, model: str, *parts: dict[str, Any]) -> Any:
    """The completion behind a tool that answered with these parts."""
    called = client.chat.completions.create(model=model, messages=[LOOK], tools=LOOKING).choices[0].message
    result = {"role": "tool", "tool_call_id": called.tool_calls[0].id, "content": list(parts)}
    history: Any = [LOOK, called.model_dump(exclude_none=True), result]
    return client.chat.completions.create(model=model, messages=history, tools=LOOKING)


@pytest.mark.parametrize("model", [CLAUDE, NOVA])
def test_an_image_that_a_tool_answers(client: openai.OpenAI, model: str) -> None:
    expected = "The tools answered: Look: a png image of 68 bytes"
    assert content(seen_by_tool(client, model, text("Look:"), IMAGE)) == expected


def test_a_document_that_a_tool_answers(client: openai.OpenAI) -> None:
    expected = "The tools answered: a pdf document of 40 bytes"
    assert content(seen_by_tool(client, CLAUDE, file("a.pdf"))) == expected


def test_an_image_that_a_family_takes_from_users_only_follows_in_a_turn_of_theirs(
    client: openai.OpenAI, gateway: Gateway
) -> None:
    seen = seen_by_tool(client, MISTRAL, IMAGE)
    assert content(seen).endswith("I see a png image of 68 bytes.")
    shown = gateway.sent(seen.id)["messages"][2:]
    kinds = [(turn["role"], [kind for block in turn["content"] for kind in block]) for turn in shown]
    assert kinds == [("user", ["toolResult"]), ("assistant", ["text"]), ("user", ["image"])]


def test_a_video(client: openai.OpenAI) -> None:
    video = {"type": "video_url", "video_url": {"url": f"data:video/mp4;base64,{HEARD}"}}
    expected = "Hello! You said: What happens? I see a mp4 video of 44 bytes."
    assert content(answer(client, NOVA, text("What happens?"), video)) == expected


def test_a_video_in_s3(client: openai.OpenAI) -> None:
    video = {"type": "video_url", "video_url": {"url": "s3://bucket/clip.mkv"}}
    expected = "Hello! You said: What happens? I see a mkv video of the object s3://bucket/clip.mkv."
    assert content(answer(client, NOVA, text("What happens?"), video)) == expected


def test_audio(client: openai.OpenAI) -> None:
    audio = {"type": "input_audio", "input_audio": {"data": HEARD, "format": "wav"}}
    expected = "Hello! You said: What is said? I see a wav audio of 44 bytes."
    assert content(answer(client, VOXTRAL, text("What is said?"), audio)) == expected


def test_what_a_model_cannot_see_is_bedrocks_to_say(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        answer(client, "nova", text("What is this?"), IMAGE)
    assert caught.value.body["message"].startswith("This model doesn't support the image content block")


@contextlib.contextmanager
def listening() -> Iterator[socket.socket]:
    """A socket that connections can be made to; nobody has to accept them."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.setblocking(False)
        yield listener


def assert_nobody_connected(listener: socket.socket) -> None:
    with pytest.raises(BlockingIOError):
        listener.accept()


def test_a_connection_would_be_seen() -> None:
    with listening() as listener:
        with socket.create_connection(listener.getsockname()):
            listener.accept()[0].close()
        assert_nobody_connected(listener)


HERE = (
    "127.0.0.1",
    "localhost",
    "2130706433",
    "0x7f.1",
    "0.0.0.0",  # noqa: S104 - nothing listens there; connecting there leads to this machine
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
)


@pytest.mark.parametrize("host", HERE)
def test_an_image_on_the_gateways_own_machine_is_refused_without_a_connection(gateway: Gateway, host: str) -> None:
    before = gateway.simulator.requests()
    with listening() as listener:
        url = f"http://{host}:{listener.getsockname()[1]}/x.png"
        response = gateway.chat(CLAUDE, text=[text("What is this?"), image(url)])
        assert_nobody_connected(listener)
    place = "messages[0].content[1].image_url.url"
    expected = error(f"{place}: '{url}' is not at a public address", "invalid_request_error", param=place)
    assert (response.status_code, response.json()) == (400, expected)
    assert gateway.simulator.requests() == before


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/iam/security-credentials/",
        "http://169.254.170.2/v2/credentials/",
        "http://[fd00:ec2::254]/latest/meta-data/",
        "http://[fe80::1]/x.png",
        "https://10.0.0.1/x.png",
        "https://[::1]/x.png",
        "http://[64:ff9b::7f00:1]/x.png",
    ],
)
def test_an_image_where_only_the_gateway_could_get_it_is_refused(gateway: Gateway, url: str) -> None:
    response = gateway.chat(CLAUDE, text=[text("What is this?"), image(url)])
    message = f"messages[0].content[1].image_url.url: '{url}' is not at a public address"
    assert (response.status_code, response.json()["error"]["message"]) == (400, message)


def test_images_by_url_can_be_switched_off(new_gateway: NewGateway, simulator: RunningSimulator) -> None:
    setting = {"aigw-extproc/fetch-images": "false"}
    gateway = new_gateway(route("any", rule(ref())), *backend("bedrock", simulator.port, annotations=setting))
    url = "https://example.com/x.png"
    response = gateway.chat(CLAUDE, text=[text("What is this?"), image(url)])
    place = "messages[0].content[1].image_url.url"
    message = f"{place}: '{url}' cannot be fetched: this gateway is not allowed to; send the image as a data: URI"
    assert (response.status_code, response.json()) == (400, error(message, "invalid_request_error", param=place))
    with openai.OpenAI(base_url=f"{gateway.url}/v1", **SDK_OPTIONS) as client:
        assert content(answer(client, CLAUDE, IMAGE)).endswith("I see a png image of 68 bytes.")


def test_the_hosts_of_images_can_be_restricted(new_gateway: NewGateway, simulator: RunningSimulator) -> None:
    setting = {"aigw-extproc/fetch-images-from": "images.example.com, *.cdn.example.com"}
    gateway = new_gateway(route("any", rule(ref())), *backend("bedrock", simulator.port, annotations=setting))
    url = "https://evil.example.com/x.png"
    response = gateway.chat(CLAUDE, text=[text("What is this?"), image(url)])
    place = "messages[0].content[1].image_url.url"
    message = f"{place}: '{url}' is at a host that this gateway does not fetch from"
    assert (response.status_code, response.json()) == (400, error(message, "invalid_request_error", param=place))
