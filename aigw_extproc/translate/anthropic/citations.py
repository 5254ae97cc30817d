"""Bedrock's citations → Anthropic's.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Citation.html
https://platform.claude.com/docs/en/build-with-claude/citations
"""

from __future__ import annotations

import msgspec

from aigw_extproc.bedrock.converse import CITATION, Citation

_DOCUMENTS = (
    ("document_char", "char_location", "char_index"),
    ("document_page", "page_location", "page_number"),
    ("document_chunk", "content_block_location", "block_index"),
)
"""Converse's location, Anthropic's type of citation, and the end of the names of its range."""


def citation(raw: msgspec.Raw) -> dict[str, object] | None:
    """Return a citation in Anthropic's format; None for a location that it does not have."""
    try:
        cited = CITATION.decode(raw)
    except msgspec.MsgspecError:
        return None
    text = "".join(part.text for part in cited.source_content)
    return _of_document(cited, text) or _of_search_result(cited, text) or _of_web(cited, text)


def _of_document(cited: Citation, text: str) -> dict[str, object] | None:
    for member, kind, unit in _DOCUMENTS:
        place = getattr(cited.location, member, None)
        if place is not None:
            span = {f"start_{unit}": place.start, f"end_{unit}": place.end}
            document = {"document_index": place.document_index, "document_title": cited.title, "file_id": None}
            return {"type": kind, "cited_text": text, **document, **span}
    return None


def _of_search_result(cited: Citation, text: str) -> dict[str, object] | None:
    place = cited.location.search_result_location if cited.location else None
    if place is None:
        return None
    span = {"start_block_index": place.start, "end_block_index": place.end}
    result = {"search_result_index": place.search_result_index, "source": cited.source or "", "title": cited.title}
    return {"type": "search_result_location", "cited_text": text, **result, **span}


def _of_web(cited: Citation, text: str) -> dict[str, object] | None:
    web = cited.location.web if cited.location else None
    if web is None or web.url is None:
        return None
    page = {"url": web.url, "title": cited.title, "encrypted_index": ""}
    return {"type": "web_search_result_location", "cited_text": text, **page}
