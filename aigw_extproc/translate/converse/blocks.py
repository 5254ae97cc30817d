"""Facts about content blocks."""

from __future__ import annotations

from aigw_extproc.bedrock.converse import ContentBlock


def kind_of(block: ContentBlock) -> str | None:
    """Return the kind of content, as families.toml calls it; None for a block that is not content."""
    if block.guard_content is not None:
        return "image" if block.guard_content.image is not None else "text"
    kinds = (
        ("text", block.text),
        ("image", block.image),
        ("document", block.document),
        ("video", block.video),
        ("audio", block.audio),
    )
    return next((kind for kind, member in kinds if member is not None), None)
