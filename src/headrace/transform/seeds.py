"""CSV files of the project as tables.

Types are guessed as dbt guesses them: integer, double, date, timestamp (in UTC), boolean, else text; nothing, `null` and `''` are NULL.
Where dbt loses something headrace differs: a number with leading zeros, an underscore or a group separator stays text, and whole
numbers beyond 32 bits are bigint instead of an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.errors import ConfigInvalid, FilesNotFound, FileUnreadable, StatementFailed, did_you_mean
from headrace.events import ModelBuilt, emit
from headrace.sql.dialect import name, relation, text
from headrace.sql.operations import CreateSchema, Drop
from headrace.transform.materialize import Built

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from headrace.project.nodes import Seed
    from headrace.table import Table
    from headrace.warehouse.base import Connection, Relation

_RULES = (
    ("INTEGER", r"regexp_full_match({v}, '[-+]?(0|[1-9]\d*)') AND TRY_CAST({v} AS INTEGER) IS NOT NULL"),
    ("BIGINT", r"regexp_full_match({v}, '[-+]?(0|[1-9]\d*)') AND TRY_CAST({v} AS BIGINT) IS NOT NULL"),
    ("DOUBLE", r"regexp_full_match({v}, '[-+]?((0|[1-9]\d*)(\.\d*)?|\.\d+)([eE][-+]?\d+)?')"),
    ("DATE", r"regexp_full_match({v}, '\d{{4}}-\d\d?-\d\d?') AND TRY_CAST({v} AS DATE) IS NOT NULL"),
    (
        "TIMESTAMP",
        r"TRY_CAST({v} AS TIMESTAMP) IS NOT NULL AND regexp_full_match({v}, '\d{{4}}-\d\d?-\d\d?( \d\d?:\d\d:\d\d|T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[-+]\d\d(:?\d\d)?)?)')",
    ),
    ("BOOLEAN", "lower({v}) IN ('true', 'false')"),
)
"""The guesses, in order: the first that all values of a column pass is its type."""


def build_seed(connection: Connection, seed: Seed, root: Path, *, relations: Mapping[Table, Relation]) -> Built:
    """The file as a table beside the seed's name. To be called inside a transaction.

    Raises FilesNotFound, FileUnreadable, ConfigInvalid for `column_types` of a column that is not there, and StatementFailed where a
    value is not of its declared type.
    """
    built = seed.table.beside("new", max_name=connection.capabilities.max_name)
    left = relations.get(built)
    if left is not None:
        connection.run(Drop(built, left.kind))
    connection.run(CreateSchema(seed.table.schema))
    declared = {column.lower(): str(kind) for column, kind in (seed.config.get("column_types") or {}).items()}
    source, guessed = _guessed(connection, seed, root)
    unknown = sorted(declared.keys() - {column.lower() for column in guessed})
    if unknown:
        hint = did_you_mean(unknown[0], guessed)
        raise ConfigInvalid(f"column_types: {seed.file} has no column '{unknown[0]}'", where=seed.place, hint=hint)
    local = connection.capabilities.dialect == "duckdb"
    casts = [
        f"{_cast(column, kind, declared.get(column.lower()), local=local)} AS {name(column)}"
        for column, kind in guessed.items()
    ]
    try:
        rows = connection.load_local(built, f"SELECT {', '.join(casts)} FROM {source}")
        for column in guessed if not local else ():
            if column.lower() in declared:
                _retype(connection, built, column, declared[column.lower()])
    except StatementFailed as error:
        error.where = error.where or seed.place
        raise
    emit(ModelBuilt(seed.unique_id, str(seed.table), rows))
    return Built(built, rows, published=False)


def _guessed(connection: Connection, seed: Seed, root: Path) -> tuple[str, dict[str, str]]:
    """The file as DuckDB reads it, all text, and the type of each column."""
    file = root / seed.file
    if not file.is_file():
        raise FilesNotFound(f"seed {seed.name} has no file {seed.file}", where=seed.place)
    delimiter = text(str(seed.config.get("delimiter") or ","))
    source = (
        f"read_csv({text(str(file))}, all_varchar = true, header = true, delim = {delimiter}, quote = '\"',"
        " escape = '\"', skip = 0, comment = '', nullstr = '', null_padding = false)"
    )
    try:
        columns = [str(row[0]) for row in connection.local.rows(f"DESCRIBE SELECT * FROM {source}")]
        tests = [_test(column, rule) for column in columns for _, rule in _RULES]
        (answers,) = connection.local.rows(f"SELECT {', '.join(tests)} FROM {source}")
    except StatementFailed as error:
        raise FileUnreadable(
            f"{seed.file} cannot be read as CSV: {error.what.splitlines()[0]}", where=seed.place
        ) from error
    width = len(_RULES)
    return source, {column: _first(answers[at * width : (at + 1) * width]) for at, column in enumerate(columns)}


def _test(column: str, rule: str) -> str:
    value = _value(column)
    # A column without a value passes every test, and so becomes an integer, as in dbt.
    return f"coalesce(bool_and({rule.format(v=value)}) FILTER (WHERE {value} IS NOT NULL), true)"


def _first(passed: tuple[bool, ...]) -> str:
    return next((kind for (kind, _), ok in zip(_RULES, passed, strict=True) if ok), "VARCHAR")


def _value(column: str, *, kept: bool = False) -> str:
    """The column with what stands for nothing as NULL; numbers and dates may have blanks around them."""
    held = name(column)
    # dbt on DuckDB reads a cell of two apostrophes as nothing, too.
    missing = f"lower(trim({held})) IN ('', 'null', '''''')"
    return f"CASE WHEN {missing} THEN NULL ELSE {held if kept else f'trim({held})'} END"


def _cast(column: str, guess: str, own: str | None, *, local: bool) -> str:
    """The column as its declared type (as text where another engine is to cast it), or else as what was guessed."""
    value = _value(column, kept=own is not None or guess == "VARCHAR")
    if own is not None:
        return f"CAST({value} AS {own if local else 'VARCHAR'})"
    # DuckDB drops an offset in silence on the way to a timestamp, unless it passes by one with a zone.
    return f"CAST(CAST({value} AS TIMESTAMPTZ) AS TIMESTAMP)" if guess == "TIMESTAMP" else f"CAST({value} AS {guess})"


def _retype(connection: Connection, table: Table, column: str, kind: str) -> None:
    """Text as the declared type of an engine that did not read the file itself."""
    held = name(column)
    connection.execute(f"ALTER TABLE {relation(table)} ALTER COLUMN {held} TYPE {kind} USING CAST({held} AS {kind})")
