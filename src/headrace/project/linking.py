"""From drafts to nodes that know what they depend on: refs looked up, tests made of what YAML declares."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from headrace.errors import RefUnknown, SourceUnknown, TemplateInvalid, did_you_mean
from headrace.events import Warned, emit
from headrace.project.generic import ARGUMENTS, GenericTest, read_test, render_arguments
from headrace.project.nodes import DataTest, Model, Ref, SourceTable
from headrace.project.nodes_from_files import TEST_DEFAULTS, judged_by
from headrace.project.reading import facts_of, failures_table, node_names, truth
from headrace.project.recording import Facts, recording_names
from headrace.project.resolution import resolve_config, words
from headrace.project.scopes import Calls

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from headrace.project.index import Index
    from headrace.project.macros import Macro
    from headrace.project.properties import Declared, Properties
    from headrace.project.reading import Draft, Reading

_WHERE = "get_where_subquery"
_KNOWN_WHOLE = ("test_not_null", "test_unique")
"""Tests whose template dbt does not render to know what they depend on."""


def link(index: Index, drafts: Iterable[Draft], *, strict: bool) -> None:
    """Give drafts the ids of what they refer to. Raises RefUnknown and SourceUnknown; see `_left_out` for tests."""
    for draft in drafts:
        node = draft.node
        refs = [Ref(*ref) for ref in draft.facts.refs]
        try:
            found = index.find(refs, draft.facts.sources, node.package, node.place, draft.raw)
        except (RefUnknown, SourceUnknown) as error:
            if not isinstance(node, DataTest) or not _left_out(index, draft.facts, error, strict=strict):
                raise
            del index.nodes[node.unique_id]
            index.drop(node)
        else:
            index.nodes[node.unique_id] = replace(node, depends_on=found)


def _left_out(index: Index, facts: Facts, error: RefUnknown | SourceUnknown, *, strict: bool) -> bool:
    """Whether a test that reads what is not there takes no part: where that is disabled, and in a dbt project always, with a warning."""
    asked = {(name,) for _, name, _ in facts.refs} | set(facts.sources)
    off = {
        (node.source, node.name) if isinstance(node, SourceTable) else (node.name,) for node in index.disabled.values()
    }
    if asked & off:
        return True
    if not strict:
        emit(Warned(f"a test is left out: {error.what}", where=str(error.where)))
    return not strict


def generic_tests(reading: Reading, index: Index, properties: Iterable[Properties]) -> Iterator[DataTest]:
    """The tests that YAML declares, as nodes. Raises TemplateInvalid where a test is unknown."""
    for said in properties:
        for one in said.versions or (said,):
            attached, reference, target, prefix = _attached(reading, index, one)
            if attached is None:
                _warn_of_nothing(index, one)
                continue
            for declared in one.tests:
                test = read_test(declared, reference, target, prefix)
                node = _test_node(reading, index, declared, test, attached)
                if node is not None:
                    yield node


def _warn_of_nothing(index: Index, said: Properties) -> None:
    if said.tests and not any(node.name == said.name for node in index.disabled.values()):
        emit(Warned(f"tests of {said.kind} {said.name!r}, which the project does not have", where=str(said.place)))


def _attached(reading: Reading, index: Index, said: Properties) -> tuple[str | None, str, str, str]:
    if said.source is not None:
        # A package that overrides another's source declares that source's tests.
        node = index.sources.get((said.source, said.name), {}).get(reading.package)
        return node, f"source('{said.source}', '{said.name}')", f"{said.source}_{said.name}", "source_"
    node = index.refs.get(said.name, {}).get(reading.package, {}).get(said.version)
    if node is not None and not node.startswith(f"{said.kind}."):
        node = None
    if said.version is None:
        return node, f"ref('{said.name}')", said.name, ""
    return node, f"ref('{said.name}', version='{said.version}')", f"{said.name}_v{said.version}", ""


def _test_node(reading: Reading, index: Index, declared: Declared, test: GenericTest, attached: str) -> DataTest | None:
    path = declared.place.path.removeprefix(reading.project.prefix)
    fqn = (reading.package, *path.split("/")[1:-1], test.name)
    config, written = _test_config(reading, declared, test, fqn)
    if not truth(config.get("enabled", True)):
        return None
    namespace, _, bare = test.kind.rpartition(".")
    macros = reading.templates.macros
    macro = macros.find(f"test_{bare}", namespace) if namespace else macros.of(f"test_{bare}", reading.package)
    if macro is None:
        known = [name.removeprefix("test_") for name in macros.names() if name.startswith("test_")]
        hint = did_you_mean(bare, known) or f"tests: {', '.join(sorted(known))}"
        raise TemplateInvalid(f"there is no test {test.kind!r}", where=declared.place, hint=hint)
    facts = _test_facts(reading, declared, test, config, macro)
    # What the test's macro configures about itself, such as how its failures are counted.
    config = {**config, **facts.config}
    refs = [Ref(*ref) for ref in facts.refs]
    try:
        found = index.find(refs, facts.sources, reading.package, declared.place, "")
    except (RefUnknown, SourceUnknown) as error:
        if _left_out(index, facts, error, strict=reading.settings.native):
            return None
        raise
    if attached not in found:
        _refer(facts, index, attached)
    group = index.nodes[attached].group
    return DataTest(
        unique_id=f"test.{reading.package}.{test.name}.{test.digest}",
        name=test.name,
        package=reading.package,
        place=declared.place,
        path=path,
        fqn=fqn,
        tags=words([*sorted(declared.tags), *words(config.get("tags"))]),
        description=test.description,
        meta=config.get("meta") or {},
        config=config if group is None else {"group": group, **config},
        unrendered={**written, **facts.config},
        depends_on=tuple(dict.fromkeys([*found, attached])),
        yaml=path,
        raw=test.raw,
        attached=attached,
        column=declared.column,
        kind=test.kind,
        arguments=test.arguments,
        settings=test.settings,
        failures=failures_table(
            reading, node_names("test", test.name, (reading.package, test.name), config, declared.place.path), config
        ),
        **judged_by(config, declared.place),
        **facts_of(facts),
    )


def _refer(facts: Facts, index: Index, attached: str) -> None:
    """Note the node that the test is declared on, where its template was not rendered because it is known."""
    node = index.nodes[attached]
    if isinstance(node, SourceTable):
        facts.sources.append((node.source, node.name))
    else:
        facts.refs.append((None, node.name, node.version if isinstance(node, Model) else None))


def _test_config(
    reading: Reading, declared: Declared, test: GenericTest, fqn: tuple[str, ...]
) -> tuple[dict[str, Any], dict[str, Any]]:
    own = {
        key: reading.evaluate(value, declared.place)
        if isinstance(value, str) and "{" in value and key != "where"
        else value
        for key, value in test.config.items()
    }
    config = resolve_config(
        TEST_DEFAULTS,
        {"alias": test.alias} if test.alias != test.name else {},
        reading.configured("data_tests", fqn, own),
    )
    return config, reading.written("data_tests", fqn, test.config)


def _test_facts(
    reading: Reading, declared: Declared, test: GenericTest, config: Mapping[str, Any], macro: Macro
) -> Facts:
    facts, calls = Facts(), Calls()
    calls.call(macro.unique_id)
    builtin = macro.package == "dbt"
    arguments = {key: value for key, value in test.arguments.items() if key != "model"}
    if builtin and macro.name not in _KNOWN_WHOLE and (where := reading.templates.macros.of(_WHERE, reading.package)):
        calls.call(where.unique_id)
    if builtin and not any(isinstance(value, str) and ("{" in value or "(" in value) for value in arguments.values()):
        facts.called(calls)
        return facts
    node = node_names("test", test.name, (reading.package, test.name), config, declared.place.path)
    names = recording_names(facts, reading.first_names, reading.templates, node)

    def evaluate(text: str, more: Mapping[str, Any]) -> Any:
        return reading.templates.evaluate(text, {**names, **more}, declared.place, package=reading.package, calls=calls)

    rendered = render_arguments(test.arguments if not builtin else arguments, evaluate)
    if not builtin:
        reading.templates.render(
            test.raw, {**names, ARGUMENTS: rendered}, declared.place, package=reading.package, calls=calls
        )
    facts.called(calls)
    return facts


def infer_keys(index: Index) -> None:
    """Models without a declared primary key get the columns that tests call unique, those that are also never NULL first."""
    unique: dict[str, list[str]] = {}
    never_null: dict[str, list[str]] = {}
    for test in index.nodes.values():
        if not isinstance(test, DataTest) or test.kind is None or test.attached is None:
            continue
        bare = test.kind.rpartition(".")[2]
        several = test.arguments.get("combination_of_columns")
        columns = [test.column] if test.column else [one for one in several or () if isinstance(one, str)]
        if bare in ("unique", "unique_combination_of_columns"):
            unique.setdefault(test.attached, []).extend(columns)
        elif bare == "not_null":
            never_null.setdefault(test.attached, []).extend(columns)
    for one, columns in unique.items():
        node = index.nodes[one]
        if isinstance(node, Model) and not node.primary_key:
            both = [column for column in never_null.get(one, ()) if column in columns]
            index.nodes[one] = replace(node, primary_key=tuple(dict.fromkeys(both or columns)))
