"""From drafts to nodes that know what they depend on: refs looked up, tests made of what YAML declares."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from headrace.errors import NameTaken, Place, RefUnknown, SourceUnknown, TemplateInvalid, did_you_mean
from headrace.events import Warned, emit
from headrace.project.generic import ARGUMENTS, GenericTest, read_test, render_arguments
from headrace.project.nodes import DataTest, Model, Seed, SourceTable
from headrace.project.nodes_from_files import TEST_DEFAULTS, described, judged_by, node_names, truth
from headrace.project.recording import Facts, recording_names
from headrace.project.resolution import resolve_config, tree_levels, words
from headrace.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from headrace.project.nodes import Node
    from headrace.project.nodes_from_files import Draft, Reading
    from headrace.project.properties import Declared, Properties
    from headrace.project.sources import Stream


@dataclass(slots=True)
class Index:
    """What `ref()` and `source()` can name, and what they would have named were it not disabled."""

    nodes: dict[str, Node] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    sources: dict[tuple[str, str], str] = field(default_factory=dict)
    disabled: set[str] = field(default_factory=set)

    def add(self, node: Node) -> None:
        """Take a node in. Raises NameTaken."""
        if isinstance(node, Model | Seed):
            if node.name in self.refs:
                first = self.nodes[self.refs[node.name]]
                raise NameTaken(
                    f"{node.name!r} is the name of two nodes", where=node.place, hint=f"the other: {first.place}"
                )
            self.refs[node.name] = node.unique_id
        if isinstance(node, SourceTable):
            self.sources[node.source, node.name] = node.unique_id
        if node.unique_id in self.nodes:
            first = self.nodes[node.unique_id]
            raise NameTaken(f"{node.name!r} is there twice", where=node.place, hint=f"the other: {first.place}")
        self.nodes[node.unique_id] = node

    def find(self, facts: Facts, place: Place, raw: str) -> tuple[str, ...]:
        """The ids of what was referred to. Raises RefUnknown and SourceUnknown at the spot in the file."""
        found: list[str] = []
        for _, name in facts.refs:
            if name not in self.refs:
                raise self._no_ref(name, spot(place, raw, name))
            found.append(self.refs[name])
        for source, name in facts.sources:
            if (source, name) not in self.sources:
                raise self._no_source(source, name, place, raw)
            found.append(self.sources[source, name])
        return tuple(dict.fromkeys(found))

    def _no_ref(self, name: str, where: Place) -> RefUnknown:
        if name in self.disabled:
            return RefUnknown(f"{name!r} is disabled", where=where, hint="set enabled: true, or drop the ref")
        hint = did_you_mean(name, self.refs) or f"{len(self.refs)} models and seeds are known: headrace ls"
        return RefUnknown(f"there is no model or seed {name!r}", where=where, hint=hint)

    def _no_source(self, source: str, name: str, place: Place, raw: str) -> SourceUnknown:
        known = [f"{one}.{two}" for one, two in self.sources]
        hint = did_you_mean(f"{source}.{name}", known) or "declare it under `sources:`"
        where = spot(place, raw, name if any(one == source for one, _ in self.sources) else source)
        return SourceUnknown(f"there is no source '{source}.{name}'", where=where, hint=hint)


def spot(place: Place, raw: str, name: str) -> Place:
    """Where a quoted name stands in a file; the file where it is not written out there."""
    found = re.search(rf"(?<=['\"]){re.escape(name)}(?=['\"])", raw)
    if found is None or place.line is not None:
        return place
    line = raw.count("\n", 0, found.start())
    start = raw.rfind("\n", 0, found.start()) + 1
    return Place(place.path, line + 1, found.start() - start + 1, raw.splitlines()[line])


def source_nodes(reading: Reading, streams: Sequence[Stream], declared: Iterable[Properties]) -> Iterator[SourceTable]:
    """Streams and the tables of dbt's `sources:`; where both name one, the YAML describes the stream."""
    said = {(one.source, one.name): one for one in declared if one.source is not None}
    for stream in streams:
        about = said.pop((stream.source, stream.name), None)
        if stream.spec.enabled:
            yield _source(reading, stream.source, stream.name, about, stream)
    for (source, name), about in said.items():
        node = _source(reading, str(source), name, about, None)
        if truth(node.config.get("enabled", True)):
            yield node


def _source(reading: Reading, source: str, name: str, about: Properties | None, stream: Stream | None) -> SourceTable:
    fqn = (reading.package, source, name)
    own = {"tags": list(stream.spec.tags), "meta": stream.spec.meta} if stream else {}
    config = resolve_config(
        {"enabled": True}, *tree_levels(reading.settings.trees.sources, fqn), own, about.config if about else {}
    )
    if stream is not None:
        table = Table(source, stream.spec.table_name or name)
        place = stream.place or Place("headrace.yml")
        columns = {column: spec.description for column, spec in stream.spec.columns.items()}
    else:
        assert about is not None  # noqa: S101 - one of the two is given
        table = _external(reading, about)
        place, columns = about.place, {}
    return SourceTable(
        unique_id=f"source.{reading.package}.{source}.{name}",
        name=name,
        package=reading.package,
        place=place,
        fqn=fqn,
        tags=words(config.get("tags")),
        description=described(reading, about) or (stream.spec.description if stream else ""),
        meta=config.get("meta") or {},
        config=config,
        yaml=about.place.path if about else None,
        source=source,
        table=table,
        stream=stream,
        columns={**columns, **(about.descriptions if about else {})},
    )


