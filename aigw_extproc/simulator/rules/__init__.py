"""What Converse demands beyond the shape of a request: rules across fields.

Each rule is a generator over a request that has already passed `shapes.validate`, and yields what is wrong: in the
service's own text, where that is known. The first problem found is the answer, as in the service. `RULES` hold for all
models; `MODEL_RULES` ask `model_families` what the model takes, and are lenient where that does not say.
"""

from __future__ import annotations

from collections.abc import Callable

from aigw_extproc.simulator.errors import Invalid, ServiceError
from aigw_extproc.simulator.model_families import capabilities_of
from aigw_extproc.simulator.rules import (
    account,
    caching,
    content,
    fields,
    inference,
    media,
    output,
    reasoning,
    thinking,
    tool_support,
    tools,
    turns,
)
from aigw_extproc.simulator.rules.conversation import Asked, Conversation, Problems

__all__ = ["MODEL_RULES", "RULES", "check"]


def check(conversation: Conversation, model_id: str = "", *, streamed: bool = False) -> None:
    """Raises ServiceError, mostly Invalid, with the first rule that a conversation breaks.

    Without a model, or with one that is not known, only what holds for all models is checked.
    """
    asked = Asked(conversation=conversation, model_id=model_id, family=capabilities_of(model_id), streamed=streamed)
    # A prompt of the account's library needs no messages.
    for rule in RULES if conversation.get("messages") or not account.names_a_prompt(model_id) else ():
        _raise_first(rule(conversation))
    for model_rule in MODEL_RULES:
        _raise_first(model_rule(asked))


def _raise_first(problems: Problems) -> None:
    for problem in problems:
        raise problem if isinstance(problem, ServiceError) else Invalid(problem)


RULES: tuple[Callable[[Conversation], Problems], ...] = (
    turns.content_is_not_empty,
    turns.text_is_not_blank,
    turns.starts_with_user,
    turns.roles_alternate,
    tools.tool_blocks_need_tools,
    tools.tool_blocks_are_in_their_turn,
    tools.tool_documents_are_objects,
    tools.tool_uses_are_unique,
    tools.tool_results_answer,
    tools.tool_uses_are_answered,
    tools.tool_results_come_first,
    tools.failed_tool_results_say_why,
    tools.tool_names_are_unique,
    tools.tool_schemas_describe_objects,
    tools.tool_schemas_are_schemas,
    tools.chosen_tool_exists,
    media.media_is_the_users,
    media.images_are_what_they_say,
    media.pdfs_are_pdfs,
    media.documents_come_with_text,
    media.documents_are_named,
    fields.response_fields_are_json_pointers,
    fields.output_schema_is_json,
    caching.cache_points_are_few,
    caching.cache_points_close_something,
    caching.times_to_live_do_not_rise,
    turns.last_turn_has_no_trailing_space,
)
"""In the order in which they are checked."""

MODEL_RULES: tuple[Callable[[Asked], Problems], ...] = (
    account.variables_are_a_prompts,
    account.capacity_is_reserved,
    tool_support.tools_are_known,
    tool_support.choice_is_known,
    tool_support.choice_is_made_once,
    inference.system_is_known,
    content.media_are_known,
    content.media_are_within_reach,
    content.results_stand_alone,
    content.uses_stand_alone,
    content.results_hold_what_is_known,
    content.results_have_a_known_status,
    inference.own_fields_are_known,
    inference.sampling_is_adjustable,
    inference.temperature_or_top_p,
    inference.stop_sequences_are_known,
    inference.last_words_are_the_users,
    thinking.thinking_is_of_a_known_type,
    thinking.thinking_has_a_budget,
    thinking.effort_is_a_known_word,
    thinking.thinking_samples_freely,
    thinking.thinking_is_not_forced_to_use_tools,
    thinking.highest_effort_has_no_limit,
    reasoning.reasoning_may_come_back,
    reasoning.reasoning_is_genuine,
    reasoning.tool_loops_begin_with_reasoning,
    caching.cache_points_are_where_the_family_takes_them,
    caching.cache_points_are_not_behind_plain_documents,
    output.output_format_is_known,
    output.output_schema_is_valid,
    output.output_schema_is_closed,
    output.binding_schemas_are_plain,
    output.strict_is_known,
    output.citations_do_not_go_with_a_schema,
)
"""Likewise, after those."""
