"""Golden files of the endpoints without streams: request, upstream request, response, answer.

There is one file per case, in a folder for each endpoint. After a change on purpose, run
`python -m tests.translate.buffered_goldens` to rewrite them, and review the diff.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from aigw_extproc.errors import GatewayError
from aigw_extproc.translate.contract import ResponseContext, UpstreamBatch, UpstreamRequest, UpstreamResponse
from tests.translate.goldens import upstream_for

FOLDER = Path(__file__).parent.parent / "golden" / "buffered"
INPUTS = ("path", "request", "responses")
CREATED = 123


def cases() -> list[Path]:
    return sorted(FOLDER.glob("*/*.json"))


def read(case: Path) -> dict[str, Any]:
    golden: dict[str, Any] = json.loads(case.read_text())
    return golden


def upstream_request(path: str, request: Any) -> UpstreamRequest:
    """Translate a request. Raises GatewayError."""
    return upstream_for(path, request)


def translate(golden: dict[str, Any]) -> dict[str, Any]:
    """Return the golden for its inputs."""
    result = {key: golden[key] for key in INPUTS if key in golden}
    try:
        upstream = upstream_request(golden["path"], golden["request"])
    except GatewayError as error:
        return result | {"error": {"status": error.status, "param": error.param, "message": error.message}}
    sent: dict[str, Any] = {"path": upstream.path, "bodies": [json.loads(body) for body in bodies(upstream)]}
    result |= {"upstream": sent} | ({"dropped": list(upstream.dropped)} if upstream.dropped else {})
    return result | (answer(upstream, golden["responses"]) if "responses" in golden else {})


def bodies(upstream: UpstreamRequest) -> tuple[bytes, ...]:
    return (upstream.body, *(upstream.further if isinstance(upstream, UpstreamBatch) else ()))


def answer(upstream: UpstreamRequest, responses: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the client's answer, or the error."""
    answers = [
        UpstreamResponse(status=200, headers=one.get("headers", {}), body=json.dumps(one["body"]).encode())
        for one in responses
    ]
    context = ResponseContext(request_id="R", created=CREATED, headers=answers[0].headers)
    try:
        if isinstance(upstream, UpstreamBatch) and upstream.further:
            response = upstream.answer.translate_batch(answers, context)
        else:
            response = upstream.answer.translate_response(answers[0].body, context)
    except GatewayError as error:
        return {"refused": {"status": error.status, "code": error.code, "message": error.message}}
    return {"answer": json.loads(response.body), "input_tokens": response.usage.input_tokens}


def main() -> None:
    for case in cases():
        case.write_text(json.dumps(translate(read(case)), indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
