"""Converse's rules across fields, beyond the shape of a request.

Each rule is a generator over a request that has passed `shapes.validate`, and yields its problems, in the service's own
words where they are known. The first problem is the response, as in the service. `RULES` hold for all models;
`MODEL_RULES` depend on `model_families`, and allow what is unknown there.
"""

from __future__ import annotations

from collections.abc import Callable

from aigw_extproc.simulator.converse_request import Conversation
from aigw_extproc.simulator.errors import Invalid, ServiceError
from aigw_extproc.simulator.model_families import capabilities_of
from aigw_extproc.simulator.rules import caching, content, inference, output, reasoning, tools, turns
from aigw_extproc.simulator.rules.problems import ModelRequest, Problems

__all__ = ["MODEL_RULES", "RULES", "check"]


def check(conversation: Conversation, model_id: str = "", *, streamed: bool = False) -> None:
    """Check a conversation. Raises ServiceError, mostly Invalid, for the first rule that it breaks.

    Without a model, or with an unknown one, only the rules for all models are checked.
    """
    family = capabilities_of(model_id)
    request = ModelRequest(conversation=conversation, model_id=model_id, family=family, streamed=streamed)
    # A prompt from the prompt library needs no messages.
    for rule in RULES if conversation.get("messages") or not inference.is_prompt_arn(model_id) else ():
        _raise_first(rule(conversation))
    for model_rule in MODEL_RULES:
        _raise_first(model_rule(request))


def _raise_first(problems: Problems) -> None:
    for problem in problems:
        raise problem if isinstance(problem, ServiceError) else Invalid(problem)


RULES: tuple[Callable[[Conversation], Problems], ...] = (
    turns.content_is_not_empty,
    turns.text_is_not_blank,
    turns.starts_with_user,
    turns.roles_alternate,
    turns.system_messages_are_in_their_places,
    turns.changed_tools_are_known,
    tools.tool_blocks_need_tools,
    tools.tool_blocks_match_roles,
    tools.tool_json_is_an_object,
    tools.tool_uses_are_unique,
    tools.tool_results_match_tool_uses,
    tools.tool_uses_are_answered,
    tools.tool_results_come_first,
    tools.failed_tool_results_have_content,
    tools.tool_names_are_unique,
    tools.tool_schemas_describe_objects,
    tools.tool_schemas_are_valid,
    tools.chosen_tool_exists,
    content.media_is_in_user_messages,
    content.image_bytes_match_their_format,
    content.pdf_bytes_match_their_format,
    content.documents_come_with_text,
    content.document_names_are_valid,
    inference.response_fields_are_json_pointers,
    output.output_schema_is_json,
    caching.cache_points_are_limited,
    caching.cache_points_follow_a_block,
    caching.ttls_do_not_increase,
    turns.last_turn_has_no_trailing_space,
)
"""In the order of the checks."""

MODEL_RULES: tuple[Callable[[ModelRequest], Problems], ...] = (
    inference.prompt_variables_need_a_prompt,
    inference.reserved_tier_needs_a_reservation,
    tools.tools_are_supported,
    tools.tool_names_are_supported,
    tools.tool_schemas_are_supported,
    tools.tool_choice_is_supported,
    tools.tool_choice_is_set_once,
    inference.system_is_supported,
    turns.system_role_is_supported,
    content.media_are_supported,
    content.s3_is_supported,
    content.blocks_beside_results_are_supported,
    content.blocks_beside_uses_are_supported,
    content.result_content_is_supported,
    content.result_status_is_supported,
    inference.model_fields_are_supported,
    inference.sampling_is_supported,
    inference.temperature_or_top_p,
    inference.stop_sequences_are_supported,
    inference.max_tokens_are_enough,
    inference.prefill_is_supported,
    reasoning.thinking_type_is_supported,
    reasoning.thinking_budget_is_valid,
    reasoning.effort_is_supported,
    reasoning.thinking_restricts_sampling,
    reasoning.thinking_excludes_forced_tools,
    reasoning.highest_effort_excludes_max_tokens,
    reasoning.reasoning_history_is_supported,
    reasoning.reasoning_is_authentic,
    reasoning.reasoning_matches_its_conversation,
    reasoning.tool_loops_begin_with_reasoning,
    caching.cache_points_are_supported,
    caching.cache_points_do_not_follow_plain_documents,
    output.output_format_is_supported,
    output.output_schema_is_valid,
    output.output_schemas_are_closed,
    output.output_schemas_are_not_recursive,
    output.output_schemas_are_plain,
    output.strict_is_supported,
    output.citations_exclude_a_schema,
)
"""In the order of the checks, after `RULES`."""
