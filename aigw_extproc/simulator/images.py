"""InvokeModel for image models: each image is a single pixel, whose colour depends on the prompt.

https://docs.aws.amazon.com/nova/latest/userguide/image-gen-req-resp-structure.html
https://docs.aws.amazon.com/bedrock/latest/userguide/stability-ai-text-to-image.html
"""

from __future__ import annotations

import base64
import struct
import zlib
from hashlib import sha256
from typing import Annotated, Literal

import msgspec

from aigw_extproc.simulator.guardrail import FORBIDDEN
from aigw_extproc.simulator.invocation import Invocation, InvokeBody, decode

Seed = Annotated[int, msgspec.Meta(ge=0, le=858_993_459)]
Pixels = Annotated[int, msgspec.Meta(ge=320, le=4096, multiple_of=16)]
PromptText = Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]


class TextToImage(InvokeBody, frozen=True, kw_only=True, rename="camel"):
    """The prompt and its negative."""

    text: PromptText
    negative_text: PromptText = "-"


class ImageConfig(InvokeBody, frozen=True, kw_only=True, rename="camel"):
    """Number, size and quality of the images."""

    number_of_images: Annotated[int, msgspec.Meta(ge=1, le=5)] = 1
    width: Pixels = 1024
    height: Pixels = 1024
    quality: Literal["standard", "premium"] = "standard"
    cfg_scale: Annotated[float, msgspec.Meta(ge=1.1, le=10)] = 6.5
    seed: Seed = 12


class AmazonImageRequest(InvokeBody, frozen=True, kw_only=True, rename="camel"):
    """Nova Canvas and Titan Image Generator. The simulator supports only this task."""

    task_type: Literal["TEXT_IMAGE"]
    text_to_image_params: TextToImage
    image_generation_config: ImageConfig = ImageConfig()


class StabilityImageRequest(InvokeBody, frozen=True, kw_only=True):
    """Stable Image Core and Ultra, Stable Diffusion 3.5."""

    prompt: Annotated[str, msgspec.Meta(min_length=1, max_length=10_000)]
    negative_prompt: Annotated[str, msgspec.Meta(max_length=10_000)] = ""
    aspect_ratio: Literal["16:9", "1:1", "21:9", "2:3", "3:2", "4:5", "5:4", "9:16", "9:21"] = "1:1"
    mode: Literal["text-to-image"] = "text-to-image"
    output_format: Literal["png", "jpeg"] = "png"
    seed: Seed = 0


def amazon(body: bytes) -> Invocation:
    """Return the images of a prompt; none where it is filtered. Raises Invalid."""
    request = decode(body, AmazonImageRequest)
    prompt, config = request.text_to_image_params.text, request.image_generation_config
    if FORBIDDEN in prompt:
        reason = "All of the generated images have been blocked by our content filters."
        return Invocation(body={"images": [], "error": reason}, input_tokens=0)
    images = [pixel(f"{config.seed}.{number} {prompt}") for number in range(config.number_of_images)]
    return Invocation(body={"images": images}, input_tokens=0)


def stability(body: bytes) -> Invocation:
    """Return the image of a prompt; none where it is filtered. Raises Invalid."""
    request = decode(body, StabilityImageRequest)
    if FORBIDDEN in request.prompt:
        return Invocation(body={"finish_reasons": ["Filter reason: prompt"]}, input_tokens=0)
    result = {"seeds": [request.seed], "finish_reasons": [None], "images": [pixel(request.prompt)]}
    return Invocation(body=result, input_tokens=0)


def pixel(text: str) -> str:
    """Return a PNG of one pixel, in base64. https://www.w3.org/TR/png-3/"""
    colour = sha256(text.encode()).digest()[:3]
    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"\0" + colour)), (b"IEND", b""))
    data = b"".join(
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks
    )
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + data).decode()
