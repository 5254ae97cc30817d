"""Image generation, in Amazon's or Stability's body."""

from aigw_extproc.translate.invoke.images.request import translate_request

__all__ = ["translate_request"]
