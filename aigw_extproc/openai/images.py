"""Request and response of image generation.

https://platform.openai.com/docs/api-reference/images/create
"""

from __future__ import annotations

from typing import Literal

import msgspec

from aigw_extproc import wire


class ImagesRequest(wire.Open, frozen=True, kw_only=True):
    model: str
    prompt: str
    n: int | None = None
    size: str | None = None
    quality: str | None = None
    output_format: Literal["png", "jpeg", "webp"] | None = None
    response_format: Literal["b64_json", "url"] | None = None


class Image(msgspec.Struct, frozen=True, kw_only=True):
    b64_json: str


class ImagesResponse(msgspec.Struct, frozen=True, kw_only=True):
    created: int
    data: list[Image]


_REQUEST = msgspec.json.Decoder(ImagesRequest)


def parse(body: bytes) -> ImagesRequest:
    """Parse the body of POST /v1/images/generations.

    Raises:
        InvalidRequest: the body is not JSON or a field has the wrong type; `param` is the field's path.
    """
    return wire.decode_open(_REQUEST, body)
