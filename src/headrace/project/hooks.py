"""The hooks of project files: `on-run-start` and `on-run-end`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from headrace.errors import Place
from headrace.project.nodes import Hook, Ref
from headrace.project.reading import File, facts_of, node_names, truth
from headrace.project.recording import NOTHING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from headrace.project.index import Index
    from headrace.project.reading import Reading

_AFTERWARDS = dict.fromkeys(("results", "schemas", "database_schemas"), NOTHING)
"""What only the end of a run knows."""


def read_hooks(readings: Sequence[Reading], index: Index) -> Iterator[Hook]:
    """Those of packages in order of their names, the project's own last. Raises RefUnknown and SourceUnknown."""
    own, *others = readings
    for reading in (*others, own):
        for number, raw in enumerate(reading.project.hooks_start):
            yield _hook(reading, index, "on-run-start", number, raw)
        for number, raw in enumerate(reading.project.hooks_end):
            yield _hook(reading, index, "on-run-end", number, raw)


def _hook(reading: Reading, index: Index, when: Literal["on-run-start", "on-run-end"], number: int, raw: str) -> Hook:
    name = f"{reading.package}-{when}-{number}"
    fqn = (reading.package, "hooks", name)
    file = File(
        reading.project.root / "dbt_project.yml", f"{reading.project.prefix}dbt_project.yml", "dbt_project.yml", ()
    )
    # What holds for models holds for hooks as well, as by dbt.
    config = {"enabled": True, "materialized": "view", **reading.configured("models", fqn)}
    node = node_names("operation", name, fqn, config, file.path)
    facts = reading.recorded(file, raw, node, f":{name}", _AFTERWARDS)
    place = Place(file.shown)
    refs = [Ref(*words) for words in facts.refs]
    return Hook(
        unique_id=str(node["unique_id"]),
        name=name,
        package=reading.package,
        place=place,
        path="./dbt_project.yml",
        fqn=fqn,
        tags=(when,),
        config=config,
        depends_on=index.find(refs, facts.sources, reading.package, place, raw) if truth(config["enabled"]) else (),
        when=when,
        index=number,
        raw=raw,
        **facts_of(facts),
    )
