"""Chat completion request → Converse request.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
"""

from __future__ import annotations

from dataclasses import dataclass, field

from aigw_extproc.bedrock import converse
from aigw_extproc.bedrock.families import Family
from aigw_extproc.errors import InvalidRequest
from aigw_extproc.openai import chat
from aigw_extproc.translate.clients.chat import parameters, tools
from aigw_extproc.translate.clients.chat.content import ContentTranslator
from aigw_extproc.translate.clients.chat.messages import VOCABULARY, names_in_history, translate_messages
from aigw_extproc.translate.clients.chat.reasoning import reasoning
from aigw_extproc.translate.clients.chat.stream import ChatWriter
from aigw_extproc.translate.clients.chat.structured_output import StructuredOutput, structured_output
from aigw_extproc.translate.contract import MediaNeeded, Target
from aigw_extproc.translate.converse.caching import within_limits
from aigw_extproc.translate.converse.conversation import Conversation, with_system
from aigw_extproc.translate.converse.conversed import Conversed
from aigw_extproc.translate.converse.reasoning import Reasoning, merged, model_fields, off
from aigw_extproc.translate.converse.tool_names import ToolNames
from aigw_extproc.translate.converse.tools import Selection, serial_tool_choice, tool_configuration
from aigw_extproc.translate.converse.turns import Vocabulary
from aigw_extproc.translate.openai.inference import inference_configuration
from aigw_extproc.wire import given


def to_converse(request: chat.ChatRequest, target: Target, vocabulary: Vocabulary = VOCABULARY) -> Conversed:
    """Translate a parsed chat completion request, which is left unchanged.

    `request.model` is the name under which the client knows the model. `vocabulary` names things in errors.

    Raises:
        InvalidRequest: Bedrock cannot serve the request; `param` names the field.
        MediaNeeded: images have to be fetched first.
    """
    return _Translation(request, target.family, vocabulary, ContentTranslator(target.family, target.fetched)).result()


@dataclass(slots=True)
class _Translation:
    """One request in translation; `dropped` fills as its parts are translated."""

    request: chat.ChatRequest
    family: Family
    vocabulary: Vocabulary
    content: ContentTranslator
    dropped: list[str] = field(default_factory=list)

    def result(self) -> Conversed:
        request = self.request
        if request.n is not None and request.n != 1:
            raise InvalidRequest.at("n", f"Bedrock answers with one choice, got {request.n}")
        self.dropped += parameters.without_counterpart(request)
        offered, choice = tools.definitions(request, self.family), tools.choice(request)
        history = names_in_history(request.messages)
        names = ToolNames.of([*(definition.name for definition in offered), *history])
        conversation = translate_messages(
            request.messages,
            names=names,
            family=self.family,
            content=self.content,
            vocabulary=self.vocabulary,
            tools_as_text=choice.mode == "none" or not self.family.tools,
        )
        if self.content.images.missing:
            raise MediaNeeded(tuple(dict.fromkeys(self.content.images.missing)))
        thoughts = self._reasoning(conversation)
        forcible = () if thoughts.on and not self.family.forced_while_reasoning else self.family.tool_choice
        output = structured_output(
            request.response_format, family=self.family, taken=names.taken, forced=bool(forcible)
        )
        selection = Selection(
            offered=offered,
            history=history,
            choice=choice,
            answer_tool=output.tool,
            tools_known=self.family.tools,
            forcible=forcible,
        )
        body = self._body(conversation, thoughts, output, selection, names)
        if self.content.cache.used and not within_limits(body):
            self.dropped.append("cache_control")
        stream = bool(request.stream) and (self.family.streaming_tools or body.tool_config is None)
        answer_tool = output.tool.name if output.tool else None
        options = request.stream_options
        return Conversed(
            request=body,
            stream=stream,
            replayed=bool(request.stream) and not stream,
            dropped=tuple(dict.fromkeys([*self.dropped, *self.content.dropped])),
            names=names,
            answer_tool=answer_tool,
            writer=ChatWriter(
                model=request.model,
                names=names,
                include_usage=bool(options is not None and options.include_usage),
                answer_tool=answer_tool,
            ),
        )

    def _body(
        self,
        conversation: Conversation,
        thoughts: Reasoning,
        output: StructuredOutput,
        selection: Selection,
        names: ToolNames,
    ) -> converse.ConverseRequest:
        request, aws = self.request, self.request.aws or _NO_EXTENSION
        instructed = with_system(conversation, output.instruction, self.family)
        return converse.ConverseRequest(
            messages=instructed.messages,
            system=instructed.system or None,
            inference_config=inference_configuration(
                request, self.family, max_tokens=thoughts.max_tokens, dropped=self.dropped, reasons=thoughts.on
            ),
            tool_config=tool_configuration(selection, names, self.family, self.content.cache, self.dropped),
            output_config=output.output_config,
            additional_model_request_fields=self._model_fields(conversation, thoughts, selection),
            additional_model_response_field_paths=aws.additional_model_response_field_paths,
            guardrail_config=given(aws.guardrail_config),
            performance_config=given(aws.performance_config),
            prompt_variables=given(aws.prompt_variables),
            request_metadata=parameters.request_metadata(request, self.dropped),
            service_tier=parameters.service_tier(request, self.dropped),
        )

    def _reasoning(self, conversation: Conversation) -> Reasoning:
        """Thinking cannot begin in the middle of a tool loop: Claude wants the thought that led to the call."""
        limit = parameters.max_tokens(self.request)
        thoughtless = conversation.unsigned_calls and self.family.reasoning_history == "signed"
        # Asked without a limit: what does not happen needs no room.
        if thoughtless and reasoning(self.request, self.family, None, []).on:
            self.dropped.append("thinking" if self.request.thinking else "reasoning_effort")
            return off(self.family, limit)
        return reasoning(self.request, self.family, limit, self.dropped)

    def _model_fields(
        self, conversation: Conversation, thoughts: Reasoning, selection: Selection
    ) -> dict[str, object] | None:
        fields = model_fields(thoughts, self.family, has_reasoning=conversation.has_reasoning)
        if tools.serially(self.request, selection):
            if self.family.serial_tools == "tool_choice":
                fields["tool_choice"] = serial_tool_choice(selection)
            else:
                self.dropped.append("parallel_tool_calls")
        extra = self.request.aws.additional_model_request_fields if self.request.aws else None
        return merged(fields, extra or {}) or None


_NO_EXTENSION = chat.AwsExtension()