def _external(reading: Reading, about: Properties) -> Table:
    def one(text: str | None) -> str | None:
        return text if text is None else str(reading.templates.evaluate(text, reading.names, about.place))

    database = one(about.database)
    schema = one(about.schema) or str(about.source)
    return Table(
        schema, one(about.identifier) or about.name, None if database == reading.settings.target.database else database
    )


def link(index: Index, drafts: Iterable[Draft]) -> None:
    """Give drafts the ids of what they refer to. Raises RefUnknown and SourceUnknown."""
    for draft in drafts:
        node = draft.node
        index.nodes[node.unique_id] = replace(node, depends_on=index.find(draft.facts, node.place, draft.raw))


def generic_tests(reading: Reading, index: Index, all_properties: Iterable[Properties]) -> Iterator[DataTest]:
    """The tests that YAML declares, as nodes. Raises TemplateInvalid where a test is unknown."""
    for said in all_properties:
        attached, reference, target, prefix = _attached(index, said)
        if attached is None:
            if said.tests and said.name not in index.disabled and said.kind != "test":
                emit(
                    Warned(
                        f"tests of {said.kind} {said.name!r}, which the project does not have", where=str(said.place)
                    )
                )
            continue
        for declared in said.tests:
            test = read_test(declared, reference, target, prefix)
            node = _test_node(reading, index, declared, test, attached)
            if node is not None:
                yield node


def _attached(index: Index, said: Properties) -> tuple[str | None, str, str, str]:
    if said.source is not None:
        node = index.sources.get((said.source, said.name))
        return node, f"source('{said.source}', '{said.name}')", f"{said.source}_{said.name}", "source_"
    node = index.refs.get(said.name)
    if node is not None and not node.startswith(said.kind):
        node = None
    return node, f"ref('{said.name}')", said.name, ""


def _test_node(reading: Reading, index: Index, declared: Declared, test: GenericTest, attached: str) -> DataTest | None:
    config = _test_config(reading, declared, test)
    if not truth(config.get("enabled", True)):
        return None
    namespace, _, bare = test.kind.rpartition(".")
    macros = reading.templates.macros
    macro = macros.find(f"test_{bare}", namespace or None)
    if macro is None:
        known = [name.removeprefix("test_") for name in macros.names() if name.startswith("test_")]
        hint = did_you_mean(bare, known) or f"tests: {', '.join(sorted(known))}"
        raise TemplateInvalid(f"there is no test {test.kind!r}", where=declared.place, hint=hint)
    facts = _test_facts(reading, declared, test, config, builtin=macro.package == "dbt")
    # What the test's macro configures about itself, such as how its failures are counted.
    config = {**config, **facts.config}
    depends_on = tuple(dict.fromkeys([*index.find(facts, declared.place, ""), attached]))
    return DataTest(
        unique_id=f"test.{reading.package}.{test.name}.{test.digest}",
        name=test.name,
        package=reading.package,
        place=declared.place,
        fqn=(*_fqn(reading, declared.place), test.name),
        tags=words(config.get("tags")),
        description=test.description,
        meta=config.get("meta") or {},
        config=config,
        depends_on=depends_on,
        raw=test.raw,
        attached=attached,
        column=declared.column,
        kind=test.kind,
        arguments=test.arguments,
        **judged_by(config, declared.place),
    )


def _fqn(reading: Reading, place: Place) -> tuple[str, ...]:
    return (reading.package, *place.path.split("/")[1:-1])


def _test_config(reading: Reading, declared: Declared, test: GenericTest) -> dict[str, Any]:
    own = {
        key: reading.templates.evaluate(value, reading.names, declared.place)
        if isinstance(value, str) and "{" in value and key != "where"
        else value
        for key, value in test.config.items()
    }
    fqn = (*_fqn(reading, declared.place), test.name)
    return resolve_config(
        TEST_DEFAULTS, {"alias": test.alias}, *tree_levels(reading.settings.trees.data_tests, fqn), own
    )


def _test_facts(
    reading: Reading, declared: Declared, test: GenericTest, config: Mapping[str, Any], *, builtin: bool
) -> Facts:
    facts = Facts()
    arguments = {key: value for key, value in test.arguments.items() if key != "model"}
    if builtin and not any(isinstance(value, str) and ("{" in value or "(" in value) for value in arguments.values()):
        return facts
    node = node_names("test", test.name, (reading.package, test.name), config, declared.place.path)
    names = recording_names(facts, reading.names, reading.templates, node)

    def evaluate(text: str, more: Mapping[str, Any]) -> Any:
        return reading.templates.evaluate(text, {**names, **more}, declared.place, package=reading.package)

    rendered = render_arguments(test.arguments if not builtin else arguments, evaluate)
    if not builtin:
        reading.templates.render(test.raw, {**names, ARGUMENTS: rendered}, declared.place, package=reading.package)
    return facts
