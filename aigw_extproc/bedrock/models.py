"""The models that can be invoked in a region, and what Anthropic calls them.

Bedrock's own lists say it (`listed`); until they are known, the table `models.toml` does (`builtin`).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time
from functools import cache
from importlib import resources

import msgspec

from aigw_extproc.bedrock.families import base_model


class AvailableModel(msgspec.Struct, frozen=True, kw_only=True):
    """Something that can be invoked: a foundation model or an inference profile."""

    id: str
    name: str
    """The foundation model's, as people write it."""
    released: int = 0
    """Seconds since 1970; 0 if it is not known."""
    legacy: bool = False
    """Whether it will be withdrawn."""

    @property
    def provider(self) -> str:
        """The first part of the foundation model's id: `anthropic`."""
        return base_model(self.id).partition(".")[0]

    @property
    def display_name(self) -> str:
        """The name with the geography of an inference profile: `Claude Opus 5.5 (US)`."""
        prefix = self.id.removesuffix(base_model(self.id)).rstrip(".")
        return f"{self.name} ({_GEOGRAPHIES.get(prefix, prefix.upper())})" if prefix else self.name


_GLOBAL = "global"
_GEOGRAPHIES = {_GLOBAL: "Global"}


# https://docs.aws.amazon.com/bedrock/latest/APIReference/API_FoundationModelSummary.html


class Lifecycle(msgspec.Struct, frozen=True, rename="camel"):
    status: str = "ACTIVE"
    start_of_life_time: datetime | None = None


class FoundationModel(msgspec.Struct, frozen=True, rename="camel"):
    model_id: str
    model_name: str = ""
    inference_types_supported: tuple[str, ...] = ()
    model_lifecycle: Lifecycle = Lifecycle()


class FoundationModels(msgspec.Struct, frozen=True, rename="camel"):
    """The response of ListFoundationModels."""

    model_summaries: tuple[FoundationModel, ...]


# https://docs.aws.amazon.com/bedrock/latest/APIReference/API_InferenceProfileSummary.html


class InferenceProfile(msgspec.Struct, frozen=True, rename="camel"):
    inference_profile_id: str
    inference_profile_name: str
    created_at: datetime | None = None
    status: str = "ACTIVE"


class InferenceProfiles(msgspec.Struct, frozen=True, rename="camel"):
    """A page of ListInferenceProfiles."""

    inference_profile_summaries: tuple[InferenceProfile, ...]
    next_token: str | None = None


def listed(models: FoundationModels, profiles: Iterable[InferenceProfile]) -> tuple[AvailableModel, ...]:
    """Return what Bedrock's lists say: each model's profiles, its own id where that can be invoked, its global profile.

    The order of models is Bedrock's; profiles of other models follow.
    """
    by_model: dict[str, list[InferenceProfile]] = {}
    for profile in profiles:
        if profile.status == "ACTIVE":
            by_model.setdefault(base_model(profile.inference_profile_id), []).append(profile)
    known = (option for model in models.model_summaries for option in _options(model, by_model.pop(model.model_id, ())))
    return (*known, *(_of_profile(profile) for others in by_model.values() for profile in others))


def _options(model: FoundationModel, profiles: Iterable[InferenceProfile]) -> Iterator[AvailableModel]:
    released, legacy = _seconds(model.model_lifecycle.start_of_life_time), model.model_lifecycle.status == "LEGACY"
    ids = [profile.inference_profile_id for profile in profiles]
    own = [model.model_id] if "ON_DEMAND" in model.inference_types_supported else []
    for id_ in _nearest_first(ids, own):
        yield AvailableModel(id=id_, name=model.model_name or model.model_id, released=released, legacy=legacy)


def _nearest_first(profiles: Iterable[str], own: Iterable[str]) -> Iterator[str]:
    """Yield the profiles of a geography, the model's own id, and the global profile."""
    distant = []
    for profile in profiles:
        if profile.startswith(f"{_GLOBAL}."):
            distant.append(profile)
        else:
            yield profile
    yield from (*own, *distant)


