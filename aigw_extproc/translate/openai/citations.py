"""Citations: those of web pages are OpenAI's url_citation; all of them are passed on as Bedrock says them.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Citation.html
"""

from __future__ import annotations

import msgspec

from aigw_extproc.bedrock.converse import CITATION
from aigw_extproc.openai.completion import Annotation, UrlCitation


def annotation(
    raw: msgspec.Raw, start: int, end: int, index: int | msgspec.UnsetType = msgspec.UNSET
) -> Annotation | None:
    """The annotation of a citation for the text from `start` to `end`; None when it does not cite a web page.

    `index` is for chunks: the SDK merges lists by it.
    """
    try:
        citation = CITATION.decode(raw)
    except msgspec.MsgspecError:
        return None
    url = citation.location.web.url if citation.location and citation.location.web else None
    if url is None:
        return None
    cited = UrlCitation(url=url, title=citation.title or url, start_index=start, end_index=end)
    return Annotation(index=index, url_citation=cited)
