"""A folder, or one file, as a store: Parquet parts, and a list of them for each version, which is committed by one link.

FOLDER/_headrace/lists/00000007.json   the tables and their parts; the highest number holds
FOLDER/_headrace/parts/…               the parts, also those of tables that headrace keeps for itself
FOLDER/orders/…                        the parts again, by the same inode, or written in another format: for readers
FOLDER/orders/created_at_month=2026-01/…   the same for a table in partitions; only those whose rows change are written anew

What readers see is made from the list: again, by the next who opens the store, where a process ended between the two. A file that is
a target (`orders.csv`) has its store in `.headrace/files/` beside it, and is written beside and renamed.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from headrace.errors import NotSupported, StatementFailed, WarehouseUnavailable
from headrace.sql.dialect import name, text
from headrace.table import Table
from headrace.warehouse.embedded import Embedded
from headrace.warehouse.foldered import empty_folder, folder_of, split_by, touched, write_split
from headrace.warehouse.lake import HOME, LakeWarehouse, fitted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from headrace.sql.operations import Partitioning
    from headrace.warehouse.lake import Change

FORMATS = ("parquet", "csv", "jsonl")
_COPY = {"parquet": "FORMAT parquet, COMPRESSION zstd", "csv": "FORMAT csv, HEADER", "jsonl": "FORMAT json"}
ROUNDED = {
    "HUGEINT": "DECIMAL(38,0)",
    "UHUGEINT": "DECIMAL(38,0)",
    "INTERVAL": "VARCHAR",
    "TIME WITH TIME ZONE": "VARCHAR",
}
_SEEN = "deleted"
"""Of the columns that headrace adds, the one that a file for readers keeps: it says that a row is gone."""
_KEPT_LISTS = 3
_FILE = "_headrace_file"
_CROWD, _SMALL = 32, 2**25
"""Where a folder holds more parts than that which are smaller than so many bytes, the next change of the table makes one part of them."""


def open_folder(url: str) -> LakeWarehouse:
    """The store of `parquet:///folder` or `csv:///file.csv`. Raises WarehouseUnavailable."""
    kind, _, rest = url.partition("://")
    place = Path(rest.removeprefix("/"))
    root = Embedded.in_memory()
    try:
        store = Folder.at(place, kind)
        root.execute(f"SET temp_directory = {text(str(store.home / 'spilled'))}")
        store.publish(root)
        return LakeWarehouse(url, store, root)
    except (OSError, ValueError) as error:
        root.close()
        raise WarehouseUnavailable(f"'{place}' cannot be a target: {error}") from error


@dataclass(slots=True)
class Folder:
    """Parts and lists under `home`; what readers see is under `shown`, which is a file where `single`."""

    home: Path
    shown: Path
    format: str
    single: bool
    number: int = 0
    listed: dict[str, Any] | None = None

    @classmethod
    def at(cls, place: Path, kind: str) -> Folder:
        """The store of a place, with its last list; its folders are made."""
        single = place.suffix == f".{kind}" and not place.is_dir()
        home = place.parent / ".headrace" / "files" / place.name if single else place / "_headrace"
        for folder in ("lists", "parts"):
            (home / folder).mkdir(parents=True, exist_ok=True)
        store = cls(home, place, kind, single)
        store.read()
        return store

    def read(self) -> None:
        """Take the last list that was committed."""
        found = sorted((self.home / "lists").glob("*.json"))
        if not found and self.single and self.shown.exists():
            raise ValueError("it is there already, and was not written by headrace; remove it or take another name")
        if found:
            self.number, self.listed = int(found[-1].stem), json.loads(found[-1].read_bytes())

    def tables(self) -> Mapping[Table, str]:
        """For each table a query for its parts, in the order in which they came."""
        return {_table(key): self.query(parts) for key, parts in self._parts().items()}

    @property
    def parted(self) -> Self:
        """The store: a list names other parts, and those that stay."""
        return self

    def parts(self, table: Table) -> Sequence[str]:
        """The parts of a table that the list names."""
        return self._parts().get(key_of(table), [])

    def worth_opening(self, parts: Sequence[str], where: str, local: Embedded, fit: str) -> Sequence[str]:
        """The parts that hold a row, called t, which meets the condition; of folders with many small parts, those too."""
        if not parts:
            return ()
        columns = fit if fit == "*" else f"{fit}, {name(_FILE)}"
        rows = f"(SELECT {columns} FROM {self._read(parts)}, filename = {text(_FILE)})) AS t"
        found = {Path(file).name for (file,) in local.rows(f"SELECT DISTINCT {name(_FILE)} FROM {rows} WHERE {where}")}
        small = [part for part in parts if self._path(part).stat().st_size < _SMALL]
        folders = Counter(Path(part).parent for part in small)
        crowded = {part for part in small if folders[Path(part).parent] > _CROWD}
        return [part for part in parts if Path(part).name in found or part in crowded]

    def _parts(self) -> dict[str, list[str]]:
        return dict((self.listed or {}).get("tables", {}))

    def query(self, parts: Sequence[str]) -> str:
        """A query for the rows of parts of a table."""
        return f"SELECT * FROM {self._read(parts)})"

    def _read(self, parts: Sequence[str]) -> str:
        files = ", ".join(text(str(self._path(part))) for part in parts)
        return f"read_parquet([{files}], union_by_name = true"

    def _path(self, part: str) -> Path:
        return self.home / "parts" / Path(part).name

    def commit(
        self, changes: Sequence[Change], gone: Sequence[Table], local: Embedded, awaits: Mapping[str, int] | None = None
    ) -> None:
        """Write the parts, then the list that names them; `awaits` are marks that only count once something else bears them.

        Where only readers' files could not be made, the commit holds, and they are made by the next who opens the store.
        """
        try:
            self._list(self._parts(), changes, gone, local, awaits or {})
            self.publish(local)
        except (OSError, ValueError) as error:
            raise StatementFailed(f"'{self.shown}' cannot be written: {error}") from error

    def _list(
        self,
        tables: dict[str, list[str]],
        changes: Sequence[Change],
        gone: Sequence[Table],
        local: Embedded,
        awaits: Mapping[str, int],
    ) -> None:
        for table in gone:
            tables.pop(key_of(table), None)
        for change in changes:
            key = key_of(change.table)
            tables[key] = self._changed(change, tables.get(key, []), local)
        shown = [key for key in tables if _table(key).schema != HOME]
        if self.single and len(shown) > 1:
            raise NotSupported(
                f"'{self.shown}' is a file, which holds one table, and these would have to be in it: {', '.join(str(_table(key)) for key in shown)}",
                hint="load into a folder (parquet:///FOLDER) or a database, or keep lists as JSON (`nested: json`)",
            )
        listed = {"format": self.format, "tables": tables, **({"awaits": dict(awaits)} if awaits else {})}
        draft = self.home / "lists" / f".{secrets.token_hex(8)}"
        _write_synced(draft, json.dumps(listed).encode())
        try:
            # A link, unlike a rename, fails where somebody has written a list of this number.
            os.link(draft, self.home / "lists" / f"{self.number + 1:08d}.json")
        except FileExistsError as error:
            lost = StatementFailed(f"another process has changed '{self.shown}' in the meantime")
            raise lost from error
        finally:
            draft.unlink()
        _sync(self.home / "lists")
        self.number, self.listed = self.number + 1, listed

    @property
    def retypes(self) -> bool:
        """Whether a stored column can become of another type: its parts are given it one by one."""
        return True

    @property
    def splits(self) -> bool:
        """Whether a table can be in partitions: one file has no folders."""
        return not self.single

    @property
    def awaits(self) -> Mapping[str, int]:
        """The marks that the last list waits for."""
        return dict((self.listed or {}).get("awaits", {}))

    def take_back(self) -> None:
        """The last list does not count: what it waits for did not come."""
        (self.home / "lists" / f"{self.number:08d}.json").unlink()
        _sync(self.home / "lists")
        self.number, self.listed = 0, None
        self.read()

    def _changed(self, change: Change, held: list[str], local: Embedded) -> list[str]:
        """The table's parts after the change. Where it is split otherwise than its parts are, all of it is written anew.

        Whoever reads the files is told of no schema: so all parts have the columns that the table has.
        """
        by, query = change.by, kept_exactly(change.query, local)
        replaced = [part for part in held if change.parts is None or part in change.parts]
        kept = [part for part in held if part not in replaced]
        as_before = all(split_by(part) == (by.label if by else "") for part in held)
        if kept and not as_before:
            query, kept = f"{fitted(self.query(kept), change.fit)}\nUNION ALL BY NAME\n{query}", []
        if change.fit != "*":
            kept = [self._fit(part, change, local) for part in kept]
        if by is None:
            nothing = kept and not local.rows(f"SELECT 1 FROM (\n{query}\n) LIMIT 1")
            return kept if nothing else [*kept, self._write(change.table, query, local)]
        new = touched(by, self.query(replaced), query, local) if replaced and as_before else None
        if new is not None:
            listed = ", ".join(text(folder) for folder in sorted(new)) or "NULL"
            query = f"SELECT * FROM (\n{query}\n) WHERE {folder_of(by)} IN ({listed})"
            kept += [part for part in replaced if Path(part).parent.name not in new]
        found = [*kept, *self._split(change.table, by, query, local)]
        return found or [f"{empty_folder(by)}/{self._write(change.table, query, local)}"]

    def _fit(self, part: str, change: Change, local: Embedded) -> str:
        """A part with the columns that the table has now. The engine reads and writes it in a stream."""
        query = kept_exactly(fitted(self.query([part]), change.fit), local)
        return str(Path(part).with_name(self._write(change.table, query, local)))

    def _split(self, table: Table, by: Partitioning, query: str, local: Embedded) -> list[str]:
        place, parts = self.home / "spilled" / secrets.token_hex(4), []
        for folder, file in write_split(by, query, place, _COPY["parquet"], local):
            part = self._named(table)
            file.rename(self.home / "parts" / part)
            parts.append(f"{folder}/{part}")
        shutil.rmtree(place)
        _sync(self.home / "parts")
        return parts

    def _named(self, table: Table) -> str:
        return f"{safe(table)}-{self.number + 1:08d}-{secrets.token_hex(4)}.parquet"

    def _write(self, table: Table, query: str, local: Embedded) -> str:
        part = self._named(table)
        path = self.home / "parts" / part
        local.execute(f"COPY ({query}) TO {text(str(path))} ({_COPY['parquet']})")
        with path.open("rb") as written:
            os.fsync(written.fileno())
        _sync(path.parent)
        return part

    def publish(self, local: Embedded) -> None:
        """Let readers see what the list says, and remove what no list names any more."""
        if self.listed is None:
            return
        shown = {key: parts for key, parts in self._parts().items() if _table(key).schema != HOME}
        if self.single:
            for parts in shown.values():
                self._show_file(parts, local)
        else:
            for key, parts in shown.items():
                self._show_parts(_table(key), parts, local)
        self._tidy()

    def _show_file(self, parts: Sequence[str], local: Embedded) -> None:
        mark = self.home / "shown.json"
        if self.shown.is_file():
            said = json.loads(mark.read_bytes()) if mark.is_file() else [None, None]
            if said[0] == self.number:
                if said[1] == self.shown.stat().st_mtime_ns:
                    return
                raise ValueError("it was changed by somebody else since the last load; move it away, and load again")
        draft = self.shown.with_name(f".{self.shown.name}.{secrets.token_hex(4)}")
        self._copy(parts, draft, local)
        stamp = draft.stat().st_mtime_ns
        draft.rename(self.shown)
        _sync(self.shown.parent)
        mark.write_bytes(json.dumps([self.number, stamp]).encode())

    def _show_parts(self, table: Table, parts: Sequence[str], local: Embedded) -> None:
        folder = self.shown / safe(table)
        folder.mkdir(exist_ok=True)
        wanted = {folder / Path(part).with_suffix(f".{self.format}"): part for part in parts}
        for file, part in wanted.items():
            if not file.exists():
                file.parent.mkdir(exist_ok=True)
                draft = file.with_name(f".{file.name}")
                draft.unlink(missing_ok=True)
                if self.format == "parquet":
                    os.link(self._path(part), draft)
                else:
                    self._copy([part], draft, local)
                draft.rename(file)
        for old in folder.rglob(f"*.{self.format}"):
            if old not in wanted:
                old.unlink()
        for left in {one for one in folder.iterdir() if one.is_dir()} - {file.parent for file in wanted}:
            left.rmdir()

    def _copy(self, parts: Sequence[str], path: Path, local: Embedded) -> None:
        query = self.query(parts)
        columns = [str(row[0]) for row in local.rows(f"DESCRIBE {query}")]
        mine = [one for one in columns if not one.startswith("_headrace_") or one.endswith(_SEEN)]
        listed = ", ".join(name(one) for one in mine) or "1"
        local.execute(f"COPY (SELECT {listed} FROM ({query})) TO {text(str(path))} ({_COPY[self.format]})")
        with path.open("rb") as written:
            os.fsync(written.fileno())

    def _tidy(self) -> None:
        lists = sorted((self.home / "lists").glob("*.json"))
        for old in lists[:-_KEPT_LISTS]:
            old.unlink(missing_ok=True)
        named = {
            Path(part).name
            for one in lists[-_KEPT_LISTS:]
            for parts in json.loads(one.read_bytes())["tables"].values()
            for part in parts
        }
        for file in (self.home / "parts").iterdir():
            # A part of a later number may be one that another process is about to list.
            if file.name not in named and int(file.stem.rsplit("-", 2)[1]) <= self.number:
                file.unlink(missing_ok=True)
        shutil.rmtree(self.home / "spilled", ignore_errors=True)


def kept_exactly(query: str, local: Embedded, rounded: Mapping[str, str] = ROUNDED) -> str:
    """The query with what the format has no type for as something that it keeps: in Parquet, integers of 128 bits, and spans of time."""
    described = local.rows(f"DESCRIBE {query}")
    casts = [
        f"CAST({name(str(row[0]))} AS {to}) AS {name(str(row[0]))}"
        for row in described
        if (to := rounded.get(str(row[1])))
    ]
    return f"SELECT * REPLACE ({', '.join(casts)}) FROM (\n{query}\n)" if casts else query


def key_of(table: Table) -> str:
    """A table as a key of a list."""
    return json.dumps([table.schema, table.name])


def _table(key: str) -> Table:
    return Table(*json.loads(key))


def safe(table: Table) -> str:
    """A table's name as that of a folder."""
    named = table.name if table.schema == "main" else f"{table.schema}.{table.name}"
    return re.sub(r"[^\w.-]", "_", named)


def _write_synced(path: Path, raw: bytes) -> None:
    with path.open("wb") as out:
        out.write(raw)
        out.flush()
        os.fsync(out.fileno())


def _sync(folder: Path) -> None:
    """Make a rename or link last, where the system lets a folder be opened."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