def _of_profile(profile: InferenceProfile) -> AvailableModel:
    id_, name = profile.inference_profile_id, profile.inference_profile_name
    return AvailableModel(id=id_, name=name, released=_seconds(profile.created_at))


def _seconds(moment: datetime | None) -> int:
    return int(moment.timestamp()) if moment is not None else 0


class _Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    released: date
    profiles: tuple[str, ...] = ()
    on_demand: tuple[str, ...] = ()

    @property
    def released_at(self) -> int:
        return int(datetime.combine(self.released, time(), UTC).timestamp())


class _Names(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    dated: str
    newest: tuple[str, ...]
    others: dict[str, tuple[str, ...]]


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    regions: dict[str, tuple[str, ...]]
    models: dict[str, _Row]
    anthropic_names: _Names


@cache
def _table() -> _Table:
    text = resources.files(__package__).joinpath("models.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), _Table)


@cache
def builtin(region: str) -> tuple[AvailableModel, ...]:
    """Return what can probably be invoked in a region, by the table of the package."""
    table = _table()
    prefixes = table.regions.get(region, (_GLOBAL,))
    return tuple(model for id_, row in table.models.items() for model in _of_row(id_, row, region, prefixes))


def _of_row(id_: str, row: _Row, region: str, prefixes: Iterable[str]) -> Iterator[AvailableModel]:
    profiles = [f"{prefix}.{id_}" for prefix in prefixes if prefix in row.profiles]
    for each in _nearest_first(profiles, [id_] if region in row.on_demand else []):
        yield AvailableModel(id=each, name=row.name, released=row.released_at)


def release_of(model: str) -> tuple[str, int] | None:
    """Return the name of a model, and when it was released; None for a model that is not in the table."""
    row = _table().models.get(base_model(model))
    return None if row is None else (row.name, row.released_at)


class AnthropicNames:
    """Anthropic's names of the models that can be invoked."""

    __slots__ = ("_ids", "_undated", "models")

    def __init__(self, available: Iterable[AvailableModel]) -> None:
        """The first of several ids of a model counts; a name without a date means the newest of its models."""
        names, canonical = _table().anthropic_names, _canonical(available)
        self._ids: dict[str, str] = {}
        self._undated: dict[str, str] = {}
        self.models: dict[str, tuple[AvailableModel, tuple[str, ...]]] = {}
        """By Anthropic's id: the model, and its other names."""
        for name, model in canonical.items():
            match = _dated().fullmatch(name)
            short = match[1] if match else name
            if match is None:
                self._undated[name] = model.id
            aliases = (*(f"{short}{suffix}" for suffix in names.newest), *names.others.get(name, ()))
            taken = [alias for alias in aliases if alias != name and alias not in self._ids and alias not in canonical]
            self._ids |= dict.fromkeys((name, *taken), model.id)
            self.models[name] = (model, tuple(taken))

    def resolve(self, model: str) -> str:
        """Return the id to invoke for one of Anthropic's names; any other text is returned as it is.

        A date is ignored if Bedrock's id has none.
        """
        found = self._ids.get(model)
        if found is None:
            match = _dated().fullmatch(model)
            found = self._undated.get(match[1]) if match else None
        return found or model


@cache
def _dated() -> re.Pattern[str]:
    return re.compile(_table().anthropic_names.dated)


def _canonical(available: Iterable[AvailableModel]) -> dict[str, AvailableModel]:
    """Return the models by Anthropic's own id, newest first."""
    pattern = re.compile(_table().anthropic_names.id)
    models: dict[str, AvailableModel] = {}
    for model in available:
        match = pattern.fullmatch(base_model(model.id))
        if match is not None:
            models.setdefault(match[1], model)
    return dict(sorted(models.items(), key=lambda entry: -entry[1].released))
