"""Legacy completion request → Converse request with one user message."""

from __future__ import annotations

from aigw_extproc.bedrock import converse
from aigw_extproc.errors import InvalidRequest
from aigw_extproc.openai.completions import CompletionRequest
from aigw_extproc.translate.clients.completions.stream import CompletionWriter
from aigw_extproc.translate.contract import Target
from aigw_extproc.translate.converse.conversed import Conversed
from aigw_extproc.translate.converse.inference import require_positive
from aigw_extproc.translate.openai.parameters import inference_configuration, unsupported

_DEFAULTS = {"logit_bias": b"{}", "presence_penalty": b"0", "frequency_penalty": b"0"}
"""Values of unsupported parameters that change nothing; old clients always send them."""


def to_converse(request: CompletionRequest, target: Target) -> Conversed:
    """Translate a parsed completion request.

    Raises:
        InvalidRequest: a conversation of one message cannot express the request; `param` names the field.
    """
    _check_supported(request)
    dropped = list(unsupported(request.others, _DEFAULTS))
    message = converse.Message(role="user", content=[converse.ContentBlock(text=_prompt(request))])
    max_tokens = require_positive("max_tokens", request.max_tokens)
    inference = inference_configuration(request, target.family, max_tokens=max_tokens, dropped=dropped)
    options = request.stream_options
    return Conversed(
        request=converse.ConverseRequest(messages=[message], inference_config=inference),
        stream=bool(request.stream),
        dropped=tuple(dropped),
        writer=CompletionWriter(model=request.model, include_usage=bool(options and options.include_usage)),
    )


def _check_supported(request: CompletionRequest) -> None:
    if request.n not in {None, 1}:
        raise InvalidRequest.at("n", f"Bedrock answers with one choice, got {request.n}")
    if request.best_of not in {None, 1}:
        raise InvalidRequest.at("best_of", f"Bedrock answers with one choice, got {request.best_of}")
    if request.echo:
        raise InvalidRequest.at("echo", "the prompt is not repeated in the answer; put it before the text yourself")
    if request.suffix:
        raise InvalidRequest.at(
            "suffix", "models on Bedrock do not fill in before a suffix; ask for it in a chat completion"
        )


def _prompt(request: CompletionRequest) -> str:
    prompts = request.prompt if isinstance(request.prompt, list) else [request.prompt]
    if any(not isinstance(prompt, str) for prompt in prompts):
        raise InvalidRequest.at(
            "prompt", "models on Bedrock do not accept token ids of OpenAI's tokenizer; send the text itself"
        )
    if len(prompts) != 1:
        raise InvalidRequest.at("prompt", f"expected one prompt, got {len(prompts)}; send a request for each")
    prompt = str(prompts[0])
    if not prompt.strip():
        raise InvalidRequest.at("prompt", "the prompt is blank")
    return prompt
