"""Names that clients choose and that go into headers: with a header that it cannot send, Envoy refuses the answer.

https://www.rfc-editor.org/rfc/rfc9110#name-field-values
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import quote

from aigw_extproc.errors import InvalidRequest

METADATA_NAMESPACE = "io.envoy.ai_gateway"  # of the dynamic metadata that Envoy's access log reads
MAX_MODEL_LENGTH = 2048
"""Bedrock's: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html, modelId."""
MAX_DROPPED_LENGTH = 2048
"""Characters of `x-aigw-dropped-params`; clients take 8 kB for all headers together, some of them."""

_MODEL = re.compile(rf"[^\x00-\x1f\x7f]{{1,{MAX_MODEL_LENGTH}}}")


def check_model(model: str) -> None:
    """Refuses a name that cannot be the value of `x-ai-eg-model`, nor that of any model.

    Raises:
        InvalidRequest: it is empty, too long, or holds control characters.
    """
    if _MODEL.fullmatch(model) is None:
        raise InvalidRequest.at(
            "model", f"expected 1 to {MAX_MODEL_LENGTH} characters, none of them a control character"
        )


def dropped_names(names: Sequence[str]) -> str:
    """Names of fields as one header's value: percent-encoded where they are strange, and no more than go in."""
    told = ", ".join(quote(name, safe=".[]:-_") for name in names)
    if len(told) <= MAX_DROPPED_LENGTH:
        return told
    return told[: MAX_DROPPED_LENGTH - len("...")] + "..."
