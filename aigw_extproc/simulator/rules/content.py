"""Images, documents and other content: what is valid, and what not every family supports, or not everywhere.

https://docs.aws.amazon.com/bedrock/latest/userguide/conversation-inference-supported-models-features.html
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ContentBlock.html
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from aigw_extproc.simulator.capabilities import MEDIA
from aigw_extproc.simulator.converse_request import Conversation, Message, blocks, media, messages, tool_use_ids
from aigw_extproc.simulator.rules.problems import (
    MODEL_ERRORS,
    ModelRequest,
    Problems,
    extraneous,
    repeated,
    unsupported,
)

KINDS: Mapping[str, str] = MappingProxyType({kind: kind for kind in ("text", *MEDIA)} | {"guardContent": "text"})
"""Blocks of content; cache points, tool uses and tool results are none."""

# https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Message.html
MAX_IMAGES, MAX_IMAGE_BYTES = 20, 3_750_000
MAX_DOCUMENTS, MAX_DOCUMENT_BYTES = 5, 4_500_000

# https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_DocumentBlock.html
DOCUMENT_NAME = re.compile(r"[A-Za-z0-9()\[\]-]+(?:\s[A-Za-z0-9()\[\]-]+)*")

# Readers search this many bytes for the magic: ISO 32000-1, annex H, implementation note 13.
PDF_MAGIC, PDF_HEADER = b"%PDF", 1024

IMAGE_MAGIC: Mapping[str, re.Pattern[bytes]] = MappingProxyType(
    {
        "png": re.compile(rb"\x89PNG\r\n\x1a\n"),
        "jpeg": re.compile(rb"\xff\xd8\xff"),
        "gif": re.compile(rb"GIF8[79]a"),
        "webp": re.compile(rb"RIFF....WEBP", re.DOTALL),
    }
)


def media_is_in_user_messages(conversation: Conversation) -> Problems:
    """Images and documents are in user messages, at most twenty and five in each."""
    for index, message in messages(conversation):
        for kind, most in (("image", MAX_IMAGES), ("document", MAX_DOCUMENTS)):
            count = sum(kind in block for block in message["content"])
            if count and message["role"] != "user":
                yield f"The {kind} content blocks at messages.{index} are only supported in user messages."
            if count > most:
                yield f"The number of {kind} blocks at messages.{index} exceeds the limit of {most}."


def image_bytes_match_their_format(conversation: Conversation) -> Problems:
    """The bytes of an image begin with the magic of its format, and are at most 3.75 MB."""
    for path, image in media(conversation, "image"):
        if "bytes" not in image["source"]:
            continue
        data = base64.b64decode(image["source"]["bytes"])
        if len(data) > MAX_IMAGE_BYTES:
            yield f"The image at {path} exceeds the limit of {MAX_IMAGE_BYTES} bytes."
        if IMAGE_MAGIC[image["format"]].match(data) is None:
            yield f"The image at {path} is not a valid {image['format']}: its bytes are of another format."


def pdf_bytes_match_their_format(conversation: Conversation) -> Problems:
    """The bytes of a PDF have its magic. Other document formats have none that is reliable."""
    for path, document in media(conversation, "document"):
        data = document["source"].get("bytes")
        if data and document.get("format") == "pdf" and PDF_MAGIC not in base64.b64decode(data)[:PDF_HEADER]:
            yield f"{MODEL_ERRORS} {path}: The PDF specified was not valid."


def documents_come_with_text(conversation: Conversation) -> Problems:
    """A message with a document has a text block."""
    for _, message in messages(conversation):
        kinds = {kind for block in message["content"] for kind in block}
        if "document" in kinds and "text" not in kinds:
            yield "A text block must be included when using documents."


def document_names_are_valid(conversation: Conversation) -> Problems:
    """Document names are unique and have only the allowed characters; bytes are at most 4.5 MB."""
    documents = list(media(conversation, "document"))
    for path, document in documents:
        if DOCUMENT_NAME.fullmatch(document["name"]) is None:
            yield (
                f"The document file name at {path} can only contain alphanumeric characters, whitespace"
                " characters, hyphens, parentheses, and square brackets. The name can't contain more than one"
                " consecutive whitespace character."
            )
        if len(document["source"].get("bytes", "")) > MAX_DOCUMENT_BYTES * 4 / 3:
            yield f"The document at {path} exceeds the limit of {MAX_DOCUMENT_BYTES} bytes."
    for name in repeated([document["name"] for _, document in documents]):
        yield f"The messages contain duplicate document names: {name}"


def media_are_supported(request: ModelRequest) -> Problems:
    """The family supports the media in messages."""
    for _, _, block in blocks(request.conversation):
        for kind in (block.keys() & MEDIA) - request.family.media:
            yield (
                f"This model doesn't support the {kind} content block that you provided. Update the content block and"
                " try again."
            )


def s3_is_supported(request: ModelRequest) -> Problems:
    """Media are in S3 only where the family supports that."""
    for kind in () if request.family.s3 else MEDIA:
        for _, block in media(request.conversation, kind):
            if "s3Location" in block["source"]:
                yield unsupported("s3Uri")


def blocks_beside_results_are_supported(request: ModelRequest) -> Problems:
    """A turn with tool results has only the content that the family supports beside them."""
    for index, message in messages(request.conversation):
        results, kinds = tool_use_ids(message, "toolResult"), _kinds(message)
        if not results or kinds <= request.family.beside_results:
            continue
        if request.is_claude:
            yield (
                f"{MODEL_ERRORS} messages.{index}: `tool_use` ids were found without `tool_result` blocks immediately"
                f" after: {', '.join(results)}. Each `tool_use` block must have a corresponding `tool_result` block in"
                " the next message."
            )
        else:
            yield _mixed(index, "result")


def blocks_beside_uses_are_supported(request: ModelRequest) -> Problems:
    """A turn with tool uses has content only if the family supports it beside them."""
    for index, message in messages(request.conversation):
        if tool_use_ids(message, "toolUse") and _kinds(message) and not request.family.text_beside_uses:
            yield _mixed(index, "use")


def result_content_is_supported(request: ModelRequest) -> Problems:
    """Tool results have only the content that the family supports in them."""
    for place, kind, part in _result_parts(request):
        if kind in request.family.in_results or part.get("format") in request.family.in_results:
            continue
        if request.family.provider == "amazon":
            yield extraneous(f"/{place}", "toolResult")
        else:
            yield unsupported(kind, " for user messages")


def result_status_is_supported(request: ModelRequest) -> Problems:
    """Tool results have a `status` only if the family supports it."""
    statuses = ("status" in block.get("toolResult", {}) for _, _, block in blocks(request.conversation))
    if any(statuses) and not request.family.result_status:
        yield unsupported("status")


def _mixed(index: int, noun: str) -> str:
    return f"messages.{index}.content: Conversation blocks and tool {noun} blocks cannot be provided in the same turn."


def _kinds(message: Message) -> frozenset[str]:
    return frozenset(KINDS[kind] for block in message["content"] for kind in block if kind in KINDS)


def _result_parts(request: ModelRequest) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield the media in tool results: path of the toolResult, kind and block."""
    for i, j, block in blocks(request.conversation):
        for part in block.get("toolResult", {}).get("content", ()):
            for kind in part.keys() & MEDIA:
                yield f"messages/{i}/content/{j}", kind, part[kind]
