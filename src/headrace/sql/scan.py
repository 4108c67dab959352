"""The query of the embedded DuckDB that reads a file as its Scan says.

A Scan of a CSV or Parquet file is made when every line was seen to fit, so the fast typed read loses nothing and rejects nothing; a
file with lines that do not fit arrives as a Batch, with those lines rejected. A Scan of JSON lines is made from a sample, and reading it
fails where a line does not fit: the file is then read anew, as Batches.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from headrace.sql.dialect import name as quoted
from headrace.sql.dialect import text as literal
from headrace.sql.lines import lines_query
from headrace.sql.partitions import partition

if TYPE_CHECKING:
    from headrace.batch import Scan

_READERS = {"csv": "read_csv", "parquet": "read_parquet"}
_FILE = "_headrace_file"


def scan_query(scan: Scan, origin: str, more: Sequence[Scan] = ()) -> str:
    """A query for the rows of a file, with a column `origin` that says which file that is, and those of its path.

    `more` are files that are `together` with it: one reader takes them all.

    The option `rename` maps the file's names to the stream's; all others are the reader's. The options of JSON lines are `fields` and
    `compact`, see `sql.lines`; reading the column `origin` fails where a line does not fit them.
    """
    called = literal(_called(scan))
    if scan.format == "jsonl":
        compact = bool(scan.options.get("compact"))
        lines = lines_query(scan.path, scan.options["fields"], _called(scan), origin, compact=compact)
        if not scan.partitions:
            return lines
        return f"SELECT *{_of_path(scan, called)} FROM (\n{lines}\n) AS lines"
    options = {key: value for key, value in scan.options.items() if key != "rename"}
    listed = _listed(scan.options.get("rename") or {})
    paths: str | list[str] = scan.path
    if more:
        skip, lead = _cut(scan)
        options["filename"] = _FILE
        called = f"{literal(lead)} || substr({quoted(_FILE)}, {skip + 1:d})"
        listed = f"* EXCLUDE ({quoted(_FILE)})" if listed == "*" else listed
        paths = [scan.path, *(one.path for one in more)]
    columns = f"{listed}, {called} AS {quoted(origin)}{_of_path(scan, called)}"
    return f"SELECT {columns} FROM {reading(scan.format, paths, options)}"


def together(one: Scan, other: Scan) -> bool:
    """Whether two files can be read by one call: the same columns, and names that are found in the paths the same way."""
    if one.format not in _READERS or (one.format == "parquet" and not one.alike):
        return False
    first, second = ((each.format, each.alike, each.options, each.partitions, _cut(each)) for each in (one, other))
    return first == second


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


def _of_path(scan: Scan, path: str) -> str:
    return "".join(f", {partition(path, name, of)}" for name, of in scan.partitions.items())


def reading(kind: str, path: str | Sequence[str], options: Mapping[str, Any]) -> str:
    """A reader's call. DuckDB would make columns of folders by itself, with types by the files of this one call."""
    arguments = [
        argument(path),
        "hive_partitioning = false",
        *(f"{key} = {argument(value)}" for key, value in options.items()),
    ]
    return f"{_READERS[kind]}({', '.join(arguments)})"


def _listed(rename: Mapping[str, str]) -> str:
    return ", ".join(f"{quoted(old)} AS {quoted(new)}" for old, new in rename.items()) or "*"


def argument(value: Any) -> str:
    """A Python value as an argument of a reader."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{quoted(key)}: {argument(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(argument(inner) for inner in value) + "]"
    return literal(value) if isinstance(value, str) else str(value)
