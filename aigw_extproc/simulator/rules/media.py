"""Images and documents.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Message.html
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from types import MappingProxyType

from aigw_extproc.simulator.converse_request import Conversation, media, messages
from aigw_extproc.simulator.rules.problems import MODEL_ERRORS, Problems, repeated

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
