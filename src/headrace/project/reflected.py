"""Which tables a database was last seen to have, kept in `.headrace/tables`: patterns mean these, so that reading a project needs no database."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from headrace.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path


def known_tables(root: Path, source: str) -> tuple[Table, ...] | None:
    """The tables that the source's database had when it was last asked; None where it never was."""
    path = _path(root, source)
    return tuple(Table(*names) for names in json.loads(path.read_bytes())) if path.is_file() else None


def keep_tables(root: Path, source: str, tables: Iterable[Table]) -> None:
    """Remember what the database has now."""
    path = _path(root, source)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".half")
    draft.write_text(json.dumps([[table.schema, table.name] for table in sorted(tables)]), encoding="utf-8")
    draft.replace(path)


def patterns(tables: object) -> list[str]:
    """Those of `tables:` that stand for whatever there is: `all`, and names with `*` or `?`."""
    said = [tables] if isinstance(tables, str) else tables if isinstance(tables, list) else []
    return ["*"] if said == ["all"] else [one for one in map(str, said) if is_pattern(one)]


def is_pattern(text: str) -> bool:
    """Whether a name stands for whatever there is of its form."""
    return "*" in text or "?" in text


def schemas_meant(schemas: Sequence[str], wanted: Sequence[str]) -> list[str | None]:
    """The schemas, or patterns of them, whose tables a source's patterns mean; None stands for the session's own."""
    dotted = [one.partition(".")[0] for one in wanted if "." in one]
    own: list[str | None] = [*schemas] or ([None] if len(dotted) < len(wanted) else [])
    return list(dict.fromkeys([*own, *dotted]))


def means_several(schemas: Sequence[str], wanted: Sequence[str]) -> bool:
    """Whether a source's patterns mean several schemas, by what is written and not by what there is."""
    meant = schemas_meant(schemas, wanted)
    return len(meant) > 1 or any(one and is_pattern(one) for one in meant)


def stream_names(listed: Sequence[str], found: Iterable[Table], *, several: bool) -> dict[str, str]:
    """The stream of each table, by its name: the table's own, with its schema before it where there are several.

    So that a stream keeps its name when another schema gets a table of the same one. Tables that are listed by name have their schema
    before it only where two of them would be one.
    """
    own = [table.rpartition(".")[2] for table in listed]
    names = {
        (table.replace(".", "__") if own.count(name) > 1 else name): table
        for table, name in zip(listed, own, strict=True)
    }
    for table in found:
        name = f"{table.schema}__{table.name}" if several and table.schema else table.name
        names.setdefault(name, f"{table}")
    return names


def matching(tables: Iterable[Table], wanted: Sequence[str], without: Sequence[str]) -> list[Table]:
    """The tables that a pattern of `wanted` names and none of `without`; a pattern with a dot is of schema and name."""

    def named(table: Table, these: Sequence[str]) -> bool:
        return any(fnmatchcase(f"{table}" if "." in one else table.name, one) for one in these)

    return [table for table in tables if named(table, wanted) and not named(table, without)]


def _path(root: Path, source: str) -> Path:
    return root / ".headrace" / "tables" / f"{source}.json"
