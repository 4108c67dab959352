"""What the steps of one run share."""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from headrace import quarantine
from headrace.errors import HeadraceError, WarehouseUnavailable
from headrace.project.nodes import Model
from headrace.project.secrets import redact
from headrace.project.target_files import compiled_path, run_path
from headrace.schema import Schema
from headrace.sql.operations import CreateSchema
from headrace.state import ledger
from headrace.table import Space
from headrace.warehouse.base import Relation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from headrace.check.tests import CheckResult
    from headrace.landing import Landing
    from headrace.project.manifest import Manifest
    from headrace.project.nodes import Node
    from headrace.retry import Clock
    from headrace.run.backfill import Span
    from headrace.table import Table
    from headrace.transform.runtime import Runtime
    from headrace.warehouse.base import Connection, Warehouse


@dataclass(frozen=True, slots=True)
class Done:
    """What a step came to: with its rows and, where something is to be said, a sentence, and the error that it is about."""

    status: Literal["success", "warn", "error", "partial success"]
    rows: int | None = None
    message: str | None = None
    cause: HeadraceError | None = None


class Relations:
    """The tables and views of the run's schemas, asked for once and kept current by the steps; safe to use from threads."""

    def __init__(self) -> None:
        self._known: dict[Table, Relation] = {}
        self._spaces: frozenset[Space] = frozenset()
        self._guard = threading.Lock()
        self._making = threading.Lock()

    def open(self, connection: Connection, schemas: Iterable[str | Space]) -> Mapping[Table, Relation]:
        """All that is known, after making the schemas that are missing and reading what they hold.

        Who has nothing to make does not wait for who has: a transaction that waited here could hold what the other one waits for.
        """
        spaces = frozenset(Space(one) if isinstance(one, str) else one for one in schemas)
        if spaces <= self._spaces:
            return self._known
        with self._making:
            new = sorted(spaces - self._spaces, key=lambda one: (one.database or "", one.schema))
            for space in new:
                connection.run(CreateSchema(space.schema, space.database))
            for database in dict.fromkeys(space.database for space in new):
                held = [space.schema for space in new if space.database == database]
                found = connection.inspect(*held, database=database)
                with self._guard:
                    self._known.update(found)
            self._spaces |= frozenset(new)
        return self._known

    def note(self, table: Table, kind: Literal["table", "view"]) -> None:
        """A step made this relation; its columns are asked of the warehouse by whoever needs them."""
        with self._guard:
            self._known[table] = Relation(table, kind, Schema(()))


BUILDS_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Session:
    """The manifest, the warehouse with a connection for each thread, and the circumstances of the run."""

    manifest: Manifest
    warehouse: Warehouse
    landing: Landing
    run: str
    runtime: Runtime
    clock: Clock
    full_refresh: bool = False
    store_failures: bool = False
    span: Span | None = None
    """The range that streams are to be read in, instead of from their cursors on."""
    relations: Relations = field(default_factory=Relations)
    checked: dict[str, CheckResult] = field(default_factory=dict)
    """What came of each test that was asked, by its id."""
    fetched: dict[str, str] = field(default_factory=dict)
    """The package that this run read of each stream, by its label: a step that is done again loads it, and reads nothing twice."""
    _local: threading.local = field(default_factory=threading.local)
    _open: list[Connection] = field(default_factory=list)
    _builds: list[ledger.Build] = field(default_factory=list)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def connection(self) -> Connection:
        """This thread's connection, with the tables of the ledger and the quarantine made."""
        held: Connection | None = getattr(self._local, "connection", None)
        if held is None:
            held = self.warehouse.connect()
            self._local.connection = held
            with self._guard:
                self._open.append(held)
                # One at a time: DuckDB does not let two threads make the same table at once.
                ledger.ensure(held)
                quarantine.ensure(held)
        return held

    def note_build(self, build: ledger.Build) -> None:
        """Keep a build for the ledger. They are written some at a time, because a statement costs as much as a small model.

        What cannot be written now waits on: the model is committed, and its step must not be done again for that.
        """
        with self._guard:
            self._builds.append(build)
            full = len(self._builds) >= BUILDS_AT_ONCE
        if full:
            with suppress(WarehouseUnavailable):
                self.write_builds()

    def write_builds(self) -> None:
        """Write the builds that wait."""
        with self._guard:
            waiting = tuple(self._builds)
            self._builds.clear()
        try:
            ledger.record_builds(self.connection(), waiting)
        except HeadraceError:
            with self._guard:
                self._builds.extend(waiting)
            raise

    def renew(self) -> None:
        """Give this thread a new connection at its next use, after the old one was lost."""
        held: Connection | None = getattr(self._local, "connection", None)
        if held is not None:
            self._local.connection = None
            with self._guard:
                self._open.remove(held)
            held.close()

    def each(self, do: Callable[[Connection], None]) -> None:
        """Do something with all open connections: cancel what they run, or close them."""
        with self._guard:
            for held in self._open:
                do(held)

    def keep_compiled(self, node: Node, sql: str, batch: str | None = None) -> None:
        """Write the SQL that ran to where compiled SQL is kept, by the path of the file it came from, or of a batch."""
        _write(compiled_path(node, self.manifest.settings, batch), sql + "\n")

    @contextmanager
    def kept(self, node: Node, connection: Connection, batch: str | None = None) -> Iterator[None]:
        """A block whose statements make a node; they are written to where dbt has them, also when one of them fails."""
        path = run_path(node, self.manifest.settings, batch)
        if path is None:
            yield
            return
        with connection.noting() as statements:
            try:
                yield
            finally:
                if statements or getattr(node, "language", "sql") == "python":
                    _write(path, _as_run(node, statements))


def _as_run(node: Node, statements: Sequence[str]) -> str:
    """The statements as a file; below a model's Python they are comments."""
    done = ";\n\n".join(one.strip().rstrip(";") for one in statements) + ";\n"
    if isinstance(node, Model) and node.language == "python":
        return f"{node.raw}\n\n" + "".join(f"# {line}\n" for line in done.splitlines())
    return done


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(redact(text), encoding="utf-8")
    except FileNotFoundError:
        # The folder is there for all files but its first: asking each time costs as much as writing a small one.
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(redact(text), encoding="utf-8")
