"""CSV files of the project as tables. What types their columns have is said in `guessing`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.errors import ConfigInvalid, FilesNotFound, FileUnreadable, StatementFailed, did_you_mean
from headrace.events import ModelBuilt, emit
from headrace.sql.dialect import name, relation, text
from headrace.sql.operations import CreateSchema, Drop
from headrace.transform.built import Built
from headrace.transform.guessing import CAREFUL, DBT, cast, cast_as_dbt, test, value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from headrace.project.nodes import Seed
    from headrace.table import Table
    from headrace.warehouse.base import Connection, Relation


def build_seed(
    connection: Connection, seed: Seed, root: Path, *, relations: Mapping[Table, Relation], as_dbt: bool = False
) -> Built:
    """The file as a table beside the seed's name, with types guessed carefully or `as_dbt`. To be called inside a transaction.

    Raises FilesNotFound, FileUnreadable, ConfigInvalid for `column_types` of a column that is not there, and StatementFailed where a
    value is not of its type.
    """
    built = seed.table.beside("new", max_name=connection.capabilities.max_name)
    left = relations.get(built)
    if left is not None:
        connection.run(Drop(built, left.kind))
    connection.run(CreateSchema(seed.table.schema, seed.table.database))
    declared = {column.lower(): str(kind) for column, kind in (seed.config.get("column_types") or {}).items()}
    source, guessed = _guessed(connection, seed, root, DBT if as_dbt else CAREFUL)
    unknown = sorted(declared.keys() - {column.lower() for column in guessed})
    if unknown and not as_dbt:
        hint = did_you_mean(unknown[0], guessed)
        raise ConfigInvalid(f"column_types: {seed.file} has no column '{unknown[0]}'", where=seed.place, hint=hint)
    try:
        if as_dbt and connection.capabilities.dialect == "duckdb":
            rows = _copied(connection, seed, root, built, {**guessed, **_own(guessed, declared)})
        else:
            rows = _cast(connection, seed, source, built, guessed, declared, as_dbt=as_dbt)
    except StatementFailed as error:
        error.where = error.where or seed.place
        raise
    emit(ModelBuilt(seed.unique_id, str(seed.table), rows))
    return Built(built, rows, published=False)


def _own(guessed: Mapping[str, str], declared: Mapping[str, str]) -> dict[str, str]:
    """The declared types by the columns' names as the file writes them."""
    return {column: declared[column.lower()] for column in guessed if column.lower() in declared}


def _copied(connection: Connection, seed: Seed, root: Path, built: Table, types: Mapping[str, str]) -> int:
    """The file read by DuckDB straight into a table of these types, which is what dbt has it do."""
    columns = ", ".join(f"{name(column)} {kind}" for column, kind in types.items())
    connection.execute(f"CREATE TABLE {relation(built)} ({columns})")
    delimiter = text(str(seed.config.get("delimiter") or ","))
    file = text(str(root / seed.file))
    return connection.execute(f"COPY {relation(built)} FROM {file} (FORMAT CSV, HEADER TRUE, DELIMITER {delimiter})")


def _cast(
    connection: Connection,
    seed: Seed,
    source: str,
    built: Table,
    guessed: Mapping[str, str],
    declared: Mapping[str, str],
    *,
    as_dbt: bool,
) -> int:
    """The file's cells cast one by one; to a declared type by the engine that holds the table."""
    local, own = connection.capabilities.dialect == "duckdb", _own(guessed, declared)
    folds = not local and seed.config.get("quote_columns") is False
    names = {column: column.lower() if folds else column for column in guessed}
    casts = []
    for column, guess in guessed.items():
        kind = own.get(column)
        if kind is not None:
            cell = f"CAST({value(column, kept=True)} AS {kind if local else 'VARCHAR'})"
        else:
            cell = cast_as_dbt(column, guess) if as_dbt else cast(column, guess)
        casts.append(f"{cell} AS {name(names[column])}")
    rows = connection.load_local(built, f"SELECT {', '.join(casts)} FROM {source}")
    for column, kind in own.items() if not local else ():
        _retype(connection, built, names[column], kind)
    return rows


def _guessed(
    connection: Connection, seed: Seed, root: Path, rules: Sequence[tuple[str, str]]
) -> tuple[str, dict[str, str]]:
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
        tests = [test(column, rule) for column in columns for _, rule in rules]
        (answers,) = connection.local.rows(f"SELECT {', '.join(tests)} FROM {source}")
    except StatementFailed as error:
        raise FileUnreadable(
            f"{seed.file} cannot be read as CSV: {error.what.splitlines()[0]}", where=seed.place
        ) from error
    width = len(rules)
    return source, {column: _first(rules, answers[at * width : (at + 1) * width]) for at, column in enumerate(columns)}


def _first(rules: Sequence[tuple[str, str]], passed: tuple[bool, ...]) -> str:
    return next((kind for (kind, _), ok in zip(rules, passed, strict=True) if ok), "VARCHAR")


def _retype(connection: Connection, table: Table, column: str, kind: str) -> None:
    """Text as the declared type of an engine that did not read the file itself."""
    held = name(column)
    connection.execute(f"ALTER TABLE {relation(table)} ALTER COLUMN {held} TYPE {kind} USING CAST({held} AS {kind})")
