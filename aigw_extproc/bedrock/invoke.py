"""InvokeModel: each model has its own request and response bodies.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from aigw_extproc.bedrock.converse import encode_model_id

INPUT_TOKENS_HEADER = "x-amzn-bedrock-input-token-count"
"""Input tokens, for models whose response body does not have them."""
METADATA_HEADER = "x-amzn-bedrock-request-metadata"


def invoke_path(model: str, *, stream: bool = False) -> str:
    """Return the request path, with the model id percent-encoded as AWS SDKs do."""
    operation = "invoke-with-response-stream" if stream else "invoke"
    return f"/model/{encode_model_id(model)}/{operation}"


def metadata_headers(pairs: Mapping[str, str] | None) -> tuple[tuple[str, str], ...]:
    """Return the header with the metadata for Bedrock's invocation log, which is no part of these bodies.

    https://docs.aws.amazon.com/bedrock/latest/userguide/cost-mgmt-request-metadata.html
    """
    return ((METADATA_HEADER, msgspec.json.encode(pairs).decode()),) if pairs else ()


def anthropic_version(configured: str) -> str:
    """Return the required `anthropic_version` of a request body for Claude; `configured` overrides it unless empty.

    https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages-request-response.html
    """
    return configured or "bedrock-2023-05-31"


def input_tokens(headers: Mapping[str, str]) -> int:
    """Return the input tokens from a response's headers (lower-case names), or 0 if it has no such number."""
    count = headers.get(INPUT_TOKENS_HEADER, "")
    return int(count) if count.isdecimal() and len(count) < 20 else 0
