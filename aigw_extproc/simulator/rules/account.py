"""Resources of the account: prompts in a library, and reserved capacity. The simulated one has no reservation.

https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-management-test.html
https://docs.aws.amazon.com/bedrock/latest/userguide/service-tiers-inference.html
"""

from __future__ import annotations

import re

from aigw_extproc.simulator.rules.problems import ModelRequest, Problems

PROMPT = re.compile(r"arn:[^/]+:prompt/.+")
IN_THE_PROMPT = frozenset({"additionalModelRequestFields", "inferenceConfig", "system", "toolConfig"})
"""Members that are part of a prompt in the library."""


def is_prompt_arn(model_id: str) -> bool:
    """Return whether a model id is the ARN of a prompt."""
    return PROMPT.fullmatch(model_id) is not None


def prompt_variables_need_a_prompt(request: ModelRequest) -> Problems:
    """promptVariables need the ARN of a prompt, and the request must not repeat the prompt's members."""
    if is_prompt_arn(request.model_id):
        for name in request.conversation.keys() & IN_THE_PROMPT:
            yield f"The {name} field can't be used with a prompt from Prompt management. Remove {name} and try again."
    elif request.model_id and "promptVariables" in request.conversation:
        yield "The promptVariables field can only be used with the ARN of a prompt as the model identifier."


def reserved_tier_needs_a_reservation(request: ModelRequest) -> Problems:
    """The tier `reserved` needs a reservation."""
    if request.conversation.get("serviceTier", {}).get("type") == "reserved":
        yield "Reservation not found."
