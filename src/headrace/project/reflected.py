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
    return ["*"] if said == ["all"] else [one for one in map(str, said) if "*" in one or "?" in one]


def matching(tables: Iterable[Table], wanted: Sequence[str], without: Sequence[str]) -> list[Table]:
    """The tables that a pattern of `wanted` names and none of `without`; a pattern with a dot is of schema and name."""

    def named(table: Table, these: Sequence[str]) -> bool:
        return any(fnmatchcase(f"{table}" if "." in one else table.name, one) for one in these)

    return [table for table in tables if named(table, wanted) and not named(table, without)]


def _path(root: Path, source: str) -> Path:
    return root / ".headrace" / "tables" / f"{source}.json"
