"""Streams of Python files: what their functions yield, in batches; what they raise is told with the line of their file."""

from __future__ import annotations

import inspect
import sys
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NoReturn

from headrace.batch import Batch
from headrace.counting import count
from headrace.errors import ConfigInvalid, HeadraceError, Place, PythonFailed, RecordsNotFound, did_you_mean
from headrace.extract.given import NoColumn, columns_of, is_table, tables_of
from headrace.extract.marks import start
from headrace.naming import convention, written
from headrace.project.python_sources import PythonStream
from headrace.project.secrets import redact
from headrace.sql.dialect import name as quoted
from headrace.sql.dialect import text as literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from headrace.arrow import pa
    from headrace.cursor import Cursor
    from headrace.project.python_sources import PythonCode
    from headrace.project.sources import Stream
    from headrace.warehouse.embedded import Embedded

_ROWS = 20_000
"""Dicts in a batch."""
_COLUMNAR_ROWS = 100_000


def read(stream: Stream, *, cursor: Cursor | None, local: Embedded) -> Iterator[Batch]:
    """What the stream's function yields. A generator has no place to go on from: a read that breaks begins anew from the cursor.

    Raises PythonFailed where the author's code raises or yields no rows, and ConfigInvalid where its function cannot be called.
    """
    spec, code = stream.spec, stream.code
    if not isinstance(spec, PythonStream) or code is None:
        raise TypeError(f"{stream.label} is not a stream of a Python file")
    file = _File(code.module, Path(stream.folder))
    call = file.function(stream, spec.function or stream.name)
    given = file.told(lambda: call(**_arguments(stream, call, spec, code, cursor)))
    if not hasattr(given, "__iter__") and not is_table(given):
        raise ConfigInvalid(
            f"{stream.label}: {spec.function or stream.name}() gave {type(given).__name__}, not rows",
            where=Place(code.module),
        )
    for table in _tables(file, given, local):
        yield _batch(stream, table, local)


def _arguments(
    stream: Stream, call: Callable[..., Any], spec: PythonStream, code: PythonCode, cursor: Cursor | None
) -> dict[str, Any]:
    known: dict[str, Any] = {
        "cursor": start(spec.incremental, cursor) if spec.incremental else None,
        "config": code.config,
        "secrets": code.secrets,
    }
    taken = {}
    for one in inspect.signature(call).parameters.values():
        if one.name in known:
            taken[one.name] = known[one.name]
        elif one.default is one.empty and one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD):
            hint = did_you_mean(one.name, known) or f"it may take {', '.join(known)}"
            raise ConfigInvalid(
                f"{stream.label}: nobody knows what '{one.name}' of {call.__name__}() is",
                where=Place(code.module),
                hint=hint,
            )
    return taken


@dataclass(slots=True)
class _File:
    """The author's file, run once for each stream that is read."""

    path: str
    folder: Path
    lines: list[str] = field(default_factory=list)

    def function(self, stream: Stream, wanted: str) -> Callable[..., Any]:
        """A function of the file, by its name."""
        from headrace.arrow import with_pandas

        with_pandas()
        module = ModuleType(Path(self.path).stem)
        module.__file__ = self.path
        if str(self.folder) not in sys.path:
            sys.path.append(str(self.folder))  # the author's file may import others of the project
        raw = (self.folder / self.path).read_text(encoding="utf-8")
        self.lines = raw.splitlines()
        self.told(lambda: exec(compile(raw, self.path, "exec"), module.__dict__))  # noqa: S102 - the author's program
        found: Callable[..., Any] | None = getattr(module, wanted, None)
        if not callable(found):
            hint = did_you_mean(wanted, [one for one in vars(module) if not one.startswith("_")])
            raise ConfigInvalid(
                f"{stream.label}: {self.path} has no function {wanted}()", where=stream.place, hint=hint
            )
        return found

    def told(self, do: Callable[[], Any]) -> Any:
        """What the author's code gives; what it raises, as ours, with its line."""
        try:
            return do()
        except HeadraceError:
            raise
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it raises; leaving would end the run without a word
            self._tell(error)

    def _tell(self, error: Exception | SystemExit) -> NoReturn:
        frames = [one.lineno for one in traceback.extract_tb(error.__traceback__) if one.filename == self.path]
        line = getattr(error, "lineno", None) if isinstance(error, SyntaxError) else (frames or [None])[-1]
        shown = self.lines[line - 1] if line and line <= len(self.lines) else None
        raise PythonFailed(
            redact(f"{type(error).__name__}: {error}"), where=Place(self.path, line, None, shown)
        ) from error

    def refuse(self, told: str, hint: str | None = None) -> NoReturn:
        """What was yielded is no row."""
        usual = "yield dicts, lists of dicts, Arrow tables or data frames"
        raise PythonFailed(told, where=Place(self.path), hint=hint or usual)


