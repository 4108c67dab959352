"""CSV and TSV files: the dialect is detected once and written down, and a type is chosen only where every value survives it."""

from __future__ import annotations

import csv
import gzip
import re
from collections import Counter
from dataclasses import dataclass
from functools import reduce
from itertools import count
from typing import TYPE_CHECKING, Any

from headrace.batch import Batch, Scan
from headrace.errors import FileUnreadable, StatementFailed
from headrace.extract.paths import distinct_names
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
from headrace.sql.dialect import name as quoted
from headrace.sql.dialect import text as literal
from headrace.sql.exact import exact, spelled
from headrace.sql.scan import reading

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from headrace.batch import Arrived
    from headrace.extract.found import Found
    from headrace.project.file_sources import FilesStream
    from headrace.warehouse.embedded import Embedded

_NUMBER = r"-?(0|[1-9][0-9]*)(\.[0-9]+)?"
_MOMENT = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?"
_SAMPLE = 20_000
_serial = count()


@dataclass(frozen=True, slots=True)
class Profile:
    """A file that was read through: its reader's options, the types its values survive (None: only nulls), and whether all fits."""

    file: Found
    options: Mapping[str, Any]
    types: Mapping[str, Type | None]
    clean: bool


def profile(file: Found, spec: FilesStream, local: Embedded) -> Profile:
    """Read a file through as text to learn its types. Raises FileUnreadable."""
    first = _first_line(file, spec)
    delimiter = spec.delimiter or ("\t" if file.format == "tsv" else _delimiter(first))
    cells = next(csv.reader([first], delimiter=delimiter), [])
    header = _is_header(cells) if spec.header is None else spec.header
    originals = cells if header else [f"column{index}" for index in range(len(cells))]
    names = _names(originals)
    declared = _declared(spec, originals, names)
    options = {
        "auto_detect": False, "delim": delimiter, "quote": '"', "escape": '"', "header": header, "nullstr": list(spec.null_tokens),
        **({"encoding": spec.encoding} if spec.encoding and spec.encoding.lower() not in ("utf-8", "utf8") else {}),
        "columns": dict.fromkeys(names, "VARCHAR"),
    }  # fmt: skip
    table = f"headrace_errors_{next(_serial)}"
    try:
        guessed = _asked(local, {name: _facts(name) for name in names if name not in declared}, _sample(file, options))
        likely = {name: _decided(facts) for name, facts in guessed.items()}
        tests = {
            name: _refused(name, of) if (of := declared.get(name)) else _kept(name, likely[name]) for name in names
        }
        found = _asked(local, tests, _lenient(file, options, table))
        wrong = [name for name, fits in found.items() if name not in declared and not fits]
        again = _asked(local, {name: _facts(name) for name in wrong}, _tolerant(file, options))
    except StatementFailed as error:
        raise _unreadable(file, str(error)) from error
    malformed = _malformed(file, local, table)
    types = {name: declared.get(name) or (_decided(again[name]) if name in again else likely[name]) for name in names}
    return Profile(
        file, options, types, clean=not malformed and not any(found[name] for name in declared if name in found)
    )


def together(profiles: Sequence[Profile]) -> dict[str, Type]:
    """The type of each column that holds the values of all files; text where there is no other."""
    types: dict[str, Type] = {}
    for name in dict.fromkeys(name for one in profiles for name in one.types):
        known = [of for one in profiles if (of := one.types.get(name)) is not None]
        types[name] = reduce(lambda one, other: join(one, other) or VARCHAR, known) if known else VARCHAR
    return types


