"""InvokeModel: the operation whose bodies are the models' own.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html
"""

from __future__ import annotations

from collections.abc import Mapping

from aigw_extproc.bedrock.converse import encode_model_id

INPUT_TOKENS_HEADER = "x-amzn-bedrock-input-token-count"
"""Where Bedrock counts what a model read whose own body does not say it."""


def invoke_path(model: str) -> str:
    """The request path, with the model id percent-encoded as AWS SDKs do."""
    return f"/model/{encode_model_id(model)}/invoke"


def input_tokens(headers: Mapping[str, str]) -> int:
    """The tokens that Bedrock counted, 0 where it says nothing; names are in lower case."""
    count = headers.get(INPUT_TOKENS_HEADER, "")
    return int(count) if count.isdecimal() else 0
