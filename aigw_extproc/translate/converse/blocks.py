"""Facts about content blocks."""

from __future__ import annotations

from aigw_extproc.bedrock.converse import ContentBlock


def kind_of(block: ContentBlock) -> str | None:
    """Which kind of content a block is, in the words of the families' table; None for what is no content."""
    kinds = (
        ("text", block.text),
        ("image", block.image),
        ("document", block.document),
        ("video", block.video),
        ("audio", block.audio),
    )
    return next((kind for kind, member in kinds if member is not None), None)
