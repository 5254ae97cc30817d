"""Bedrock's citations of web pages → OpenAI's url_citation.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Citation.html
"""

from __future__ import annotations

import msgspec

from aigw_extproc.bedrock.converse import CITATION
from aigw_extproc.openai.completion import Annotation, UrlCitation


def annotation(
    raw: msgspec.Raw, start: int, end: int, index: int | msgspec.UnsetType = msgspec.UNSET
) -> Annotation | None:
    """Return the annotation for the text from `start` to `end`; None when the citation is not of a web page.

    `index` is for chunks: the SDK merges lists by it.
    """
    try:
        citation = CITATION.decode(raw)
    except msgspec.MsgspecError:
        return None
    url = citation.location.web.url if citation.location and citation.location.web else None
    if url is None:
        return None
    url_citation = UrlCitation(url=url, title=citation.title or url, start_index=start, end_index=end)
    return Annotation(index=index, url_citation=url_citation)
