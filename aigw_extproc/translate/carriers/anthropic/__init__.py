"""Any translation to Converse, told to Claude in Anthropic's own body instead: InvokeModel for InvokeModel's backends.

This knows Converse and Anthropic's API, and no client's: `registry` says which translations it carries.
"""

from aigw_extproc.translate.carriers.anthropic.request import over_anthropic

__all__ = ["over_anthropic"]
