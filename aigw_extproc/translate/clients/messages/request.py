"""Messages request → Converse request.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
"""

from __future__ import annotations

from aigw_extproc.anthropic import messages
from aigw_extproc.bedrock.converse import ConverseRequest
from aigw_extproc.bedrock.families import Family
from aigw_extproc.translate.anthropic.betas import TOOL_STREAMING, accepted_betas
from aigw_extproc.translate.clients.messages import parameters
from aigw_extproc.translate.clients.messages.prompt import Prompt, translate_prompt
from aigw_extproc.translate.clients.messages.stream import MessagesWriter
from aigw_extproc.translate.contract import Target
from aigw_extproc.translate.converse.conversation import with_system
from aigw_extproc.translate.converse.conversed import Conversed
from aigw_extproc.translate.converse.inference import require_positive
from aigw_extproc.translate.converse.tools import can_stream

_STOP_SEQUENCE = "/stop_sequence"
"""The path in Claude's own response of the stop sequence that it met, which Converse does not report."""


def to_converse(request: messages.MessagesRequest, target: Target) -> Conversed:
    """Translate a request to create a message, which is left unchanged.

    `request.model` is the client's name for the model.

    Raises:
        InvalidRequest: Bedrock cannot serve the request; `param` names the field.
        MediaNeeded: images have to be fetched first.
    """
    conversation, family = messages.create_params(request), target.family
    require_positive("max_tokens", conversation.max_tokens)
    dropped = [name for name, value in conversation.others.items() if bytes(value) != b"null"]
    prompt = translate_prompt(conversation, target, dropped)
    output = parameters.structured_output(conversation, family, dropped)
    instructed = with_system(prompt.conversation, output.instruction, family)
    inference = parameters.inference_configuration(conversation, family, prompt.reasoning, dropped)
    fields = prompt.fields | parameters.top_k(conversation, family, prompt.reasoning, dropped)
    body = ConverseRequest(
        messages=instructed.messages,
        system=instructed.system or None,
        inference_config=inference,
        tool_config=prompt.tool_config,
        output_config=output.output_config,
        additional_model_request_fields=_with_betas(fields, request, conversation, family, dropped),
        additional_model_response_field_paths=[_STOP_SEQUENCE] if inference.stop_sequences else None,
        request_metadata=parameters.request_metadata(conversation, dropped),
    )
    stream = bool(request.stream) and can_stream(body.tool_config, family)
    return _conversed(body, request, prompt, dropped, stream=stream, replayed=bool(request.stream) and not stream)


def to_counted(request: messages.MessagesRequest, target: Target) -> Conversed:
    """Translate a request to count tokens: only the input that `to_converse` translates.

    Raises:
        InvalidRequest: Bedrock cannot serve the request; `param` names the field.
        MediaNeeded: images have to be fetched first.
    """
    dropped: list[str] = []
    conversation = messages.count_tokens_params(request)
    prompt = translate_prompt(conversation, target, dropped)
    fields = _with_betas(prompt.fields, request, conversation, target.family, dropped)
    instructed = with_system(prompt.conversation, None, target.family)
    body = ConverseRequest(
        messages=instructed.messages,
        system=instructed.system or None,
        tool_config=prompt.tool_config,
        additional_model_request_fields=fields,
    )
    return _conversed(body, request, prompt, dropped)


def _with_betas(
    fields: dict[str, object],
    request: messages.MessagesRequest,
    conversation: messages.CountTokensParams,
    family: Family,
    dropped: list[str],
) -> dict[str, object] | None:
    wanted = list(request.betas)
    if any(tool.eager_input_streaming for tool in conversation.tools or ()):
        if TOOL_STREAMING in family.converse_betas:
            wanted.append(TOOL_STREAMING)
        else:
            dropped.append("tools.eager_input_streaming")
    betas = accepted_betas(wanted, family.converse_betas, dropped, given=fields.get("anthropic_beta"))
    return (fields | {"anthropic_beta": betas} if betas else fields) or None


def _conversed(
    body: ConverseRequest,
    request: messages.MessagesRequest,
    prompt: Prompt,
    dropped: list[str],
    *,
    stream: bool = False,
    replayed: bool = False,
) -> Conversed:
    prompt.cache.limit(body)
    return Conversed(
        request=body,
        stream=stream,
        replayed=replayed,
        dropped=tuple(dict.fromkeys(dropped)),
        names=prompt.names,
        writer=MessagesWriter(model=request.model, names=prompt.names),
    )
