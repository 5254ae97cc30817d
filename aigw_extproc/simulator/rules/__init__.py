"""What Converse demands beyond the shape of a request: rules across fields.

Each rule is a generator over a request that has already passed `shapes.validate`, and yields the text of what is
wrong: the service's own text, where that is known. The first one found is the answer, as in the service. What only
one model family demands belongs in a module of its own, with a table keyed by family beside `RULES`.
"""

from __future__ import annotations

from collections.abc import Callable

from aigw_extproc.simulator.errors import Invalid
from aigw_extproc.simulator.rules import fields, media, tools, turns
from aigw_extproc.simulator.rules.conversation import Conversation, Problems

__all__ = ["RULES", "check"]


def check(conversation: Conversation) -> None:
    """Raises Invalid with the first rule that a conversation breaks."""
    for rule in RULES:
        for problem in rule(conversation):
            raise Invalid(problem)


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
    media.documents_come_with_text,
    media.documents_are_named,
    fields.response_fields_are_json_pointers,
    fields.output_schema_is_json,
    turns.last_turn_has_no_trailing_space,
)
"""In the order in which they are checked."""