def arrived(one: Profile, types: Mapping[str, Type], local: Embedded, resume: Mapping[str, Any]) -> Arrived:
    """The file as a Scan; where lines do not fit, as a Batch of those that do with the others rejected."""
    if one.clean:
        columns = {name: spelled(types[name]) for name in one.types}
        return Scan(
            str(one.file.path),
            "csv",
            {**one.options, "columns": columns},
            one.file.stamp,
            one.file.member,
            one.file.key,
        )
    table = f"headrace_errors_{next(_serial)}"
    texts = f"headrace_lines_{next(_serial)}"
    local.execute(f"CREATE TEMP TABLE {texts} AS SELECT * FROM {_lenient(one.file, one.options, table)}")
    try:
        values = {name: exact(quoted(name), types[name]) for name in one.types}
        refused = (
            "CASE "
            + " ".join(f"WHEN {quoted(n)} IS NOT NULL AND ({v}) IS NULL THEN {literal(n)}" for n, v in values.items())
            + " END"
        )
        rows = local.table(
            f"SELECT {', '.join(f'{v} AS {quoted(n)}' for n, v in values.items())} FROM {texts} WHERE ({refused}) IS NULL"
        )
        rejected = local.table(_rejected_sql(one.file.name, values, types, refused, (texts, table)))
    finally:
        for name in (texts, table, f"{table}_scans"):
            local.execute(f"DROP TABLE IF EXISTS {name}")
    return Batch(rows, rows.num_rows + rejected.num_rows, rejected, None, resume, one.file.name)


def _rejected_sql(
    origin: str, values: Mapping[str, str], types: Mapping[str, Type], refused: str, tables: tuple[str, str]
) -> str:
    texts, errors = tables
    which = " ".join(f"WHEN {literal(n)} THEN {quoted(n)}" for n in values)
    wanted = " ".join(f"WHEN {literal(n)} THEN {literal(str(types[n]))}" for n in values)
    detail = f"'''' || left(CASE culprit {which} END, 100) || ''' is not ' || CASE culprit {wanted} END"
    raw = "to_json({" + ", ".join(f"{literal(n)}: {quoted(n)}" for n in values) + "})"
    place = literal(origin)
    return (
        f"SELECT 'type' AS reason, culprit AS \"column\", {detail} AS detail, CAST({raw} AS VARCHAR) AS raw, {place} AS origin"
        f" FROM (SELECT *, {refused} AS culprit FROM {texts}) WHERE culprit IS NOT NULL"
        " UNION ALL SELECT 'malformed', min_by(column_name, column_idx), min_by(error_message, column_idx),"
        f" any_value(csv_line), {place} || ':' || line FROM {errors} GROUP BY line"
    )


def _lenient(file: Found, options: Mapping[str, Any], table: str) -> str:
    kept = {"store_rejects": True, "rejects_table": table, "rejects_scan": f"{table}_scans"}
    return reading("csv", str(file.path), {**options, **kept})


def _malformed(file: Found, local: Embedded, table: str) -> int:
    try:
        found = local.rows(f"SELECT CAST(error_type AS VARCHAR), count(*), min(error_message) FROM {table} GROUP BY 1")
    finally:
        for name in (table, f"{table}_scans"):
            local.execute(f"DROP TABLE IF EXISTS {name}")
    for kind, _, message in found:
        if "UNICODE" in kind or "ENCODING" in kind:
            raise _unreadable(file, message)
    return sum(number for _, number, _ in found)


def _unreadable(file: Found, message: str) -> FileUnreadable:
    wrong = re.search("unicode|encod|utf", message, re.IGNORECASE)
    hint = (
        "set `encoding: latin-1` or `encoding: utf-16` on the stream"
        if wrong
        else "set `format:` or `delimiter:` on the stream"
    )
    return FileUnreadable(f"{file.name} cannot be read: {' '.join(message.split())[:200]}", hint=hint)


def _first_line(file: Found, spec: FilesStream) -> str:
    with gzip.open(file.path, "rb") if file.path.suffix == ".gz" else file.path.open("rb") as stream:
        raw = stream.read(65536)
    try:
        encoding = spec.encoding or "utf-8-sig"
        text = raw.decode("utf-8-sig" if encoding.lower() in ("utf-8", "utf8") else encoding, errors="strict")
    except UnicodeDecodeError as error:
        if error.end < len(raw) - 4:
            raise _unreadable(file, f"the bytes are not {error.encoding}, wrong encoding") from error
        text = raw[: error.start].decode("utf-8-sig", errors="replace")
    line = text.splitlines()[0] if text.strip() else ""
    if not line:
        raise FileUnreadable(f"{file.name} is empty", hint="a CSV file has at least a header")
    return line


def _delimiter(line: str) -> str:
    bare = re.sub(r'"[^"]*"', "", line)
    return max(",;\t|", key=lambda one: (bare.count(one), one == ","))


