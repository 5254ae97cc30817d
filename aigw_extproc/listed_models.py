"""The models behind the rules of a snapshot: those that can be listed, and the ids that names stand for.

A rule that names models lists these. Any other rule lists what its backends' accounts offer, as far as its patterns
match: Bedrock's own lists if they have been fetched, else the table of the package.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from aigw_extproc.bedrock.models import AnthropicNames, AvailableModel, builtin, release_of
from aigw_extproc.config.snapshot import BEDROCK_SCHEMAS, Backend, ModelSource, RoutedModel, Rule, Snapshot

ModelLists = Mapping[ModelSource, tuple[AvailableModel, ...]]
"""What accounts of Bedrock list, as far as it has been fetched."""


class ListFailed(Exception):
    """An account's lists could not be fetched, for the reason in the text."""


NO_LISTS: ModelLists = MappingProxyType({})


class ListedModels:
    """The models of one snapshot. What a rule lists is found when it is first asked for."""

    __slots__ = ("_by_rule", "_names", "lists", "sources")

    def __init__(self, snapshot: Snapshot, lists: ModelLists = NO_LISTS) -> None:
        self.lists = lists
        self._by_rule: dict[str, tuple[RoutedModel, ...]] = {}
        backends = [(rule, backend) for rule in snapshot.rules for backend in rule.backends]
        self.sources = tuple(dict.fromkeys(_sources(backends)))
        """The accounts whose lists are of use."""
        found: dict[ModelSource | str, AnthropicNames] = {}
        self._names: dict[str, AnthropicNames] = {}
        for _, backend in backends:
            if backend.settings.anthropic_names:
                account = backend.model_source or backend.name
                if account not in found:
                    found[account] = AnthropicNames(self._available(backend))
                self._names[backend.name] = found[account]

    def id_of(self, backend: Backend, model: str) -> str:
        """Return the id that a backend is asked for: the configured one, or what a name of Anthropic's stands for."""
        names = self._names.get(backend.name)
        wanted = backend.model_override or model
        return wanted if names is None else names.resolve(wanted)

    def of(self, rules: Iterable[Rule]) -> tuple[RoutedModel, ...]:
        """Return the models of some rules, once each, in their order."""
        models: dict[str, RoutedModel] = {}
        for rule in rules:
            listed = self._by_rule.get(rule.name)
            if listed is None:
                listed = self._by_rule[rule.name] = tuple(self._of_rule(rule))
            for model in listed:
                models.setdefault(model.id, model)
        return tuple(models.values())

    def _of_rule(self, rule: Rule) -> Iterator[RoutedModel]:
        if not rule.backends:  # it is closed
            return
        for name in rule.models:
            yield self._named(rule, name)
        if not rule.model_patterns:
            return
        offered = {model.id: model for backend in rule.backends for model in self._offered(rule, backend)}
        for patterns in rule.model_patterns:
            ids: Iterable[str] = offered
            for pattern in patterns:
                ids = pattern.select(ids)
            for id_ in ids:
                yield offered[id_]

    def _named(self, rule: Rule, name: str) -> RoutedModel:
        backend = rule.backends[0]
        id_ = self.id_of(backend, name)
        known = next((model for model in self._fetched(backend) or () if model.id == id_), None)
        display_name, released = (known.name, known.released) if known is not None else release_of(id_) or ("", 0)
        created = rule.created or released
        legacy = known is not None and known.legacy
        return RoutedModel(id=name, owned_by=rule.owned_by, created=created, name=display_name, legacy=legacy)

    def _offered(self, rule: Rule, backend: Backend) -> Iterator[RoutedModel]:
        if backend.model_override is not None or not backend.weight or backend.schema.name not in BEDROCK_SCHEMAS:
            return
        names = self._names.get(backend.name)
        for id_, (model, aliases) in names.models.items() if names is not None else ():
            yield _routed(rule, model, id_, model.name, aliases)
        for model in self._available(backend):
            yield _routed(rule, model, model.id, model.display_name)

    def _available(self, backend: Backend) -> Iterable[AvailableModel]:
        models = self._fetched(backend)
        if models is None:
            models = builtin(backend.auth.region if backend.auth is not None else "")
        # InvokeModel with Anthropic's body
        return (model for model in models if backend.schema.name != "AWSAnthropic" or model.provider == "anthropic")

    def _fetched(self, backend: Backend) -> tuple[AvailableModel, ...] | None:
        source = backend.model_source
        return None if source is None else self.lists.get(source)


def _routed(rule: Rule, model: AvailableModel, id_: str, name: str, aliases: tuple[str, ...] = ()) -> RoutedModel:
    return RoutedModel(
        id=id_,
        owned_by=rule.owned_by,
        created=model.released or rule.created,
        name=name,
        legacy=model.legacy,
        aliases=aliases,
    )


def _sources(backends: Iterable[tuple[Rule, Backend]]) -> Iterator[ModelSource]:
    for rule, backend in backends:
        listed = backend.model_override is None and bool(rule.model_patterns)
        if backend.weight and (backend.settings.anthropic_names or listed) and backend.model_source is not None:
            yield backend.model_source
