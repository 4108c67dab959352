"""What a source hands over: rows with the cursor they reach, files to be read in place, or a request that failed for good."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headrace.arrow import pa


@dataclass(frozen=True, slots=True)
class Batch:
    """Arrow rows of one stream, as they arrived.

    `rows` has the stream's columns (names normalised, types inferred or declared), in the order of arrival. A column that was null
    throughout is not there, since nothing tells its type. Columns that Arrow has no type for are text with the field metadata
    `{b"headrace": b"json"}` or `b"uuid"`. `rejected` has the
    text columns `reason`, `column`, `detail`, `raw` and `origin`, one row for each record that could not be read. `read` counts both.
    `cursor` is the highest cursor value among the rows, as text. `resume` is what the source needs to go on after this batch; its keys
    `files` and `sizes` hold the stamps and the bytes of the files that end with it. `origin` is the file or the page that the rows came
    from; where they came from several, `origins` has for each row its own.
    """

    rows: pa.Table
    read: int
    rejected: pa.Table | None = None
    cursor: str | None = None
    resume: Mapping[str, Any] = field(default_factory=dict)
    origin: str = ""
    origins: pa.ChunkedArray | None = None


@dataclass(frozen=True, slots=True)
class Scan:
    """A file that is read where it lies, by the embedded DuckDB.

    `options` are the reader's arguments that were detected or declared (delimiter, header, columns with DuckDB types, …), complete
    enough that reading needs no guess; `sql.scan.scan_query` makes the query. Lines of CSV and of JSON are proven by the statement that
    reads them, which fails where one does not fit: the source is then asked for the file as Batches. `stamp` identifies the content
    (size and modification time, or a hash). `origin` is what the source calls the file: the name under which `resume["files"]` holds
    the stamp of what was read. `words` are what else the source is to be told when it goes on. `seen` is what the file on this disk was
    when it was looked at (see `durable.seen`), and `size` its bytes where they came from. `alike` is a mark that files have in common whose
    columns are the same. `partitions` are the types of columns that the path holds as `name=value`. `rejected` is the path of a Parquet
    file with the lines that were left out of what is to be read, as `Batch.rejected`; they count as read, too.
    """

    path: str
    format: Literal["csv", "jsonl", "parquet"]
    options: Mapping[str, Any]
    stamp: str
    member: str | None = None
    origin: str = ""
    words: Mapping[str, Any] = field(default_factory=dict)
    seen: str = ""
    size: int | None = None
    alike: str = ""
    partitions: Mapping[str, str] = field(default_factory=dict)
    rejected: str = ""


@dataclass(frozen=True, slots=True)
class Dead:
    """A request or file that failed for good: kept in quarantine with what is needed to ask for it again."""

    request: Mapping[str, Any]
    reason: str
    resume: Mapping[str, Any] = field(default_factory=dict)


Arrived: TypeAlias = Batch | Scan | Dead


class FileChanged(Exception):
    """A file, called by its name, of which a part was read is gone or another one: what was read of it is no part of anything."""
