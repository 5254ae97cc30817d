"""What an account has: prompts in a library, and reserved capacity. The simulated one has no reservation.

https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-management-test.html
https://docs.aws.amazon.com/bedrock/latest/userguide/service-tiers-inference.html
"""

from __future__ import annotations

import re

from aigw_extproc.simulator.rules.conversation import Asked, Problems

PROMPT = re.compile(r"arn:[^/]+:prompt/.+")
IN_THE_PROMPT = frozenset({"additionalModelRequestFields", "inferenceConfig", "system", "toolConfig"})
"""Members that the prompt of a library brings itself."""


def names_a_prompt(model_id: str) -> bool:
    """Whether a model id is the ARN of a prompt."""
    return PROMPT.fullmatch(model_id) is not None


def variables_are_a_prompts(asked: Asked) -> Problems:
    """promptVariables come with the ARN of a prompt, and what the prompt says is not said again."""
    if names_a_prompt(asked.model_id):
        for name in asked.conversation.keys() & IN_THE_PROMPT:
            yield f"The {name} field can't be used with a prompt from Prompt management. Remove {name} and try again."
    elif asked.model_id and "promptVariables" in asked.conversation:
        yield "The promptVariables field can only be used with the ARN of a prompt as the model identifier."


def capacity_is_reserved(asked: Asked) -> Problems:
    """The tier `reserved` needs a reservation."""
    if asked.conversation.get("serviceTier", {}).get("type") == "reserved":
        yield "Reservation not found."