_END = object()


def _tables(file: _File, given: Any, local: Embedded) -> Iterator[pa.Table]:
    waiting: list[Any] = []
    pieces = iter((given,)) if is_table(given) else iter(given)
    while (piece := file.told(lambda: next(pieces, _END))) is not _END:
        if is_table(piece):
            if waiting:
                yield from _dicts(file, waiting, local)
                waiting = []
            yield from tables_of(piece, local, _COLUMNAR_ROWS)
            continue
        rows = [piece] if isinstance(piece, dict) else piece
        if not isinstance(rows, list | tuple) or not all(isinstance(row, dict) for row in rows):
            file.refuse(f"{type(piece).__name__} was yielded, which is no row")
        waiting += rows
        if len(waiting) >= _ROWS:
            yield from _dicts(file, waiting, local)
            waiting = []
    if waiting:
        yield from _dicts(file, waiting, local)


def _dicts(file: _File, rows: list[Any], local: Embedded) -> Iterator[pa.Table]:
    try:
        table = columns_of(rows)
    except NoColumn as error:
        file.refuse(str(error), error.hint)
    if not table.num_columns:
        file.refuse(f"{count(len(rows), 'row')} without a value came")
    yield from tables_of(table, local, _COLUMNAR_ROWS)


def _batch(stream: Stream, rows: pa.Table, local: Embedded) -> Batch:
    incremental, read, rejected, reached = stream.spec.incremental, rows.num_rows, None, None
    if incremental:
        at = _at(incremental.cursor_path, rows)
        if at is None or rows.column(at).null_count:
            rows, rejected = _without(stream, rows, at, local)
        reached = _highest(rows, at, local) if at else None
    return Batch(rows, read, rejected, reached, {"anew": True}, stream.code.module if stream.code else "")


def _at(wanted: str, rows: pa.Table) -> str | None:
    return next((one for one in (wanted, written(wanted, convention())) if one in rows.column_names), None)


def _without(stream: Stream, rows: pa.Table, at: str | None, local: Embedded) -> tuple[pa.Table, pa.Table | None]:
    """Rows without a cursor value: kept, refused, or apart, as `on_cursor_value_missing` says."""
    incremental = stream.spec.incremental
    if incremental is None or incremental.on_cursor_value_missing == "include":
        return rows, None
    if incremental.on_cursor_value_missing == "raise":
        raise RecordsNotFound(
            f"{stream.label}: a row has no '{incremental.cursor_path}', which is the stream's cursor",
            where=stream.place,
            hint="set `on_cursor_value_missing: include` or `exclude`",
        )
    missing = f"{quoted(at)} IS NULL" if at else "TRUE"
    local.register("headrace_given", rows)
    try:
        rejected = local.table(
            f"SELECT 'cursor' AS reason, {literal(incremental.cursor_path)} AS \"column\", 'the cursor is missing' AS detail, "
            "CAST(to_json(headrace_given) AS VARCHAR) AS raw, "
            f"{literal(stream.label)} AS origin FROM headrace_given WHERE {missing}"
        )
        return rows.filter(_given(rows, at)), rejected
    finally:
        local.unregister("headrace_given")


def _given(rows: pa.Table, at: str | None) -> pa.Array | pa.ChunkedArray:
    import pyarrow.compute as pc

    from headrace.arrow import pa

    return pc.is_valid(rows.column(at)) if at else pa.repeat(pa.scalar(False), rows.num_rows)


def _highest(rows: pa.Table, at: str, local: Embedded) -> str | None:
    """The highest cursor value: of text that holds numbers or times, as such."""
    from headrace.cursor import Cursor
    from headrace.extract.marks import written

    local.register("headrace_given", rows.select([at]))
    held = quoted(at)
    try:
        word = str(local.rows(f"SELECT typeof({held}) FROM headrace_given LIMIT 1")[0][0]) if rows.num_rows else "NULL"
        if word != "VARCHAR":
            ((top,),) = local.rows(f"SELECT max({held}) FROM headrace_given")
            return None if top is None else written(top)
        number, time = f"try_cast({held} AS DECIMAL(38,12))", f"try_cast({held} AS TIMESTAMPTZ)"
        tops = local.rows(
            f"SELECT arg_max({held}, {number}), arg_max({held}, {time}), "
            f"max({held}) FILTER ({number} IS NULL AND {time} IS NULL) FROM headrace_given"
        )[0]
    finally:
        local.unregister("headrace_given")
    reached = Cursor(at)
    for top in tops:
        reached = reached.past(top)
    return reached.value
