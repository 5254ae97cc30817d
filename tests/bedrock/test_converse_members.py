"""The table of Converse's members in the documentation, against botocore's service model."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel

from aigw_extproc.bedrock import converse, converse_stream

PAGE = Path(__file__).parents[2] / "docs" / "notes" / "converse.md"
ROW = re.compile(r"^\| `(?P<shape>\w+)` \|(?P<carried>[^|]*)\|(?P<dropped>[^|]*)\|(?P<unused>[^|]*)\|$", re.MULTILINE)
ROWS = {row["shape"]: row for row in ROW.finditer(PAGE.read_text())}
SAME = "the same as `ConverseRequest`"
AS_IT_IS = "all, as it is"

NAMES = {
    "CachePointBlock": "CachePoint",
    "CitationGeneratedContent": "GeneratedText",
    "CitationSourceContent": "GeneratedText",
    "CitationsContentBlock": "CitationsContent",
    "DocumentCharLocation": "DocumentLocation",
    "GuardrailConverseContentBlock": "GuardContent",
    "GuardrailConverseImageBlock": "GuardedImage",
    "GuardrailConverseTextBlock": "GuardedText",
    "ImageBlockDelta": "ImageDelta",
    "ImageBlockStart": "ImageStart",
    "MessageStopEvent": "MessageStop",
    "OutputConfig": "OutputConfiguration",
    "ReasoningContentBlock": "ReasoningContent",
    "ReasoningTextBlock": "ReasoningText",
    "ReasoningContentBlockDelta": "ReasoningDelta",
    "SpecificToolChoice": "NamedTool",
    "ToolAdditionBlock": "ToolChange",
    "ToolRemovalBlock": "ToolChange",
    "ToolUseBlockStart": "ToolUseStart",
    "ConverseStreamMetadataEvent": "Metadata",
    "ConverseStreamMetrics": "ConverseMetrics",
    "ContentBlockDelta": "BlockDelta",
    "ContentBlockStart": "BlockStart",
}
"""Our names of shapes that have others in the service model."""
ELSEWHERE = {("ConverseRequest", "modelId"), ("OutputConfig", "effort")}
"""In the path; known for requests that others make."""


def shapes() -> dict[str, set[str]]:
    """Return the members of all structures of Converse and ConverseStream, but for those that are passed on."""
    model: Any = ServiceModel(Loader().load_service_model("bedrock-runtime", "service-2"), "bedrock-runtime")
    found: dict[str, set[str]] = {}
    operations = [model.operation_model(name) for name in ("Converse", "ConverseStream")]
    waiting = [shape for operation in operations for shape in (operation.input_shape, operation.output_shape)]
    while waiting:
        shape = waiting.pop()
        if shape.type_name == "structure" and shape.name not in found:
            found[shape.name] = set(shape.members)
            if not is_passed_on(shape.name):
                waiting += shape.members.values()
        waiting += [shape.member] if shape.type_name == "list" else []
        waiting += [shape.value] if shape.type_name == "map" else []
    return found


def is_passed_on(name: str) -> bool:
    return name in ROWS and AS_IT_IS in ROWS[name]["carried"]


def listed(name: str) -> list[str]:
    row = ROWS[name] if SAME not in ROWS[name]["carried"] else ROWS["ConverseRequest"]
    return [member for column in ("carried", "dropped", "unused") for member in re.findall(r"`(\w+)`", row[column])]


SHAPES = shapes()


def test_the_table_has_the_shapes_of_the_service_model() -> None:
    assert set(ROWS) == set(SHAPES)


@pytest.mark.parametrize("name", [name for name in SHAPES if not is_passed_on(name)])
def test_the_table_has_every_member_once(name: str) -> None:
    assert sorted(listed(name)) == sorted(SHAPES[name])


def own_shapes() -> Iterator[tuple[str, type[msgspec.Struct]]]:
    types = vars(converse) | vars(converse_stream)
    for name in SHAPES:
        ours = types[NAMES[name]] if name in NAMES else types.get(name)
        if isinstance(ours, type) and issubclass(ours, msgspec.Struct):
            yield name, ours


@pytest.mark.parametrize(("name", "ours"), list(own_shapes()))
def test_a_member_is_carried_if_we_have_a_field_for_it(name: str, ours: type[msgspec.Struct]) -> None:
    carried = set(re.findall(r"`(\w+)`", ROWS[name]["carried"]))
    fields = set(ours.__struct_encode_fields__)
    elsewhere = {member for shape, member in ELSEWHERE if shape == name}
    assert carried - elsewhere == fields - elsewhere
