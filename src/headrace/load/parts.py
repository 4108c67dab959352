"""A package as queries: each part has one schema, and all parts in order are what arrived."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.durable import seen
from headrace.errors import StatementFailed
from headrace.landing import ORIGIN
from headrace.load import inflight
from headrace.schema import Column, Schema
from headrace.sql.dialect import name, read_type, spell, text
from headrace.sql.lines import UNFIT
from headrace.sql.scan import scan_query, together
from headrace.warehouse.embedded import CAPABILITIES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from headrace.batch import Scan
    from headrace.landing import Package, Segment
    from headrace.project.sources import Stream
    from headrace.warehouse.embedded import Embedded


_AT_ONCE = 5_000
_MARKED = ("json", "uuid", "interval", "hugeint")
"""What text in a segment may stand for: types that Parquet has no column for, or none that is read back."""


@dataclass(frozen=True, slots=True)
class Part:
    """A DuckDB query for rows of one schema, with the column that says where each came from.

    `rows` is how many there are, None where only reading tells; `filtered` is how many the in-flight SQL took out of a scan.
    """

    query: str
    schema: Schema
    rows: int | None = None
    filtered: int = 0


class FilesUnfit(Exception):
    """Files that were to be read in place, called by their origins, do not fit what their Scans say."""

    def __init__(self, origins: frozenset[str]) -> None:
        super().__init__(*sorted(origins))
        self.origins = origins


@contextmanager
def proving(package: Package) -> Iterator[None]:
    """Statements that read lines prove them: a failure says that files are unfit, those it names or else all.

    Files of CSV share their types, so that where one is unfit, all of them are looked at anew.
    """
    try:
        yield
    except (StatementFailed, OSError, ValueError) as error:
        unproven = {scan.origin or scan.path: scan.format for scan in package.scans if scan.format != "parquet"}
        if not unproven:
            raise
        named = {origin for origin in unproven if f"{origin} {UNFIT}" in str(error)}
        raise FilesUnfit(with_kin(package, named or unproven)) from error


def with_kin(package: Package, origins: Collection[str]) -> frozenset[str]:
    """Those files, and where one of them is CSV all that are: they share their types."""
    tables = {scan.origin or scan.path for scan in package.scans if scan.format == "csv"}
    return frozenset(origins) | (tables if tables & set(origins) else frozenset())


def gone(package: Package) -> frozenset[str]:
    """The files that are not what they were when they were looked at, by their origins."""
    return frozenset(scan.origin or scan.path for scan in package.scans if scan.seen and _now(scan) != scan.seen)


def _now(scan: Scan) -> str | None:
    try:
        return seen(Path(scan.path))
    except FileNotFoundError:
        return None


def parts_of(local: Embedded, stream: Stream, package: Package) -> list[Part]:
    """The parts of a package, in the order of arrival; scans come after segments."""
    found = [
        _landed(local, list(segments)) for _, segments in groupby(package.segments, lambda segment: segment.columns)
    ]
    found += [_scanned(local, stream, scans) for scans in _groups(stream, package.scans)]
    return [part for part in found if part.schema.columns]


def declared_part(local: Embedded, stream: Stream) -> list[Part]:
    """A part without rows of the columns that the stream declares; none where these are not all that its way of loading asks for."""
    spec = stream.spec
    types = spec.column_types
    asked = {*spec.key, *(spec.surrogate_key.columns if spec.surrogate_key else ())}
    more = spec.transform or spec.history or spec.partition_by or spec.deletes or spec.nested == "tables"
    if more or not types or not asked <= types.keys():
        return []
    listed = ", ".join(f"CAST(NULL AS {spell(of, CAPABILITIES)}) AS {name(column)}" for column, of in types.items())
    query = f"SELECT {listed}, CAST(NULL AS VARCHAR) AS {ORIGIN} WHERE FALSE"
    return [Part(query, _describe(local, query), 0)]


def files(paths: list[str], head: str = "SELECT *") -> str:
    """A query for Parquet files of one schema, in order."""
    return f"{head} FROM read_parquet([{', '.join(text(path) for path in paths)}])"


def _landed(local: Embedded, segments: list[Segment]) -> Part:
    paths = [str(segment.file) for segment in segments]
    # Each by its name: a `* REPLACE` of thousands of columns is looked through once for each of them.
    columns = [
        f"CAST({name(column)} AS {kind}) AS {name(column)}" if kind in _MARKED else name(column)
        for column, kind in segments[0].columns
    ]
    head = f"SELECT {', '.join(columns)}"
    schema = _describe(local, files(paths[:1], head))
    return Part(files(paths, head), schema, sum(segment.rows for segment in segments))


def _groups(stream: Stream, scans: Sequence[Scan]) -> list[list[Scan]]:
    """Files one after the other that one call can read: a part for each would be a statement of thousands of parts.

    In-flight SQL sees the rows of one file, so then each is by itself.
    """
    groups: list[list[Scan]] = []
    alone = inflight.sql_of(stream) is not None
    for scan in scans:
        if groups and not alone and len(groups[-1]) < _AT_ONCE and together(groups[-1][0], scan):
            groups[-1].append(scan)
        else:
            groups.append([scan])
    return groups


def _scanned(local: Embedded, stream: Stream, scans: Sequence[Scan]) -> Part:
    query = scan_query(scans[0], ORIGIN, scans[1:])
    sql, rows, filtered = inflight.sql_of(stream), None, 0
    if sql is not None:
        before = f"SELECT * EXCLUDE ({ORIGIN}) FROM (\n{query}\n) AS scanned"
        query = inflight.wrap(sql, before)
        try:
            rows = _count(local, query)
        except StatementFailed as error:
            raise inflight.invalid(stream, error) from error
        filtered = inflight.dropped(stream, _count(local, before), rows)
        query = f"SELECT *, {text(scans[0].origin or scans[0].path)} AS {ORIGIN} FROM (\n{query}\n) AS scanned"
    return Part(query, _describe(local, query), rows, filtered)


def _describe(local: Embedded, query: str) -> Schema:
    """The columns of a query, but those that headrace adds."""
    found = local.rows(f"DESCRIBE {query}")
    return Schema(tuple(Column(row[0], read_type(row[1])) for row in found if not row[0].startswith("_headrace_")))


def _count(local: Embedded, query: str) -> int:
    return int(local.rows(f"SELECT count(*) FROM (\n{query}\n) AS counted")[0][0])
