"""InvokeModel: the operation whose bodies are the models' own.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html
"""

from __future__ import annotations

from collections.abc import Mapping

from aigw_extproc.bedrock.converse import encode_model_id

INPUT_TOKENS_HEADER = "x-amzn-bedrock-input-token-count"
"""Where Bedrock counts what a model read whose own body does not say it."""


def invoke_path(model: str, *, stream: bool = False) -> str:
    """The request path, with the model id percent-encoded as AWS SDKs do."""
    operation = "invoke-with-response-stream" if stream else "invoke"
    return f"/model/{encode_model_id(model)}/{operation}"


def anthropic_version(configured: str) -> str:
    """What `anthropic_version` has to be in a body of Claude's; `configured` is the schema's own, or empty.

    https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages-request-response.html
    """
    return configured or "bedrock-2023-05-31"


def input_tokens(headers: Mapping[str, str]) -> int:
    """The tokens that Bedrock counted, 0 where it says nothing; names are in lower case."""
    count = headers.get(INPUT_TOKENS_HEADER, "")
    return int(count) if count.isdecimal() else 0
