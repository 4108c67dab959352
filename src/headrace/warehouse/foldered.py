"""Folders of partitions, as Hive names them: which of them a table's new rows change, and their files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from headrace.sql.dialect import name, text
from headrace.sql.partitioned import labelled
from headrace.sql.partitions import NULL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from headrace.sql.operations import Partitioning
    from headrace.warehouse.embedded import Embedded

_SPLIT = "_headrace_partition"


def folder_of(by: Partitioning) -> str:
    """The folder of a row, as a DuckDB expression: `created_at_month=2026-01`."""
    return f"{text(f'{by.label}=')} || coalesce(url_encode({labelled(by)}), {text(NULL)})"


def empty_folder(by: Partitioning) -> str:
    """The folder of rows without a value, which a table without rows has."""
    return f"{by.label}={NULL}"


def split_by(part: str) -> str:
    """What the folder of a part is split by, nothing where it is in none."""
    folder = Path(part).parent.name
    return folder.partition("=")[0]


def touched(by: Partitioning, before: str, after: str, local: Embedded) -> set[str] | None:
    """The folders whose rows are others after than before, of two queries; None where the columns are, so that all are."""
    described = [[tuple(row[:2]) for row in local.rows(f"DESCRIBE {query}")] for query in (before, after)]
    if described[0] != described[1]:
        return None
    marks = [
        {
            (folder, rows, mark)
            for folder, rows, mark in local.rows(
                f"SELECT {folder_of(by)}, count(*), sum(hash(q)) FROM (\n{query}\n) AS q GROUP BY 1"
            )
        }
        for query in (before, after)
    ]
    return {folder for folder, _, _ in marks[0] ^ marks[1]}


def write_split(by: Partitioning, query: str, place: Path, options: str, local: Embedded) -> Iterator[tuple[str, Path]]:
    """The rows of a query as files below a place that is made: the folder each belongs to, and where it is now, synced."""
    place.mkdir(parents=True)
    rows = f"SELECT *, {folder_of(by)} AS {name(_SPLIT)} FROM (\n{query}\n)"
    local.execute(f"COPY ({rows}) TO {text(str(place))} ({options}, PARTITION_BY ({name(_SPLIT)}))")
    for file in sorted(place.glob("*/*")):
        with file.open("rb") as written:
            os.fsync(written.fileno())
        yield unquote(file.parent.name.partition("=")[2]), file
