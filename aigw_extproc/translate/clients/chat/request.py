"""Chat completion request → Converse request.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
"""

from __future__ import annotations

from dataclasses import dataclass, field

from aigw_extproc.bedrock.converse import ConverseRequest, ToolConfiguration
from aigw_extproc.bedrock.families import Family
from aigw_extproc.errors import InvalidRequest
from aigw_extproc.openai import chat
from aigw_extproc.translate.clients.chat import parameters, tools
from aigw_extproc.translate.clients.chat.content import PartTranslator
from aigw_extproc.translate.clients.chat.custom_tools import custom_names
from aigw_extproc.translate.clients.chat.messages import VOCABULARY, names_in_history, translate_messages
from aigw_extproc.translate.clients.chat.reasoning import translate_reasoning
from aigw_extproc.translate.clients.chat.stream import ChatWriter
from aigw_extproc.translate.clients.chat.structured_output import structured_output
from aigw_extproc.translate.contract import Target
from aigw_extproc.translate.converse.conversation import Conversation, forbids_reasoning, with_system
from aigw_extproc.translate.converse.conversed import Conversed
from aigw_extproc.translate.converse.reasoning import ReasoningSpec, merged, model_fields, off
from aigw_extproc.translate.converse.structured_output import StructuredOutput
from aigw_extproc.translate.converse.tool_names import ToolNames
from aigw_extproc.translate.converse.tools import (
    Selection,
    can_stream,
    forcible_choices,
    serial_fields,
    tool_configuration,
    tool_names,
    with_web_search,
)
from aigw_extproc.translate.converse.turns import Vocabulary
from aigw_extproc.translate.openai.parameters import inference_configuration, unsupported
from aigw_extproc.wire import given


def to_converse(request: chat.ChatRequest, target: Target, vocabulary: Vocabulary = VOCABULARY) -> Conversed:
    """Translate a parsed chat completion request, which is left unchanged.

    `request.model` is the client's name for the model. `vocabulary` has the client's terms for errors.

    Raises:
        InvalidRequest: Bedrock cannot serve the request; `param` names the field.
        MediaNeeded: images have to be fetched first.
    """
    return _Translation(request, target.family, vocabulary, PartTranslator(target.family, target.fetched)).result()


@dataclass(slots=True)
class _Translation:
    """The translation of one request. Its parts add to `dropped`."""

    request: chat.ChatRequest
    family: Family
    vocabulary: Vocabulary
    content: PartTranslator
    dropped: list[str] = field(default_factory=list)

    def result(self) -> Conversed:
        request, family = self.request, self.family
        if request.n is not None and request.n != 1:
            raise InvalidRequest.at("n", f"Bedrock answers with one choice, got {request.n}")
        self.dropped += unsupported(request.others, parameters.DEFAULTS)
        offered, choice = tools.definitions(request, family), tools.choice(request)
        history = names_in_history(request.messages)
        names = tool_names(offered, history, family)
        conversation = translate_messages(
            request.messages,
            names=names,
            family=family,
            content=self.content,
            vocabulary=self.vocabulary,
            tools_as_text=choice.mode == "none" or not family.tools,
        )
        self.content.images.require_fetched()
        reasoning = self._reasoning(conversation)
        forcible = forcible_choices(family, reasons=reasoning.on)
        output = structured_output(request.response_format, family=family, taken=names.taken, forced=bool(forcible))
        selection = Selection(
            offered=offered,
            history=history,
            choice=choice,
            answer_tool=output.tool,
            tools_known=family.tools,
            forcible=forcible,
        )
        body = self._body(conversation, reasoning, output, selection, names)
        self.content.cache.limit(body)
        if output.tool is not None:
            names = names.with_parameters(output.tool.name, output.tool.schema(family).aliases)
        return self._conversed(body, names, output.tool.name if output.tool else None)

    def _conversed(self, body: ConverseRequest, names: ToolNames, answer_tool: str | None) -> Conversed:
        wanted, options = bool(self.request.stream), self.request.stream_options
        stream = wanted and can_stream(body.tool_config, self.family)
        return Conversed(
            request=body,
            stream=stream,
            replayed=wanted and not stream,
            dropped=tuple(dict.fromkeys([*self.dropped, *self.content.dropped])),
            names=names,
            answer_tool=answer_tool,
            writer=ChatWriter(
                model=self.request.model,
                names=names,
                include_usage=bool(options and options.include_usage),
                answer_tool=answer_tool,
                custom_tools=custom_names(self.request),
            ),
        )

    def _body(
        self,
        conversation: Conversation,
        reasoning: ReasoningSpec,
        output: StructuredOutput,
        selection: Selection,
        names: ToolNames,
    ) -> ConverseRequest:
        request, aws = self.request, self.request.aws or _NO_EXTENSION
        instructed = with_system(conversation, output.instruction, self.family)
        return ConverseRequest(
            messages=instructed.messages,
            system=instructed.system or None,
            inference_config=inference_configuration(
                request,
                self.family,
                max_tokens=reasoning.max_tokens,
                dropped=self.dropped,
                reasons=reasoning.on,
                limit_name=parameters.limit_name(request),
            ),
            tool_config=self._tools(selection, names),
            output_config=output.output_config,
            additional_model_request_fields=self._model_fields(conversation, reasoning, selection),
            additional_model_response_field_paths=aws.additional_model_response_field_paths,
            guardrail_config=given(aws.guardrail_config),
            performance_config=given(aws.performance_config),
            project_identifier=aws.project_identifier,
            prompt_variables=given(aws.prompt_variables),
            request_metadata=parameters.request_metadata(request, self.dropped),
            service_tier=parameters.service_tier(request, self.dropped),
        )

    def _tools(self, selection: Selection, names: ToolNames) -> ToolConfiguration | None:
        configuration = tool_configuration(selection, names, self.family, self.content.cache, self.dropped)
        if given(self.request.web_search_options) is None:
            return configuration
        if not self.family.web_search:
            self.dropped.append("web_search_options")
            return configuration
        return with_web_search(configuration, self.family)

    def _reasoning(self, conversation: Conversation) -> ReasoningSpec:
        limit = parameters.max_tokens(self.request)
        # Called without the limit: reasoning that is turned off needs no room in it.
        if forbids_reasoning(conversation, self.family) and translate_reasoning(self.request, self.family, None, []).on:
            self.dropped.append("thinking" if self.request.thinking else "reasoning_effort")
            return off(self.family, limit)
        return translate_reasoning(self.request, self.family, limit, self.dropped)

    def _model_fields(
        self, conversation: Conversation, reasoning: ReasoningSpec, selection: Selection
    ) -> dict[str, object] | None:
        fields = model_fields(reasoning, self.family, has_reasoning=conversation.has_reasoning)
        if self.request.parallel_tool_calls is False:
            fields |= serial_fields(selection, self.family, "parallel_tool_calls", self.dropped)
        extra = self.request.aws.additional_model_request_fields if self.request.aws else None
        return merged(fields, extra or {}) or None


_NO_EXTENSION = chat.AwsExtension()
