"""Columns from the folders of a path: `orders/year=2024/month=03/a.parquet`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from headrace.errors import FileUnreadable
from headrace.sql.exact import spelled
from headrace.sql.partitions import NULL, partition

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from headrace.arrow import pa
    from headrace.project.file_sources import FilesStream
    from headrace.warehouse.embedded import Embedded

_STEP = re.compile(r"(?<=/)?(?P<name>[^/=]+)=(?P<value>[^/]*)(?=/)")
_WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_DAY = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])")


def types_of(names: Iterable[str], spec: FilesStream) -> dict[str, str]:
    """The type of each column, in DuckDB's words: as declared; else whole numbers or days where all are written so; else text."""
    if not spec.hive_partitioning:
        return {}
    values: dict[str, set[str]] = {}
    for name in names:
        for step in _STEP.finditer(name):
            values.setdefault(step["name"], set()).add(unquote(step["value"]))
    return {name: _type(name, found - {NULL}, spec) for name, found in values.items()}


def _type(name: str, values: set[str], spec: FilesStream) -> str:
    if declared := spec.column_types.get(name):
        return spelled(declared)
    if values and all(_WHOLE.fullmatch(value) for value in values):
        return "BIGINT"
    return "DATE" if values and all(_DAY.fullmatch(value) for value in values) else "VARCHAR"


def check(file: str, columns: Collection[str], types: Mapping[str, str]) -> None:
    """Raise FileUnreadable where a column of the file is called as one of the path: which of them counts is not ours to say."""
    twice = sorted(set(columns) & set(types))
    if twice:
        raise FileUnreadable(
            f"{file} has a column '{twice[0]}' of its own, beside the one of its path",
            hint="set `hive_partitioning: false`",
        )


def added(rows: pa.Table, name: str, types: Mapping[str, str], local: Embedded) -> pa.Table:
    """The rows with the columns that the file's name holds. Raises FileUnreadable."""
    if not types:
        return rows
    from headrace.arrow import pa

    check(name, rows.column_names, types)
    from headrace.sql.dialect import text as literal

    values = local.table("SELECT " + ", ".join(partition(literal(name), one, of) for one, of in types.items()))
    for column in values.schema:
        rows = rows.append_column(column, pa.repeat(values.column(column.name)[0], rows.num_rows))
    return rows
