"""Legacy completion request → Converse request of one user turn."""

from __future__ import annotations

from collections.abc import Iterator

from aigw_extproc.bedrock import converse
from aigw_extproc.errors import InvalidRequest
from aigw_extproc.openai.completions import CompletionRequest
from aigw_extproc.translate.clients.completions.stream import CompletionWriter
from aigw_extproc.translate.contract import Target
from aigw_extproc.translate.converse.conversed import Conversed
from aigw_extproc.translate.openai.inference import inference_configuration

# Defaults that old clients always send; leaving them out is not reported.
_DEFAULTS = {"logit_bias": b"{}", "presence_penalty": b"0", "frequency_penalty": b"0"}


def to_converse(request: CompletionRequest, target: Target) -> Conversed:
    """Translate a parsed completion request.

    Raises:
        InvalidRequest: a conversation of one turn cannot express the request; `param` names the field.
    """
    _require_one_plain_answer(request)
    dropped = [name for name, value in request.others.items() if bytes(value) not in {b"null", _DEFAULTS.get(name)}]
    turn = converse.Message(role="user", content=[converse.ContentBlock(text=_prompt(request))])
    inference = inference_configuration(request, target.family, max_tokens=_max_tokens(request), dropped=dropped)
    options = request.stream_options
    return Conversed(
        request=converse.ConverseRequest(messages=[turn], inference_config=inference),
        stream=bool(request.stream),
        dropped=tuple(dropped),
        writer=CompletionWriter(model=request.model, include_usage=bool(options is not None and options.include_usage)),
    )


def _require_one_plain_answer(request: CompletionRequest) -> None:
    for field, fault in _faults(request):
        raise InvalidRequest.at(field, f"{fault}")


def _faults(request: CompletionRequest) -> Iterator[tuple[str, str]]:
    if request.n not in {None, 1}:
        yield "n", f"Bedrock answers with one choice, got {request.n}"
    if request.best_of not in {None, 1}:
        yield "best_of", f"Bedrock answers with one choice, got {request.best_of}"
    if request.echo:
        yield "echo", "the prompt is not repeated in the answer; put it before the text yourself"
    if request.suffix:
        yield "suffix", "models on Bedrock do not fill in before a suffix; ask for it in a chat completion"


def _prompt(request: CompletionRequest) -> str:
    prompts = request.prompt if isinstance(request.prompt, list) else [request.prompt]
    if any(not isinstance(prompt, str) for prompt in prompts):
        raise InvalidRequest.at(
            "prompt", "token ids of OpenAI's tokenizer mean nothing to models on Bedrock; send the text itself"
        )
    if len(prompts) != 1:
        raise InvalidRequest.at("prompt", f"expected one prompt, got {len(prompts)}; send a request for each")
    prompt = str(prompts[0])
    if not prompt.strip():
        raise InvalidRequest.at("prompt", "the prompt is blank")
    return prompt


def _max_tokens(request: CompletionRequest) -> int | None:
    if request.max_tokens is not None and request.max_tokens < 1:
        raise InvalidRequest.at("max_tokens", f"has to be at least 1, got {request.max_tokens}")
    return request.max_tokens
