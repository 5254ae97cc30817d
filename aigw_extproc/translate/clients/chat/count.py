"""What a chat completion would have the model read → CountTokens."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from aigw_extproc.bedrock.counting import count_tokens_path
from aigw_extproc.bedrock.families import Family
from aigw_extproc.config.snapshot import Schema
from aigw_extproc.openai import chat
from aigw_extproc.translate.carriers.count_tokens import CountAnswer
from aigw_extproc.translate.clients.chat.request import translate_request
from aigw_extproc.translate.contract import Fetched, UpstreamRequest

COUNTED = ("messages", "system", "toolConfig", "additionalModelRequestFields")
"""https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseTokensRequest.html"""

_NOTHING_FETCHED: Mapping[str, Fetched] = {}
_SCHEMA = Schema(name="AWSBedrock")
_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])


def translate_count(
    request: chat.ChatRequest,
    *,
    model: str,
    family: Family,
    schema: Schema = _SCHEMA,
    fetched: Mapping[str, Fetched] = _NOTHING_FETCHED,
) -> UpstreamRequest:
    """Translates a request to count tokens: of the very Converse request that `translate_request` makes.

    Raises:
        InvalidRequest: the request means something that Bedrock cannot be told; `param` names the field.
        MediaNeeded: images have to be fetched first.
    """
    asked = translate_request(request, model=model, family=family, schema=schema, fetched=fetched)
    fields = _FIELDS.decode(asked.body)
    counted = {name: fields[name] for name in COUNTED if name in fields}
    return UpstreamRequest(
        path=count_tokens_path(model),
        body=msgspec.json.encode({"input": {"converse": counted}}),
        accept="application/json",
        stream=False,
        dropped=asked.dropped,
        # The reference answers like vLLM does, whose clients want these members; Bedrock tells no more than the number.
        answer=CountAnswer(member="count", others={"max_model_len": 0, "tokens": None}),
    )
