"""CSV and TSV files: a type is chosen only where every value survives it, and what does not fit is rejected with its line."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce
from itertools import count
from typing import TYPE_CHECKING, Any

from headrace.batch import Batch, Scan
from headrace.errors import FileUnreadable, StatementFailed
from headrace.extract import pieces
from headrace.extract.dialects import Dialect, dialect_of, names_of
from headrace.extract.texts import Columns, batch_of, landed
from headrace.schema import (
    BIGINT,
    BOOLEAN,
    DATE,
    TIMESTAMP,
    TIMESTAMPTZ,
    VARCHAR,
    Kind,
    Type,
    decimal,
    join,
    parse_type,
)
from headrace.sql.delimited import NUMBER, NUMERIC, delimited_query, numeral, survives
from headrace.sql.dialect import name as quoted
from headrace.sql.dialect import text as literal
from headrace.sql.exact import exact, spelled
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
_FEW_BYTES = 64 * 1024
"""What is read line by line as fast as it could be divided once more."""
_SMALL = 64 * 1024
_TOGETHER = 200
_FEW = 2
_FILE = "headrace_file"
_LONGEST_LINE = 16 * 1024 * 1024
_GUESSES = (BOOLEAN, BIGINT, DATE, TIMESTAMP, TIMESTAMPTZ)
_serial = count()


@dataclass(frozen=True, slots=True)
class Profile:
    """A file that was looked at: how it is written, the types its values survive (None: only nulls), and whether what was seen fits."""

    file: Found
    dialect: Dialect
    nulls: tuple[str, ...]
    types: Mapping[str, Type | None]
    declared: Mapping[str, Type]
    clean: bool
    skipped: int = 0

    def reader(self, *, header: bool | None = None) -> dict[str, Any]:
        """The reader's options, complete enough that it guesses nothing; every cell is text. Of a piece, `header` says whether it has one."""
        return {
            "auto_detect": False, "compression": "none", "delim": self.dialect.delimiter, "quote": self.dialect.quote,
            "escape": self.dialect.escape, "header": self.dialect.header if header is None else header,
            "nullstr": list(self.nulls), "columns": dict.fromkeys(self.types, "VARCHAR"),
            **({"skip": self.skipped} if self.skipped and header is None else {}),
        }  # fmt: skip


def opened(file: Found, spec: FilesStream, known: Mapping[str, Any], scratch: Path) -> Profile:
    """A file with how it is written, and nothing yet of its values. `known` is the dialect of the stream's files so far.

    Raises FileUnreadable.
    """
    readable, dialect, cells = dialect_of(file, spec, known, scratch)
    called = names_of(cells, header=dialect.header)
    originals = dict(reversed(called))
    types = {key: parse_type(column.type) for key, column in spec.columns.items() if column.type}
    declared = {originals.get(key, key): of for key, of in types.items()}
    return Profile(
        readable,
        dialect,
        spec.null_tokens,
        {name: None for _, name in called},
        declared,
        clean=False,
        skipped=spec.skip_rows,
    )


def profiled(files: Sequence[Profile], local: Embedded, *, whole: bool, unfit: Collection[str]) -> Iterator[Profile]:
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
        yield seen if seen and seen.clean else _alone(one, local, whole=whole, unfit=one.file.key in unfit)


def _is_small(file: Found) -> bool:
    return file.path.stat().st_size <= _SMALL and not pieces.has_nul(file.path)


def _in_one_pass(files: Sequence[Profile], local: Embedded) -> list[Profile]:
    """Small files that are written alike, by all their rows; without those that hold none, or something that is no row."""
    if len(files) < _FEW:
        return []
    paths = {str(one.file.path): one for one in files}
    texts = reading("csv", list(paths), {**files[0].reader(), "filename": _FILE})
    questions = _questions(files[0])
    try:
        answers = local.rows(f"SELECT {_FILE}, {', '.join(questions.values())} FROM {texts} GROUP BY 1")
    except StatementFailed:
        half = len(files) // 2
        return [*_in_one_pass(files[:half], local), *_in_one_pass(files[half:], local)]
    return [
        _decided_by(paths[path], dict(zip(questions, said, strict=True))) for path, *said in answers if path in paths
    ]


def _alone(made: Profile, local: Embedded, *, whole: bool, unfit: bool) -> Profile:
    file = made.file
    texts = reading("csv", [str(file.path)], made.reader())
    if not whole and not unfit and not pieces.has_nul(file.path):
        try:
            seen = _profiled(made, f"(SELECT * FROM {texts} LIMIT {_SAMPLE})", local)
        except StatementFailed:
            pass
        else:
            if seen.clean:
                return seen
    try:
        return _whole(made, texts, local, unfit=unfit)
    except StatementFailed as error:
        raise FileUnreadable(
            f"{file.key} cannot be read: {' '.join(str(error).split())[:200]}",
            hint="set `format:`, `delimiter:` or `encoding:` on the stream",
        ) from error


def together(profiles: Sequence[Profile]) -> dict[str, Type]:
    """The type of each column that holds the values of all files; text where there is no other."""
    types: dict[str, Type] = {}
    for name in dict.fromkeys(name for one in profiles for name in one.types):
        known = [of for one in profiles if (of := one.types.get(name)) is not None]
        types[name] = reduce(lambda one, other: join(one, other) or VARCHAR, known) if known else VARCHAR
    return types


