"""Image request → one InvokeModel request, or several where the model makes one image at a time."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from types import MappingProxyType

import msgspec

from aigw_extproc.bedrock import images as bedrock
from aigw_extproc.bedrock.invoke import invoke_path
from aigw_extproc.errors import InvalidRequest
from aigw_extproc.openai.images import ImagesRequest
from aigw_extproc.translate.contract import Target, UpstreamBatch
from aigw_extproc.translate.invoke.images.answer import ImagesAnswer

MAX_IMAGES = 10
"""OpenAI's: https://platform.openai.com/docs/api-reference/images/create, `n`."""
AMAZON_AT_ONCE = 5
"""The maximum of `numberOfImages`."""
SEED_STEP = 100_000_007
"""Between the calls of one request: Amazon's models make the same images for the same prompt and seed, and their
default seed is 12."""
QUALITIES = MappingProxyType(
    {"standard": "standard", "low": "standard", "medium": "standard", "hd": "premium", "high": "premium"}
)
"""Amazon's `quality` by OpenAI's; `auto` is the default."""
ASPECT_RATIOS = ("16:9", "1:1", "21:9", "2:3", "3:2", "4:5", "5:4", "9:16", "9:21")
"""Stability's `aspect_ratio`."""

_SIZE = re.compile(r"(?P<width>[1-9]\d{0,4})x(?P<height>[1-9]\d{0,4})")
_RATIOS = {Fraction(*map(int, ratio.split(":"))): ratio for ratio in ASPECT_RATIOS}
_CHARGED_SIZES = (512, 1024, 2048)
_encode = msgspec.json.Encoder().encode


def translate_request(request: ImagesRequest, target: Target) -> UpstreamBatch:
    """Translate a parsed image request.

    Raises:
        InvalidRequest: the model makes no images, or not of this kind; `param` names the field.
    """
    bodies = _BODIES.get(target.family.images)
    if bodies is None:
        raise InvalidRequest.at(
            "model",
            f"{target.model} is not known to make images; use Nova Canvas or one of Titan's or Stability's models, or"
            " name the body that it takes with the fact `images` in the annotation aigw-extproc/model-families",
        )
    _check(request)
    dropped = [*request.others]
    first, *further = bodies(request, request.n or 1, dropped)
    return UpstreamBatch(
        path=invoke_path(target.model),
        body=_encode(first),
        further=tuple(map(_encode, further)),
        accept="application/json",
        stream=False,
        dropped=tuple(dropped),
        answer=ImagesAnswer(image_class=_image_class(request) if target.family.images == "amazon" else ""),
    )


def _check(request: ImagesRequest) -> None:
    if request.n is not None and not 1 <= request.n <= MAX_IMAGES:
        raise InvalidRequest.at("n", f"expected 1 to {MAX_IMAGES} images, got {request.n}")
    if not request.prompt.strip():
        raise InvalidRequest.at("prompt", "the prompt is blank")
    if request.response_format == "url":
        raise InvalidRequest.at("response_format", "Bedrock keeps no images, so there is no URL to give; use b64_json")


def _amazon(request: ImagesRequest, count: int, dropped: list[str]) -> list[msgspec.Struct]:
    if request.output_format not in {None, "png"}:
        raise InvalidRequest.at("output_format", "this model makes png only")
    size, quality = _size(request.size), request.quality
    if quality not in {None, "auto"} and quality not in QUALITIES:
        raise InvalidRequest.at("quality", f"expected one of {', '.join(QUALITIES)}, got {quality!r}")
    counts = [min(AMAZON_AT_ONCE, count - made) for made in range(0, count, AMAZON_AT_ONCE)]
    return [
        bedrock.AmazonRequest(
            task_type="TEXT_IMAGE",
            text_to_image_params=bedrock.TextToImage(text=request.prompt),
            image_generation_config=bedrock.ImageGenerationConfig(
                number_of_images=number,
                width=size[0] if size else None,
                height=size[1] if size else None,
                quality=QUALITIES.get(quality or ""),
                seed=index * SEED_STEP or None,
            ),
        )
        for index, number in enumerate(counts)
    ]


def _stability(request: ImagesRequest, count: int, dropped: list[str]) -> list[msgspec.Struct]:
    if request.output_format == "webp":
        raise InvalidRequest.at("output_format", "this model makes png or jpeg")
    if request.quality not in {None, "auto"}:
        dropped.append("quality")
    body = bedrock.StabilityRequest(
        prompt=request.prompt, aspect_ratio=_aspect_ratio(request.size), output_format=request.output_format
    )
    return [body] * count


def _size(size: str | None) -> tuple[int, int] | None:
    if size in {None, "auto"}:
        return None
    match = _SIZE.fullmatch(size or "")
    if match is None:
        raise InvalidRequest.at("size", f"expected WIDTHxHEIGHT or auto, got {size!r}")
    return int(match["width"]), int(match["height"])


def _image_class(request: ImagesRequest) -> str:
    """Return the quality and the size by which Amazon charges an image: https://aws.amazon.com/bedrock/pricing/"""
    longest = max(_size(request.size) or (1024, 1024))
    size = next((limit for limit in _CHARGED_SIZES if longest <= limit), _CHARGED_SIZES[-1])
    return f"{QUALITIES.get(request.quality or '', 'standard')} {size}"


def _aspect_ratio(size: str | None) -> str | None:
    """These models choose the number of pixels themselves."""
    found = _size(size)
    if found is None:
        return None
    ratio = Fraction(*found)
    if ratio not in _RATIOS:
        raise InvalidRequest.at("size", f"this model makes images of the ratios {', '.join(ASPECT_RATIOS)}, not {size}")
    return _RATIOS[ratio]


_BODIES: Mapping[str, Callable[[ImagesRequest, int, list[str]], list[msgspec.Struct]]] = MappingProxyType(
    {"amazon": _amazon, "stability": _stability}
)
"""By the fact `images` of the families' table: (request, number of images, dropped parameters) to bodies."""
