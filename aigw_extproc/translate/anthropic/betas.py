"""Anthropic's betas, filtered by model: a model on Bedrock refuses a request with one that it does not support.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages-request-response.html
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

HEADER = "anthropic-beta"
TOOL_STREAMING = "fine-grained-tool-streaming-2025-05-14"
PARTS = {"advanced-tool-use-2025-11-20": ("tool-search-tool-2025-10-19", "tool-examples-2025-10-29")}
"""Betas that Bedrock has in parts, which are requested where they are used."""


def accepted_betas(
    betas: Iterable[str], known: Collection[str], dropped: list[str], *, given: object = None
) -> list[str]:
    """Return the betas to request: those of `given`, which the family needs, and those of `betas` that are `known`.

    The others are reported in `dropped` as `anthropic-beta:NAME`.
    """
    accepted = list(given) if isinstance(given, list) else []
    for beta in betas:
        if beta in known:
            accepted.append(beta)
        elif any(part in known for part in PARTS.get(beta, ())):
            continue
        elif beta not in accepted:
            dropped.append(f"{HEADER}:{beta}")
    return list(dict.fromkeys(accepted))
