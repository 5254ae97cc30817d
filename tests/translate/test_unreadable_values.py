"""Values that JSON allows but nothing can hold, wherever a client can put them: its error, and never a defect."""

from __future__ import annotations

import json
from itertools import product
from typing import Any

import pytest

from aigw_extproc.errors import InvalidRequest
from aigw_extproc.translate.registry import ENDPOINTS, parse
from tests.translate import goldens

CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
HI = '{"role":"user","content":"Hi."}'
SCHEMA = '{"type":"object","properties":{"a":{"maximum":V}}}'
NUMBERS = {"infinite": "1e400", "long": "1" * 5000, "nested": '{"x":[-1e400]}'}
TEXTS = {"lone surrogate": r'"\ud800"', "surrogates in the wrong order": r'"\udc00\ud800"', "a key": r'{"\udfff":1}'}

PLACES: dict[str, tuple[str, str]] = {
    "a chat's text": ("/v1/chat/completions", '{"model":"M","messages":[{"role":"user","content":V}]}'),
    "a chat's temperature": ("/v1/chat/completions", f'{{"model":"M","temperature":V,"messages":[{HI}]}}'),
    "a chat's limit": ("/v1/chat/completions", f'{{"model":"M","max_tokens":V,"messages":[{HI}]}}'),
    "a model's own field": (
        "/v1/chat/completions",
        f'{{"model":"M","aws":{{"additionalModelRequestFields":{{"a":V}}}},"messages":[{HI}]}}',
    ),
    "a chat's output schema": (
        "/v1/chat/completions",
        (
            '{"model":"M","response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object",'
            f'"properties":{{"a":{{"const":V}}}}}}}}}},"messages":[{HI}]}}'
        ),
    ),
    "a chat's tool": (
        "/v1/chat/completions",
        f'{{"model":"M","tools":[{{"type":"function","function":{{"name":"f","parameters":{SCHEMA}}}}}],"messages":[{HI}]}}',
    ),
    "a message's tool": (
        "/v1/messages",
        f'{{"model":"M","max_tokens":5,"tools":[{{"name":"f","input_schema":{SCHEMA}}}],"messages":[{HI}]}}',
    ),
    "a response's tool": (
        "/v1/responses",
        f'{{"model":"M","input":"Hi.","tools":[{{"type":"function","name":"f","parameters":{SCHEMA}}}]}}',
    ),
    "a file's name": (
        "/v1/chat/completions",
        (
            '{"model":"M","messages":[{"role":"user","content":[{"type":"file","file":{"filename":V,'
            '"file_data":"data:application/pdf;base64,JVBERi0xLjQK"}}]}]}'
        ),
    ),
    "a message's text": ("/v1/messages", '{"model":"M","max_tokens":5,"messages":[{"role":"user","content":V}]}'),
    "a system message": (
        "/v1/messages",
        f'{{"model":"M","max_tokens":5,"messages":[{HI},{{"role":"system","content":V}}]}}',
    ),
    "a message's temperature": ("/v1/messages", f'{{"model":"M","max_tokens":5,"temperature":V,"messages":[{HI}]}}'),
    "a response's text": ("/v1/responses", '{"model":"M","input":V}'),
    "a response's instructions": ("/v1/responses", '{"model":"M","instructions":V,"input":"Hi."}'),
    "a response's schema": (
        "/v1/responses",
        (
            '{"model":"M","input":"Hi.","text":{"format":{"type":"json_schema","name":"n","schema":{"type":"object",'
            '"properties":{"a":{"const":V}}}}}}'
        ),
    ),
    "a prompt": ("/v1/completions", '{"model":"M","prompt":V}'),
    "a text to embed": ("/v1/embeddings", '{"model":"amazon.titan-embed-text-v2:0","input":V}'),
}


@pytest.mark.parametrize(("place", "value"), list(product(PLACES, [*NUMBERS, *TEXTS])))
def test_a_value_that_nothing_can_hold_is_the_clients_error(place: str, value: str) -> None:
    path, body = PLACES[place]
    encoded = body.replace("V", {**NUMBERS, **TEXTS}[value]).replace('"M"', f'"{CLAUDE}"').encode()
    model = json.loads(body.replace('"M"', f'"{CLAUDE}"').replace("V", "0"))["model"]
    with pytest.raises(InvalidRequest) as caught:
        parse(ENDPOINTS[path], "AWSBedrock", encoded, {})(goldens.target(model))
    assert caught.value.status == 400


@pytest.mark.parametrize("value", [*NUMBERS, *TEXTS])
def test_the_schema_of_a_tool_that_is_passed_on(value: str) -> None:
    path, body = PLACES["a message's tool"]
    encoded = body.replace("V", {**NUMBERS, **TEXTS}[value]).replace('"M"', f'"{CLAUDE}"').encode()
    with pytest.raises(InvalidRequest) as caught:
        parse(ENDPOINTS[path], "AWSAnthropic", encoded, {})(goldens.target(CLAUDE, "AWSAnthropic"))
    assert (caught.value.status, caught.value.param) == (400, "tools[0].input_schema" if value in NUMBERS else None)


@pytest.mark.parametrize("value", [*NUMBERS.values()])
@pytest.mark.parametrize("schema", ["AWSBedrock", "AWSAnthropic"])
def test_a_tool_with_such_a_number_is_no_defect(value: str, schema: str) -> None:
    """What is passed on undecoded is Bedrock's to refuse, also with a 400."""
    parameters: Any = {"type": "object", "properties": {"a": {"default": "V"}}}
    tool = {"type": "function", "function": {"name": "f", "parameters": parameters}}
    request = {"model": CLAUDE, "messages": [{"role": "user", "content": "Hi."}], "tools": [tool]}
    body = json.dumps(request).replace('"V"', value).encode()
    try:
        parse(ENDPOINTS["/v1/chat/completions"], schema, body, {})(goldens.target(CLAUDE, schema))
    except InvalidRequest as error:
        assert error.status == 400