def scan_of(one: Profile, types: Mapping[str, Type]) -> Scan:
    """The file as a Scan."""
    own = {name: types[name] for name in one.types}
    options = {**one.reader(), "columns": {name: spelled(of) for name, of in own.items()}}
    options["declared"] = [name for name in own if name in one.declared]
    # A value in a column that had none in the sample may be of any type: then all rows are asked.
    options["empty"] = [name for name, of in one.types.items() if of is None]
    if one.dialect.notation != (".", ""):
        options |= {"decimal": one.dialect.decimal, "thousands": one.dialect.thousands}
    return Scan(str(one.file.path), "csv", options, one.file.stamp, one.file.member, one.file.key)


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


def _profiled(made: Profile, source: str, local: Embedded) -> Profile:
    """By all the rows of a source at once."""
    return _decided_by(made, _asked(local, _questions(made), source))


def _questions(made: Profile) -> dict[str, str]:
    """What tells the type of each column, as one aggregate."""
    return {
        name: _refused(name, of, made.dialect) if (of := made.declared.get(name)) else _facts(name, made.dialect)
        for name in made.types
    }


def _decided_by(made: Profile, answers: Mapping[str, Any]) -> Profile:
    types = {name: made.declared.get(name) or _decided(answers[name]) for name in made.types}
    return _with(made, types, clean=not any(answers[name] for name in made.types if name in made.declared))


def _whole(made: Profile, texts: str, local: Embedded, *, unfit: bool) -> Profile:
    """By a sample that says what is likely and a pass that proves it; where it does not, one more.

    Of an `unfit` file it is known that something is wrong with it, so the pass leaves out what is no row from the start.
    """
    lenient = reading(
        "csv", [str(made.file.path)], {**made.reader(), "ignore_errors": True, "max_line_size": _LONGEST_LINE}
    )
    likely = _profiled(made, f"(SELECT * FROM {lenient} LIMIT {_SAMPLE})", local).types
    tests = {
        name: _refused(name, of, made.dialect)
        if (of := made.declared.get(name))
        else _kept(name, likely[name], made.dialect)
        for name in made.types
    }
    try:
        found, torn = _asked(local, tests, lenient if unfit else texts), unfit or pieces.has_nul(made.file.path)
    except StatementFailed:
        found, torn = _asked(local, tests, lenient), True
    wrong = [name for name, fits in found.items() if name not in made.declared and not fits]
    again = _asked(local, {name: _facts(name, made.dialect) for name in wrong}, lenient)
    types = {
        name: made.declared.get(name) or (_decided(again[name]) if name in again else likely[name])
        for name in made.types
    }
    return _with(made, types, clean=not torn and not any(found[name] for name in made.types if name in made.declared))


def _with(made: Profile, types: Mapping[str, Type | None], *, clean: bool) -> Profile:
    return replace(made, types=types, clean=clean)


def _asked(local: Embedded, questions: Mapping[str, str], source: str) -> dict[str, Any]:
    """The answer to one aggregate for each column, in one pass."""
    if not questions:
        return {}
    (answers,) = local.rows(f"SELECT {', '.join(questions.values())} FROM {source}")
    return dict(zip(questions, answers, strict=True))


def _text(name: str, of: Type | None, dialect: Dialect) -> str:
    return numeral(quoted(name), dialect.notation) if of and of.kind in NUMERIC else quoted(name)


def _refused(name: str, of: Type, dialect: Dialect) -> str:
    return f"count(*) FILTER ({quoted(name)} IS NOT NULL AND ({exact(_text(name, of, dialect), of)}) IS NULL)"


def _kept(name: str, of: Type | None, dialect: Dialect) -> str:
    """Whether every value of the file survives the type that the sample has shown; text always does."""
    x = quoted(name)
    if of is None:
        return f"count({x}) = 0"
    if of == VARCHAR:
        return f"count({x}) >= 0"
    test = f"coalesce({survives(_text(name, of, dialect), of)}, false)"
    return f"coalesce(bool_and({test}) FILTER ({x} IS NOT NULL), true)"


def _facts(name: str, dialect: Dialect) -> str:
    x, number = quoted(name), numeral(quoted(name), dialect.notation)
    tests = {of.kind.value: survives(number if of.kind is Kind.BIGINT else x, of) for of in _GUESSES}
    tests["number"] = f"regexp_full_match({number}, '{NUMBER}')"
    kept = ", ".join(
        f"'{word}': bool_and(coalesce({test}, false)) FILTER ({x} IS NOT NULL)" for word, test in tests.items()
    )
    whole = f"max(length(ltrim(split_part({number}, '.', 1), '-')))"
    return f"{{'values': count({x}), {kept}, 'whole': {whole}, 'scale': max(length(split_part({number}, '.', 2)))}}"


def _decided(facts: Mapping[str, Any]) -> Type | None:
    if not facts["values"]:
        return None
    for of in _GUESSES:
        if facts[of.kind.value]:
            return of
    if facts["number"] and facts["whole"] + facts["scale"] <= 38:
        return decimal(max(18, facts["whole"] + facts["scale"]), facts["scale"])
    return VARCHAR
