"""CSV and TSV files: a type is chosen only where every value survives it, and what does not fit is rejected with its line."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce
from itertools import count
from typing import TYPE_CHECKING, Any

from headrace.batch import Batch, Scan
from headrace.durable import write_parquet
from headrace.errors import FileUnreadable, StatementFailed
from headrace.extract import mending, pieces
from headrace.extract.cutting import beside
from headrace.extract.dialects import dialect_of, names_of
from headrace.extract.left_out import blank, without_comments
from headrace.extract.profiles import Profile, asked, decided, decided_by, facts, kept, questions, refused
from headrace.extract.texts import Columns, batch_of, landed
from headrace.schema import VARCHAR, Type, join
from headrace.sql.delimited import delimited_query
from headrace.sql.dialect import text as literal
from headrace.sql.exact import spelled
from headrace.sql.readers import reading

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from headrace.arrow import pa
    from headrace.extract.found import Found
    from headrace.extract.pieces import Piece
    from headrace.project.file_sources import FilesStream
    from headrace.warehouse.embedded import Embedded

_SAMPLE = 10_000
_PART = 20
"""How many times fewer rows say what is likely, which the others then have to prove."""
_WORTH = 1_000_000
"""From how many bytes on a file is looked through for lines that are no rows: a smaller one is read anew as fast."""
_FEW_BYTES = 64 * 1024
"""What is read line by line as fast as it could be divided once more."""
_SMALL = 64 * 1024
_TOGETHER = 200
_FEW = 2
_LENIENT = {"ignore_errors": True, "max_line_size": 16 * 1024 * 1024}
"""What lets DuckDB pass over what is no row."""
_FILE = "headrace_file"
_serial = count()


def opened(file: Found, spec: FilesStream, known: Mapping[str, Any], scratch: Path) -> Profile:
    """A file with how it is written, and nothing yet of its values. `known` is the dialect of the stream's files so far.

    Raises FileUnreadable.
    """
    readable, dialect, cells = dialect_of(file, spec, known, scratch)
    if spec.comment:
        readable = without_comments(readable, spec.comment, dialect, len(cells), scratch, spec.skip_rows)
    called = names_of(cells, header=dialect.header)
    originals = dict(reversed(called))
    declared = {originals.get(key, key): of for key, of in spec.column_types.items()}
    return Profile(
        readable,
        dialect,
        spec.null_tokens,
        {name: None for _, name in called},
        declared,
        clean=False,
        skipped=blank(readable.path, spec.skip_rows) if dialect.header else spec.skip_rows,
    )


def profiled(
    files: Sequence[Profile], local: Embedded, scratch: Path, *, whole: bool, unfit: Collection[str]
) -> Iterator[Profile]:
    """Files by their beginning; by all their rows where that does not fit, or `whole` asks for it. Raises FileUnreadable.

    Those called `unfit` were read already, and not to their end.
    """
    plain = {} if whole else {one.file.key: one for one in files if one.file.key not in unfit and _is_small(one.file)}
    alike: dict[str, list[Profile]] = {}
    for one in plain.values():
        alike.setdefault(repr((one.reader(), one.dialect, one.declared)), []).append(one)
    found = {
        one.file.key: one
        for group in alike.values()
        for at in range(0, len(group), _TOGETHER)
        for one in _in_one_pass(group[at : at + _TOGETHER], local)
    }
    for one in files:
        seen = found.get(one.file.key)
        yield seen if seen and seen.clean else _alone(one, local, scratch, whole=whole, unfit=one.file.key in unfit)


def _is_small(file: Found) -> bool:
    return file.path.stat().st_size <= _SMALL and not pieces.has_nul(file.path)


def _in_one_pass(files: Sequence[Profile], local: Embedded) -> list[Profile]:
    """Small files that are written alike, by all their rows; without those that hold none, or something that is no row."""
    if len(files) < _FEW:
        return []
    paths = {str(one.file.path): one for one in files}
    texts = reading("csv", list(paths), {**files[0].reader(), "filename": _FILE})
    asking = questions(files[0])
    try:
        answers = local.rows(f"SELECT {_FILE}, {', '.join(asking.values())} FROM {texts} GROUP BY 1")
    except StatementFailed:
        half = len(files) // 2
        return [*_in_one_pass(files[:half], local), *_in_one_pass(files[half:], local)]
    return [decided_by(paths[path], dict(zip(asking, said, strict=True))) for path, *said in answers if path in paths]


def _alone(made: Profile, local: Embedded, scratch: Path, *, whole: bool, unfit: bool) -> Profile:
    file = made.file
    if not whole and not unfit and not pieces.has_nul(file.path):
        seen = _in_place(made, local, scratch)
        if seen is not None and seen.clean:
            return seen
    try:
        return _whole(made, reading("csv", [str(file.path)], made.reader()), local, unfit=unfit)
    except StatementFailed as error:
        raise FileUnreadable(
            f"{file.key} cannot be read: {' '.join(str(error).split())[:200]}",
            hint="set `format:`, `delimiter:` or `encoding:` on the stream",
        ) from error


def _in_place(made: Profile, local: Embedded, scratch: Path) -> Profile | None:
    """By its beginning; where some lines are no rows, of the file without them. None where that is not what it has to be."""
    ready = mending.mended(made, local, scratch) if made.file.path.stat().st_size >= _WORTH else made
    if ready is None:
        return None
    texts = reading("csv", [str(ready.path)], ready.reader())
    try:
        seen = _guessed(
            ready,
            f"(SELECT * FROM {texts} LIMIT {_SAMPLE // _PART})",
            f"(SELECT * FROM {texts} LIMIT {_SAMPLE})",
            local,
        )
    except StatementFailed:
        return None
    return seen if mending.has_types(seen, local) else None


def together(profiles: Sequence[Profile]) -> dict[str, Type]:
    """The type of each column that holds the values of all files; text where there is no other."""
    types: dict[str, Type] = {}
    for name in dict.fromkeys(name for one in profiles for name in one.types):
        known = [of for one in profiles if (of := one.types.get(name)) is not None]
        types[name] = reduce(lambda one, other: join(one, other) or VARCHAR, known) if known else VARCHAR
    return types


def scan_of(one: Profile, types: Mapping[str, Type], local: Embedded, scratch: Path) -> Scan | None:
    """The file as a Scan; None where it has to be read as Batches."""
    own = {name: types[name] for name in one.types}
    rejected = ""
    if one.mended:
        columns = Columns(own, tuple(name for name in own if name in one.declared), one.dialect.notation)
        batch = batch_of(one.mended.misfits, columns, one.mended.torn, one.file.key, {}, local)
        if batch.rows.num_rows or batch.rejected is None:
            return None
        path = beside(one.file, scratch, "rejected.parquet")
        write_parquet(path, batch.rejected)
        rejected = str(path)
    options = {**one.reader(), "columns": {name: spelled(of) for name, of in own.items()}}
    options["declared"] = [name for name in own if name in one.declared]
    # A value in a column that had none in the sample may be of any type: then all rows are asked.
    options["empty"] = [name for name, of in one.types.items() if of is None]
    if one.dialect.notation != (".", ""):
        options |= {"decimal": one.dialect.decimal, "thousands": one.dialect.thousands}
    return Scan(str(one.path), "csv", options, one.file.stamp, one.file.member, one.file.key, rejected=rejected)


def batches_of(
    one: Profile, types: Mapping[str, Type], local: Embedded, scratch: Path, start: pieces.At
) -> Iterator[tuple[Batch, pieces.At, bool]]:
    """The file in Batches from a place in it on, each with the place after it and whether it is the last."""
    own = {name: types[name] for name in one.types}
    columns = Columns(own, tuple(name for name in own if name in one.declared), one.dialect.notation)
    read = _Pieces(one, columns, local, scratch)
    for piece in pieces.cut(one.file.path, one.dialect, start, one.skipped):
        rows = read.at_once(piece)
        batch = Batch(rows, rows.num_rows, None, None, {}, one.file.key) if rows is not None else read.slowly(piece)
        yield batch, piece.after, piece.last


@dataclass(frozen=True, slots=True)
class _Pieces:
    """How the pieces of a file are read."""

    file: Profile
    columns: Columns
    local: Embedded
    scratch: Path

    def at_once(self, piece: Piece) -> pa.Table | None:
        """The rows of a piece by the statement that reads whole files; None where it says that one of them does not fit."""
        if b"\0" in piece.raw:
            return None
        one, columns = self.file, self.columns
        path = self.scratch / f"piece-{next(_serial)}"
        path.write_bytes(piece.raw)
        texts = reading("csv", [str(path)], one.reader(header=one.dialect.header and piece.first))
        origins = (literal(one.file.key), "origin")
        query = delimited_query(texts, columns.types, columns.declared, columns.notation, origins)
        try:
            return landed(query, columns.types, self.local).drop_columns("origin")
        except StatementFailed:
            return None
        finally:
            path.unlink()

    def slowly(self, piece: Piece) -> Batch:
        """The rows of a piece in which something does not fit: by halves as long as one of two fits, the rest line by line."""
        one = self.file
        halves = pieces.halved(piece, one.dialect) if len(piece.raw) > _FEW_BYTES else None
        found = [self.at_once(half) for half in halves or ()]
        if halves is None or all(rows is None for rows in found):
            texts, torn = pieces.parsed(piece, one.dialect, tuple(self.columns.types), one.nulls)
            return batch_of(texts, self.columns, torn, one.file.key, {}, self.local)
        batches = [
            Batch(rows, rows.num_rows, None, None, {}, one.file.key) if rows is not None else self.slowly(half)
            for rows, half in zip(found, halves, strict=True)
        ]
        return _joined(batches)


def _joined(batches: Sequence[Batch]) -> Batch:
    """Batches of the same columns as one."""
    from headrace.arrow import pa

    rejected = [batch.rejected for batch in batches if batch.rejected is not None]
    rows = pa.concat_tables([batch.rows for batch in batches])
    refused = pa.concat_tables(rejected) if rejected else None
    return replace(batches[0], rows=rows, read=sum(batch.read for batch in batches), rejected=refused)


def _guessed(made: Profile, first: str, source: str, local: Embedded) -> Profile:
    """By the first rows of a source, proven by all of them: to ask everything of each value costs ten times as much."""
    likely = decided_by(made, asked(local, questions(made), first)).types
    found, types = _proven(made, likely, source, source, local)
    return replace(made, types=types, clean=not any(found[name] for name in made.types if name in made.declared))


def _whole(made: Profile, texts: str, local: Embedded, *, unfit: bool) -> Profile:
    """By a sample that says what is likely and a pass that proves it; where it does not, one more.

    Of an `unfit` file it is known that something is wrong with it, so the pass leaves out what is no row from the start.
    """
    lenient = reading("csv", [str(made.file.path)], {**made.reader(), **_LENIENT})
    likely = _guessed(
        made, f"(SELECT * FROM {lenient} LIMIT {_SAMPLE // _PART})", f"(SELECT * FROM {lenient} LIMIT {_SAMPLE})", local
    ).types
    torn = unfit or pieces.has_nul(made.file.path)
    try:
        found, types = _proven(made, likely, lenient if unfit else texts, lenient, local)
    except StatementFailed:
        torn = True
        found, types = _proven(made, likely, lenient, lenient, local)
    clean = not torn and not any(found[name] for name in made.types if name in made.declared)
    return replace(made, types=types, clean=clean)


def _proven(
    made: Profile, likely: Mapping[str, Type | None], source: str, lenient: str, local: Embedded
) -> tuple[dict[str, Any], dict[str, Type | None]]:
    """What the rows of a source say to types that are likely, and the types they have after all."""
    tests = {
        name: refused(name, of, made.dialect)
        if (of := made.declared.get(name))
        else kept(name, likely[name], made.dialect)
        for name in made.types
    }
    found = asked(local, tests, source)
    wrong = [name for name, fits in found.items() if name not in made.declared and not fits]
    again = asked(local, {name: facts(name, made.dialect) for name in wrong}, lenient)
    return found, {
        name: made.declared.get(name) or (decided(again[name]) if name in again else likely[name])
        for name in made.types
    }
