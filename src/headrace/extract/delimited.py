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
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa

    from headrace.extract.found import Found
    from headrace.extract.pieces import Piece
    from headrace.project.file_sources import FilesStream
    from headrace.warehouse.embedded import Embedded

_SAMPLE = 10_000
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


def profile(
    file: Found, spec: FilesStream, known: Mapping[str, Any], local: Embedded, scratch: Path, *, whole: bool
) -> Profile:
    """A file by its beginning; by all its rows if that does not fit, or where `whole` asks for it. Raises FileUnreadable.

    `known` is the dialect of the stream's files so far.
    """
    readable, dialect, cells = dialect_of(file, spec, known, scratch)
    called = names_of(cells, header=dialect.header)
    originals = dict(reversed(called))
    types = {key: parse_type(column.type) for key, column in spec.columns.items() if column.type}
    declared = {originals.get(key, key): of for key, of in types.items()}
    made = Profile(
        readable,
        dialect,
        spec.null_tokens,
        {name: None for _, name in called},
        declared,
        clean=True,
        skipped=spec.skip_rows,
    )
    texts = reading("csv", [str(readable.path)], made.reader())
    if not whole and not pieces.has_nul(readable.path):
        try:
            seen = _profiled(made, f"(SELECT * FROM {texts} LIMIT {_SAMPLE})", local)
        except StatementFailed:
            pass
        else:
            if seen.clean:
                return seen
    try:
        return _whole(made, texts, local)
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
    width = tuple(own)
    for piece in pieces.cut(one.file.path, one.dialect, start, one.skipped):
        rows = _at_once(piece, one, columns, local, scratch)
        if rows is not None:
            yield Batch(rows, rows.num_rows, None, None, {}, one.file.key), piece.after, piece.last
            continue
        texts, torn = pieces.parsed(piece, one.dialect, width, one.nulls)
        yield batch_of(texts, columns, torn, one.file.key, {}, local), piece.after, piece.last


def _at_once(piece: Piece, one: Profile, columns: Columns, local: Embedded, scratch: Path) -> pa.Table | None:
    """The rows of a piece by the statement that reads whole files; None where it says that one of them does not fit."""
    if b"\0" in piece.raw:
        return None
    path = scratch / f"piece-{next(_serial)}"
    path.write_bytes(piece.raw)
    texts = reading("csv", [str(path)], one.reader(header=one.dialect.header and piece.first))
    query = delimited_query(texts, columns.types, columns.declared, columns.notation, (literal(one.file.key), "origin"))
    try:
        return landed(query, columns.types, local).drop_columns("origin")
    except StatementFailed:
        return None
    finally:
        path.unlink()


def _profiled(made: Profile, source: str, local: Embedded) -> Profile:
    """By all the rows of a source at once."""
    questions = {
        name: _refused(name, of, made.dialect) if (of := made.declared.get(name)) else _facts(name, made.dialect)
        for name in made.types
    }
    answers = _asked(local, questions, source)
    types = {name: made.declared.get(name) or _decided(answers[name]) for name in made.types}
    return _with(made, types, clean=not any(answers[name] for name in made.types if name in made.declared))


def _whole(made: Profile, texts: str, local: Embedded) -> Profile:
    """By a sample that says what is likely and a pass that proves it; where it does not, one more."""
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
        found, torn = _asked(local, tests, texts), pieces.has_nul(made.file.path)
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
