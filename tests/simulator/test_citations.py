"""Citations, with a boto3 client."""

from __future__ import annotations

from typing import Any

MODEL = "anthropic.claude-sonnet-4-5-20250929-v1:0"
REPORT = "The sun rose at six. " * 5


def document(name: str, source: dict[str, Any], *, cited: bool = True) -> dict[str, Any]:
    return {"document": {"name": name, "format": "txt", "source": source, "citations": {"enabled": cited}}}


def request(*documents: Any) -> dict[str, Any]:
    return {"modelId": MODEL, "messages": [{"role": "user", "content": [*documents, {"text": "Hi"}]}]}


def citation(index: int, title: str, text: str) -> dict[str, Any]:
    return {
        "title": title,
        "sourceContent": [{"text": text}],
        "location": {"documentChar": {"documentIndex": index, "start": 0, "end": len(text)}},
    }


DOCUMENTS = (
    document("plain", {"text": "x"}, cited=False),
    document("report", {"bytes": REPORT.encode()}),
    document("parts", {"content": [{"text": "one"}, {"text": "two"}]}),
)
CITATIONS = [citation(1, "report", REPORT[:60]), citation(2, "parts", "one two")]


def test_the_answer_cites_the_enabled_documents(bedrock: Any) -> None:
    (block,) = bedrock.converse(**request(*DOCUMENTS))["output"]["message"]["content"]
    cited = block["citationsContent"]
    assert (cited["content"][0]["text"][:19], cited["citations"]) == ("Hello! You said: Hi", CITATIONS)


def test_citations_stream_after_the_text(bedrock: Any) -> None:
    stream = bedrock.converse_stream(**request(*DOCUMENTS))["stream"]
    deltas = [event["contentBlockDelta"]["delta"] for event in stream if "contentBlockDelta" in event]
    kinds = [kind for delta in deltas for kind in delta]
    assert kinds == ["text"] * (len(kinds) - 2) + ["citation"] * 2
    assert [delta["citation"] for delta in deltas[-2:]] == CITATIONS


def test_other_documents_are_not_cited(bedrock: Any) -> None:
    (block,) = bedrock.converse(**request(DOCUMENTS[0]))["output"]["message"]["content"]
    assert list(block) == ["text"]


def test_a_cited_answer_may_come_back(bedrock: Any) -> None:
    first = bedrock.converse(**request(*DOCUMENTS))["output"]["message"]
    messages = [*request(*DOCUMENTS)["messages"], first, {"role": "user", "content": [{"text": "Bye"}]}]
    assert bedrock.converse(modelId=MODEL, messages=messages)["stopReason"] == "end_turn"
