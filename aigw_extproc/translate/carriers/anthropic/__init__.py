"""InvokeModel with Claude's own body: a Converse request as a request of Anthropic's Messages API, and back.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages-request-response.html
"""

from aigw_extproc.translate.carriers.anthropic.request import carry

__all__ = ["carry"]
