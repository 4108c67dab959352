"""The query of the embedded DuckDB that reads a file as its Scan says.

A Scan of a CSV file or of JSON lines is made from a sample, and reading it fails where a line does not fit: the file is then read
anew, as Batches. A Parquet file says itself what it holds.
"""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING, Any

from headrace.sql.delimited import delimited_query
from headrace.sql.dialect import name as quoted
from headrace.sql.dialect import read_type
from headrace.sql.dialect import text as literal
from headrace.sql.lines import lines_query
from headrace.sql.partitions import partition
from headrace.sql.readers import reading

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from headrace.batch import Scan

_FILE = "_headrace_file"


def scan_query(scan: Scan, origin: str, more: Sequence[Scan] = ()) -> str:
    """A query for the rows of a file, with a column `origin` that says which file that is, and those of its path.

    `more` are files that are `together` with it: one reader takes them all.

    The option `rename` maps the names of a Parquet file to the stream's. Of a CSV file `columns` are the types its texts are to have,
    `declared` those that the stream demands, `empty` those that hold nothing, `decimal` and `thousands` how its numbers are written;
    all others are the reader's. The options of JSON lines are `fields` and `compact`, see `sql.lines`. Reading the column `origin`
    fails where a line does not fit.
    """
    query = _rows(scan, origin, more)
    if not scan.partitions:
        return query
    of_path = ", ".join(partition(quoted(origin), name, of) for name, of in scan.partitions.items())
    return f"SELECT *, {of_path} FROM (\n{query}\n) AS located"


def together(one: Scan, other: Scan) -> bool:
    """Whether two files can be read by one call: the same columns, and names that are found in the paths the same way."""
    if one.format == "parquet" and not one.alike:
        return False
    first, second = ((each.format, each.alike, each.options, each.partitions, _cut(each)) for each in (one, other))
    return first == second


def _rows(scan: Scan, origin: str, more: Sequence[Scan]) -> str:
    called, options, rename = literal(_called(scan)), dict(scan.options), scan.options.get("rename") or {}
    if more:
        skip, lead = _cut(scan)
        called = f"{literal(lead)} || substr({quoted(_FILE)}, {skip + 1:d})"
        options["filename"] = _FILE
    paths = [scan.path, *(one.path for one in more)]
    if scan.format == "jsonl":
        compact, file = bool(options.get("compact")), _FILE if more else None
        return lines_query(paths, options["fields"], (called, origin), file=file, compact=compact)
    if scan.format == "csv":
        return _delimited(paths, options, called, origin)
    options.pop("rename", None)
    listed = _listed(rename) if rename or not more else f"* EXCLUDE ({quoted(_FILE)})"
    return f"SELECT {listed}, {called} AS {quoted(origin)} FROM {reading(scan.format, paths, options)}"


def _delimited(paths: Sequence[str], options: dict[str, Any], called: str, origin: str) -> str:
    declared, notation = options.pop("declared", ()), (options.pop("decimal", "."), options.pop("thousands", ""))
    empty = options.pop("empty", ())
    columns = {name: read_type(word) for name, word in options["columns"].items()}
    texts = reading("csv", paths, {**options, "columns": dict.fromkeys(columns, "VARCHAR")})
    return delimited_query(texts, columns, declared, notation, (called, origin), empty)


def _called(scan: Scan) -> str:
    return scan.origin or scan.path


def _cut(scan: Scan) -> tuple[int, str]:
    """How many characters of the path come before what it has in common with the name, and what the name has in their place."""
    path, called = scan.path, _called(scan)
    if path.endswith(called):
        return len(path) - len(called), ""
    same = takewhile(lambda pair: pair[0] == pair[1], zip(reversed(path), reversed(called), strict=False))
    end = path[len(path) - sum(1 for _ in same) :].partition("/")[2]
    return len(path) - len(end), called[: len(called) - len(end)]


def _listed(rename: Mapping[str, str]) -> str:
    return ", ".join(f"{quoted(old)} AS {quoted(new)}" for old, new in rename.items()) or "*"
