"""InvokeModel bodies of image models.

* Nova Canvas and Titan: https://docs.aws.amazon.com/nova/latest/userguide/image-gen-req-resp-structure.html
* Stability: https://docs.aws.amazon.com/bedrock/latest/userguide/stability-ai-text-to-image.html
"""

from __future__ import annotations

import msgspec


class TextToImage(msgspec.Struct, frozen=True, kw_only=True):
    text: str


class ImageGenerationConfig(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    number_of_images: int | None = None
    width: int | None = None
    height: int | None = None
    quality: str | None = None
    seed: int | None = None


class AmazonRequest(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    task_type: str
    text_to_image_params: TextToImage
    image_generation_config: ImageGenerationConfig = ImageGenerationConfig()


class StabilityRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    prompt: str
    aspect_ratio: str | None = None
    output_format: str | None = None


class ImageModelResponse(msgspec.Struct, frozen=True, kw_only=True):
    """The response of both families; if the request was filtered, a member of the family says why instead of images."""

    images: list[str] = []  # msgspec copies mutable defaults
    error: str | None = None
    finish_reasons: list[str | None] = []  # as above