def _is_header(cells: list[str]) -> bool:
    return len({cell.strip() for cell in cells}) == len(cells) and all(
        cell.strip() and not re.fullmatch(r"[+-]?[0-9][0-9.,:/ T-]*", cell.strip()) for cell in cells
    )


def _names(originals: list[str]) -> list[str]:
    """Column names by position; a header that says a name twice gets numbers."""
    met: Counter[str] = Counter()
    keys: list[tuple[str, ...]] = []
    for original in originals:
        met[original] += 1
        keys.append((original if met[original] == 1 else f"{original}_{met[original]}",))
    return list(distinct_names(keys).values())


def _declared(spec: FilesStream, originals: list[str], names: list[str]) -> dict[str, Type]:
    by_original = dict(zip(originals, names, strict=True))
    return {by_original.get(key, key): parse_type(column.type) for key, column in spec.columns.items() if column.type}


def _asked(local: Embedded, questions: Mapping[str, str], source: str) -> dict[str, Any]:
    """The answer to one aggregate for each column, in one pass."""
    if not questions:
        return {}
    (answers,) = local.rows(f"SELECT {', '.join(questions.values())} FROM {source}")
    return dict(zip(questions, answers, strict=True))


def _sample(file: Found, options: Mapping[str, Any]) -> str:
    return f"(SELECT * FROM {_tolerant(file, options)} LIMIT {_SAMPLE})"


def _tolerant(file: Found, options: Mapping[str, Any]) -> str:
    return reading("csv", str(file.path), {**options, "ignore_errors": True})


def _refused(name: str, of: Type) -> str:
    x = quoted(name)
    return f"count(*) FILTER ({x} IS NOT NULL AND ({exact(x, of)}) IS NULL)"


def _kept(name: str, of: Type | None) -> str:
    """Whether every value of the file survives the type that the sample has shown; text always does."""
    x = quoted(name)
    if of is None:
        return f"count({x}) = 0"
    if of == VARCHAR:
        return f"count({x}) >= 0"
    if of.kind is Kind.DECIMAL:
        limit = (of.precision or 0) - (of.scale or 0)
        number = rf"-?(0|[1-9][0-9]{{0,{limit - 1}}})" + (rf"(\.[0-9]{{1,{of.scale}}})?" if of.scale else "")
        return f"coalesce(bool_and(regexp_full_match({x}, '{number}')), true)"
    return f"coalesce(bool_and({_survives(x)[of.kind.value]}) FILTER ({x} IS NOT NULL), true)"


def _survives(x: str) -> dict[str, str]:
    """For each type, whether a text says no more and no less than its value."""
    return {
        "boolean": f"lower({x}) IN ('true', 'false')",
        "bigint": f"coalesce(CAST(try_cast({x} AS BIGINT) AS VARCHAR) = {x}, false)",
        "date": f"coalesce(CAST(try_cast({x} AS DATE) AS VARCHAR) = {x}, false)",
        "timestamp": f"regexp_full_match({x}, '{_MOMENT}') AND try_cast({x} AS TIMESTAMP) IS NOT NULL",
        "timestamptz": rf"regexp_full_match({x}, '{_MOMENT}(Z|\+00:?00)') AND try_cast({x} AS TIMESTAMPTZ) IS NOT NULL",
    }


def _facts(name: str) -> str:
    x = quoted(name)
    number = f"regexp_full_match({x}, '{_NUMBER}')"
    tests = {**_survives(x), "number": number}
    kept = ", ".join(
        f"'{word}': bool_and(coalesce({test}, false)) FILTER ({x} IS NOT NULL)" for word, test in tests.items()
    )
    whole = f"max(length(ltrim(split_part({x}, '.', 1), '-')))"
    return f"{{'values': count({x}), {kept}, 'whole': {whole}, 'scale': max(length(split_part({x}, '.', 2)))}}"


def _decided(facts: Mapping[str, Any]) -> Type | None:
    if not facts["values"]:
        return None
    for word, of in (
        ("boolean", BOOLEAN),
        ("bigint", BIGINT),
        ("date", DATE),
        ("timestamp", TIMESTAMP),
        ("timestamptz", TIMESTAMPTZ),
    ):
        if facts[word]:
            return of
    if facts["number"] and facts["whole"] + facts["scale"] <= 38:
        return decimal(max(18, facts["whole"] + facts["scale"]), facts["scale"])
    return VARCHAR
