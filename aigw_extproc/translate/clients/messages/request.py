"""Messages request → Converse request.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from aigw_extproc.anthropic import messages
from aigw_extproc.bedrock import converse
from aigw_extproc.bedrock.families import Family
from aigw_extproc.config.snapshot import Schema
from aigw_extproc.errors import InvalidRequest
from aigw_extproc.translate.anthropic.betas import accepted
from aigw_extproc.translate.clients.messages import parameters
from aigw_extproc.translate.clients.messages.answer import MessagesAnswer
from aigw_extproc.translate.clients.messages.prompt import Prompt, translate_prompt
from aigw_extproc.translate.contract import Fetched, MediaNeeded, UpstreamRequest
from aigw_extproc.translate.converse.caching import within_limits
from aigw_extproc.translate.converse.conversation import with_system
from aigw_extproc.translate.converse.tool_names import ToolNames

_encode = msgspec.json.Encoder().encode
_NOTHING_FETCHED: Mapping[str, Fetched] = {}
_SCHEMA = Schema(name="AWSBedrock")
_STOP_SEQUENCE = "/stop_sequence"
"""Converse has no word for the sequence that was met; Claude's own answer, which can be asked for, has."""


def translate_request(
    request: messages.MessagesRequest,
    *,
    model: str,
    family: Family,
    schema: Schema = _SCHEMA,
    fetched: Mapping[str, Fetched] = _NOTHING_FETCHED,
) -> UpstreamRequest:
    """Translates a request to create a message, which is left as it is.

    `model` is the id that Bedrock is asked for; `request.model` the name under which the client knows it. `fetched`
    holds what the URLs of an earlier MediaNeeded held.

    Raises:
        InvalidRequest: the request means something that Bedrock cannot be told; `param` names the field.
        MediaNeeded: images have to be fetched first.
    """
    try:
        return _Translation(request, messages.conversation(request), model, family).upstream(fetched)
    except RecursionError:
        raise InvalidRequest("the request body is nested too deeply") from None


@dataclass(slots=True)
class _Translation:
    """One request on its way; `dropped` fills as its parts are translated."""

    asked: messages.MessagesRequest
    request: messages.Conversation
    model: str
    family: Family
    dropped: list[str] = field(default_factory=list)

    def upstream(self, fetched: Mapping[str, Fetched]) -> UpstreamRequest:
        parameters.require_limit(self.request)
        self.dropped += [name for name, value in self.request.others.items() if bytes(value) != b"null"]
        prompt = translate_prompt(self.request, self.family, fetched, self.dropped)
        if prompt.missing:
            raise MediaNeeded(prompt.missing)
        body = self._body(prompt)
        if prompt.has_cache_points and not within_limits(body):
            self.dropped.append("cache_control")
        wanted = bool(self.asked.stream)
        stream = wanted and (self.family.streaming_tools or body.tool_config is None)
        return UpstreamRequest(
            path=converse.converse_path(self.model, stream=stream),
            body=_encode(body),
            accept="application/vnd.amazon.eventstream" if stream else "application/json",
            stream=stream,
            dropped=tuple(dict.fromkeys(self.dropped)),
            answer=self._answer(prompt.names, in_one_piece=wanted and not stream),
        )

    def _body(self, prompt: Prompt) -> converse.ConverseRequest:
        request, family, thoughts = self.request, self.family, prompt.thoughts
        output, instruction = parameters.output_configuration(request, family, self.dropped)
        told = with_system(prompt.conversation, instruction, family)
        inference = parameters.inference_configuration(request, family, thoughts, self.dropped)
        return converse.ConverseRequest(
            messages=told.messages,
            system=told.system or None,
            inference_config=inference,
            tool_config=prompt.tool_config,
            output_config=output,
            additional_model_request_fields=self._model_fields(prompt),
            additional_model_response_field_paths=[_STOP_SEQUENCE] if inference.stop_sequences else None,
            request_metadata=parameters.request_metadata(request, self.dropped),
        )

    def _model_fields(self, prompt: Prompt) -> dict[str, object] | None:
        fields = prompt.fields | parameters.top_k(self.request, self.family, prompt.thoughts, self.dropped)
        betas = accepted(self.asked.betas, self.family.converse_betas, self.dropped, given=fields.get("anthropic_beta"))
        return (fields | {"anthropic_beta": betas} if betas else fields) or None

    def _answer(self, names: ToolNames, *, in_one_piece: bool) -> MessagesAnswer:
        return MessagesAnswer(model=self.request.model, names=names, in_one_piece=in_one_piece)
