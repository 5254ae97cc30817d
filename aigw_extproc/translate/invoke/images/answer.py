"""InvokeModel's responses → the list of images."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from aigw_extproc.bedrock import images as bedrock
from aigw_extproc.errors import InvalidUpstreamResponse, UpstreamError
from aigw_extproc.openai.images import Image, ImagesResponse
from aigw_extproc.translate.contract import (
    BufferedAnswer,
    ClientResponse,
    ResponseContext,
    TokenCounts,
    UpstreamResponse,
)

_encode = msgspec.json.Encoder().encode
_RESPONSE = msgspec.json.Decoder(bedrock.ImageModelResponse)


class ImagesAnswer(BufferedAnswer, frozen=True, kw_only=True):
    """Implements `contract.BatchAnswer`."""

    image_class: str = ""
    """Quality and size, on which the price depends."""

    def translate_response(self, body: bytes, context: ResponseContext) -> ClientResponse:
        return self.translate_batch([UpstreamResponse(status=200, headers=context.headers, body=body)], context)

    def translate_batch(self, responses: Sequence[UpstreamResponse], context: ResponseContext) -> ClientResponse:
        # Images are billed per image, so there are no tokens.
        images = [Image(b64_json=image) for response in responses for image in _images(response.body)]
        usage = TokenCounts(images=len(images), image_class=self.image_class)
        return ClientResponse(body=_encode(ImagesResponse(created=context.created, data=images)), usage=usage)


def _images(body: bytes) -> list[str]:
    try:
        answer = _RESPONSE.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise InvalidUpstreamResponse("the upstream answered 200 with a body that holds no images") from None
    reason = answer.error or next(filter(None, answer.finish_reasons), None)
    if reason is not None:
        raise UpstreamError(reason, status=400, type="invalid_request_error", code="content_policy_violation")
    if not answer.images:
        raise InvalidUpstreamResponse("the upstream answered 200 without any image")
    return answer.images
