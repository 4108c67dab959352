"""Where a model's file goes and how it is read back, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from headrace.sql.dialect import name, relation, text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from headrace.table import Table

_QUOTED = ("delimiter", "quote", "escape", "null")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a model's file goes: `location` as the project writes it, `file` the same as a whole path, or None elsewhere than here.

    `options` are those of COPY, `reading` those of the function that reads the file back.
    """

    location: str
    file: Path | None
    format: str
    options: Mapping[str, Any]
    reading: Mapping[str, Any] = field(default_factory=dict)

    @property
    def many(self) -> bool:
        """Whether the location is a folder of files."""
        return is_folder(self.options)

    @property
    def beside(self) -> Path | None:
        """Where the file is written before it takes its place, in the same folder so that taking it is one move."""
        return self.file.with_name(f".{self.file.name}.headrace") if self.file else None

    @property
    def pattern(self) -> str:
        """What a reader names to read all of it."""
        return reading_pattern(self.location, self.options)


@dataclass(frozen=True, slots=True)
class Written:
    """The rows of a model in a table, and as a file that is not yet where it belongs.

    A file without rows does not always tell its columns, so it gets one row of nothing, which the view leaves out, as by dbt:
    `columns` are those of such a file.
    """

    place: Place
    rows: Table
    columns: tuple[str, ...] = ()

    @property
    def query(self) -> str:
        """The view's query over the file."""
        options = "".join(f", {key}={_literal(value)}" for key, value in self.place.reading.items())
        condition = " and ".join(f"{name(column)} is not null" for column in self.columns)
        return f"select * from read_{self.place.format}({text(self.place.pattern)}{options})" + (
            f" where {condition}" if condition else ""
        )

    def copy(self, target: str) -> str:
        """The statement that writes the rows to a file or folder."""
        # What is written beside a folder meets nothing there; what to do with the folder is decided when it is moved.
        left = ("overwrite", "overwrite_or_ignore") if self.place.file is not None else ()
        given = self.place.options.items()
        options = ", ".join(f"{key} {_option(key, value)}" for key, value in given if key not in left)
        source = relation(self.rows)
        if self.columns:
            source = f"(select * from {source} union all select {', '.join('null' for _ in self.columns)})"
        return f"COPY {source} TO {text(target)} ({options})"


def is_folder(options: Mapping[str, Any]) -> bool:
    """Whether COPY with these options writes a folder of files."""
    return bool(options.get("partition_by") or options.get("per_thread_output"))


def reading_pattern(location: str, options: Mapping[str, Any]) -> str:
    """The location, or a pattern for all files below it, as many folders deep as there are columns to part by."""
    if not is_folder(options):
        return location
    columns = options.get("partition_by")
    deep = len(str(columns).split(",")) if columns else 0
    return f"{'/'.join([location, '*', *['*'] * deep])}.{options.get('format', 'parquet')}"


def _option(key: str, value: Any) -> str:
    said = str(value)
    return text(said) if key.lower() in _QUOTED and not said.startswith("'") else said


def _literal(value: Any) -> str:
    return text(value) if isinstance(value, str) else str(value)
