"""Anthropic's betas, as far as a model on Bedrock takes them: one that it does not know makes it refuse the request.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages-request-response.html
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

HEADER = "anthropic-beta"


def accepted(asked: Iterable[str], known: Collection[str], dropped: list[str], *, given: object = None) -> list[str]:
    """The betas to ask for: those of `given`, which the family wants, and what the client asked for and `known` has.

    The others are reported in `dropped`, by `anthropic-beta:` and their name.
    """
    betas = list(given) if isinstance(given, list) else []
    for beta in asked:
        if beta in known:
            betas.append(beta)
        elif beta not in betas:
            dropped.append(f"{HEADER}:{beta}")
    return list(dict.fromkeys(betas))
