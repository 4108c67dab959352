"""Unit tests: rows given to one model, and the rows that it has to give."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from headrace.errors import ConfigInvalid, RefUnknown, did_you_mean
from headrace.project.declared import read_call
from headrace.project.nodes import Given, Model, Ref, UnitTest
from headrace.project.reading import described
from headrace.project.recording import Facts
from headrace.project.resolution import words
from headrace.project.texts import text_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from headrace.project.index import Index
    from headrace.project.properties import Properties
    from headrace.project.reading import Reading

_FORMATS = ("dict", "csv", "sql")


def read_unit_tests(reading: Reading, index: Index, properties: Iterable[Properties]) -> Iterator[UnitTest]:
    """The unit tests of a package, one for each version of the model they are for. Raises ConfigInvalid and RefUnknown."""
    for said in properties:
        if said.kind == "unit_test":
            for model in _tested(reading, index, said):
                yield _unit_test(reading, index, said, model)


def _tested(reading: Reading, index: Index, said: Properties) -> list[Model]:
    name = str(said.extra.get("model") or "")
    versions = index.refs.get(name, {}).get(reading.package, {})
    rule = said.extra.get("versions") or {}
    include, exclude = (None if rule.get(key) is None else set(map(str, rule[key])) for key in ("include", "exclude"))
    found = [
        node
        for version, one in versions.items()
        if isinstance(node := index.nodes[one], Model)
        and (version is not None or node.version is None)
        and (include is None or version in include)
        and (exclude is None or version not in exclude)
    ]
    if not found and not any(node.name == name for node in index.disabled.values()):
        raise RefUnknown(
            f"the unit test {said.name!r} is for the model {name!r}, which is not there",
            where=said.place,
            hint=did_you_mean(name, index.refs),
        )
    return found


def _unit_test(reading: Reading, index: Index, said: Properties, model: Model) -> UnitTest:
    path = said.place.path.removeprefix(reading.project.prefix)
    fqn = (reading.package, *path.split("/")[1:-1], model.name, said.name)
    config = {"enabled": True, **reading.configured("unit_tests", fqn, said.config)}
    suffix = "" if model.version is None else f"_v{model.version}"
    given = tuple(_given(reading, index, said, model, one) for one in said.extra.get("given") or ())
    overrides = said.extra.get("overrides") or {}
    facts = Facts(refs=[(None, model.name, model.version)])
    return UnitTest(
        unique_id=f"unit_test.{reading.package}.{model.name}.{said.name}{suffix}",
        name=said.name,
        package=reading.package,
        place=said.place,
        path=path,
        fqn=fqn,
        tags=words(config.get("tags")),
        description=described(reading, said),
        meta=config.get("meta") or {},
        config=config,
        unrendered=said.unrendered,
        yaml=said.place.path,
        depends_on=(model.unique_id,),
        refs=tuple(Ref(*ref) for ref in facts.refs),
        model=model.unique_id,
        given=given,
        expect=_rows(reading, said, said.extra.get("expect") or {}, "expect"),
        overrides={key: overrides.get(key) or {} for key in ("macros", "vars", "env_vars")},
        version=model.version,
    )


def _given(reading: Reading, index: Index, said: Properties, model: Model, data: Any) -> Given:
    if not isinstance(data, dict) or "input" not in data:
        raise ConfigInvalid(f"each given of the unit test {said.name!r} has an input", where=said.place)
    text = str(data["input"]).strip()
    if text == "this":
        node: str | None = model.unique_id
    else:
        facts = Facts()
        read_call(text, said, facts)
        refs = [Ref(*ref) for ref in facts.refs]
        node = index.find(refs, facts.sources, reading.package, said.place, "")[0]
    if data.get("rows") is None and data.get("fixture") is None and data.get("format", "dict") == "dict":
        data = {**data, "rows": _seed_rows(index, node)}
    return replace(_rows(reading, said, data, f"the input {text}"), input=text, node=node)


def _seed_rows(index: Index, node: str | None) -> list[dict[str, Any]]:
    """Where nothing is given for a seed, its own rows are."""
    file = getattr(index.nodes.get(node or ""), "file", None)
    if file is None:
        return []
    with open(file, encoding="utf-8", newline="") as lines:  # noqa: PTH123 - a seed's file is kept as text
        return [{key: value or None for key, value in row.items()} for row in csv.DictReader(lines)]


def _rows(reading: Reading, said: Properties, data: Mapping[str, Any], what: str) -> Given:
    kind = str(data.get("format") or "dict")
    if kind not in _FORMATS:
        hint = did_you_mean(kind, _FORMATS) or f"formats: {', '.join(_FORMATS)}"
        raise ConfigInvalid(f"{what}: format {kind!r} is not known", where=said.place, hint=hint)
    fixture = data.get("fixture")
    rows = data.get("rows") if fixture is None else _fixture(reading, said, str(fixture), kind)
    name = None if fixture is None else str(fixture)
    if kind == "dict":
        if not isinstance(rows, list) or any(not isinstance(row, dict) for row in rows):
            raise ConfigInvalid(f"{what}: rows are a list of mappings", where=said.place)
        return Given(rows=tuple(rows), format="dict", fixture=name)
    if not isinstance(rows, str):
        raise ConfigInvalid(f"{what}: rows of the format {kind} are text", where=said.place)
    if kind == "sql":
        return Given(rows=rows, format="sql", fixture=name)
    read = csv.DictReader(io.StringIO(rows.strip()), skipinitialspace=True)
    found = tuple({key: value or None for key, value in row.items()} for row in read)
    return Given(rows=found, format="csv", fixture=name)


def _fixture(reading: Reading, said: Properties, name: str, kind: str) -> str:
    for folder in reading.project.paths.tests:
        path = reading.project.root / folder / "fixtures" / f"{name}.{kind}"
        if path.is_file():
            return text_of(path)
        found = next((reading.project.root / folder).rglob(f"fixtures/**/{name}.{kind}"), None)
        if found is not None:
            return text_of(found)
    raise ConfigInvalid(
        f"there is no fixture {name}.{kind}", where=said.place, hint="fixtures are files in tests/fixtures/"
    )
