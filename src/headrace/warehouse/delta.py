"""A folder of Delta tables as a store.

FOLDER/orders/_delta_log/…    a table; any engine that knows Delta Lake reads it
FOLDER/_headrace/…            what headrace remembers, as in a folder of Parquet files

A Delta table is committed by itself, so a load is decided by the table's commit: the list of what headrace remembers is written first,
and waits for a mark. The commit of the rows bears the mark, as Delta's own `txn` action, which outlives the log's old entries. A list
whose mark did not come does not count, and is taken back by the next who opens the store.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import DeltaError

from headrace.errors import NotSupported, StatementFailed, WarehouseUnavailable
from headrace.sql.dialect import name, text
from headrace.table import Table
from headrace.warehouse.embedded import Embedded
from headrace.warehouse.folder import ROUNDED, Folder, kept_exactly, key_of, safe
from headrace.warehouse.lake import HOME, LakeWarehouse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from headrace.warehouse.lake import Change

_MARK = "headrace"
"""The application's name in `txn` actions."""
_ROUNDED = {**ROUNDED, "JSON": "VARCHAR", "UUID": "VARCHAR", "TIME": "VARCHAR"}
"""Types that Delta has none for: their text is kept."""
_KNOWN = {"timestampNtz"}
"""What a table may ask of its readers: others (deletion vectors, column mapping) change what its files mean."""
_TYPES = {"string": "VARCHAR", "long": "BIGINT", "integer": "INTEGER", "short": "SMALLINT", "byte": "TINYINT", "double": "DOUBLE",
          "float": "FLOAT", "boolean": "BOOLEAN", "date": "DATE", "timestamp": "TIMESTAMP WITH TIME ZONE",
          "timestamp_ntz": "TIMESTAMP", "binary": "BLOB"}  # fmt: skip


def open_delta(url: str) -> LakeWarehouse:
    """The store of `delta:///folder`. Raises WarehouseUnavailable, and NotSupported where a table there is not ours to write."""
    place = Path(url.partition("://")[2].removeprefix("/"))
    root = Embedded.in_memory()
    try:
        store = DeltaFolder(place)
        root.execute(f"SET temp_directory = {text(str(place / '_headrace' / 'spilled'))}")
        return LakeWarehouse(url, store, root)
    except (OSError, ValueError, DeltaError) as error:
        root.close()
        raise WarehouseUnavailable(f"'{place}' cannot be a target: {error}") from error


class DeltaFolder:
    """The tables as they are now, and what is remembered of their loads."""

    splits, retypes, parted = False, False, None

    def __init__(self, place: Path) -> None:
        self.place = place
        self.memory = Folder.at(place, "parquet")
        self._tables = {_table(path.parent.name): DeltaTable(path.parent) for path in place.glob("*/_delta_log")}
        if any(self._mark(Table(*json.loads(key))) != mark for key, mark in self.memory.awaits.items()):
            self.memory.take_back()

    def _mark(self, table: Table) -> int | None:
        held = self._tables.get(table)
        return None if held is None else held.transaction_version(_MARK)

    def _written(self, table: Table) -> int | None:
        """The mark that the table bears on disk, whatever was known of it before."""
        path = self.place / safe(table)
        return DeltaTable(path).transaction_version(_MARK) if DeltaTable.is_deltatable(str(path)) else None

    def tables(self) -> Mapping[Table, str]:
        """For each table a query for the files that its log names."""
        found = dict(self.memory.tables())
        for table, held in self._tables.items():
            found[table] = _query(table, held)
        return found

    def commit(self, changes: Sequence[Change], gone: Sequence[Table], local: Embedded) -> None:
        """What is remembered, with a mark to wait for; then the table, whose commit bears it."""
        own = [change for change in changes if change.table.schema == HOME]
        rows = [change for change in changes if change.table.schema != HOME]
        if gone or len(rows) > 1:
            named = ", ".join(str(one) for one in (*gone, *(change.table for change in rows)))
            raise NotSupported(
                f"a Delta table is committed by itself, and these would have to change together: {named}",
                hint="load into parquet:///FOLDER or a database, or keep lists as JSON (`nested: json`) and, where rows have a cursor, "
                "mark deleted rows (`deletes: {mode: soft}`)",
            )
        number = self.memory.number + 1
        self.memory.commit(own, (), local, {key_of(change.table): number for change in rows})
        for change in rows:
            try:
                self._write(change, number, local)
            except BaseException:
                # What fails after the commit (a checkpoint, a signal) does not undo it.
                if self._written(change.table) != number:
                    self.memory.take_back()
                raise

    def _write(self, change: Change, number: int, local: Embedded) -> None:
        path = self.place / safe(change.table)
        if _table(path.name) != change.table:
            raise NotSupported(f"{change.table} is no name of a folder", hint="letters, digits, '_' and '-' are")
        held = self._tables.get(change.table)
        loads = local.rows('SELECT load_id FROM "headrace"."loads" ORDER BY committed_at DESC, load_id DESC LIMIT 1')
        properties = CommitProperties(
            custom_metadata={"headrace.load_id": str(loads[0][0])} if loads else None,
            app_transactions=[Transaction(_MARK, number)],
            # The table that was read is the one that is written: another's commit in between is an error.
            max_commit_retries=0,
        )
        data = local.query(kept_exactly(change.query, local, _ROUNDED))
        try:
            write_deltalake(
                held or str(path),
                data,
                mode="append" if change.parts == () else "overwrite",
                schema_mode="merge" if change.parts == () else "overwrite",
                commit_properties=properties,
            )
        except DeltaError as error:
            raise StatementFailed(f"{change.table} could not be committed: {error}") from error
        finally:
            data.close()
        self._tables[change.table] = DeltaTable(path)


def _table(folder: str) -> Table:
    schema, dot, named = folder.partition(".")
    return Table(schema, named) if dot else Table("main", folder)


def _query(table: Table, held: DeltaTable) -> str:
    asked = set(held.protocol().reader_features or ()) - _KNOWN
    if asked or held.metadata().partition_columns:
        what = ", ".join(sorted(asked)) or "partitions"
        raise NotSupported(f"the Delta table {table} has {what}, which is not written here")
    files = ", ".join(text(file) for file in held.file_uris())
    fields = json.loads(held.schema().to_json())["fields"]
    if not files:
        return f"SELECT {', '.join(_empty(fields))} WHERE FALSE"
    stored = f"SELECT * FROM read_parquet([{files}], union_by_name = true)"
    # A column may have come with no row yet: then the log has it alone.
    known = [one for one in fields if _type(one)]
    return f"{stored}\nUNION ALL BY NAME SELECT {', '.join(_empty(known))} WHERE FALSE" if known else stored


def _type(field: Mapping[str, object]) -> str | None:
    """DuckDB's type of a column, if it is none that has others in it."""
    kind = str(field["type"])
    return _TYPES.get(kind, kind if kind.startswith("decimal") else None)


def _empty(fields: Sequence[Mapping[str, object]]) -> Iterator[str]:
    for one in fields:
        yield f"CAST(NULL AS {_type(one) or 'VARCHAR'}) AS {name(str(one['name']))}"
