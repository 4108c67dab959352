"""Files of Parquet as Scans: one statement for the schemas of many, one for the columns of each schema there is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.batch import Scan
from headrace.errors import FileUnreadable, StatementFailed
from headrace.extract import hive
from headrace.naming import distinct_names
from headrace.sql.readers import located, reading

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from headrace.extract.found import Found
    from headrace.warehouse.embedded import Embedded

_DESCRIBED = (
    "name",
    "type",
    "type_length",
    "repetition_type",
    "num_children",
    "converted_type",
    "scale",
    "precision",
    "logical_type",
)


def scans_of(files: Sequence[Found], partitions: Mapping[str, str], local: Embedded) -> Iterator[Scan]:
    """The files, each with a mark that it shares with those whose columns are the same. Raises FileUnreadable.

    `partitions` are the types of the columns that their paths hold.
    """
    marks = _marks(files, local)
    options: dict[str, Mapping[str, Any]] = {}
    for file in files:
        mark = marks[file]
        if mark not in options:
            options[mark] = _renaming(file, partitions, local)
        yield Scan(str(file.path), "parquet", options[mark], file.stamp, file.member, file.key, alike=mark)


def _marks(files: Sequence[Found], local: Embedded) -> dict[Found, str]:
    listed = ", ".join(located(str(file.path)) for file in files)
    told = " || chr(31) || ".join(f"COALESCE(CAST({one} AS VARCHAR), '')" for one in _DESCRIBED)
    sql = f"SELECT file_name, md5(string_agg({told}, chr(30) ORDER BY place)) FROM"
    try:
        rows = local.rows(
            f"{sql} (SELECT *, row_number() OVER () AS place FROM parquet_schema([{listed}])) GROUP BY file_name"
        )
    except StatementFailed as error:
        if len(files) > 1:
            return {file: mark for one in files for file, mark in _marks([one], local).items()}
        raise FileUnreadable(f"{files[0].key} cannot be read: {str(error)[:200]}") from error
    found = {str(path): str(mark) for path, mark in rows}
    return {file: found[str(file.path)] for file in files}


def _renaming(file: Found, partitions: Mapping[str, str], local: Embedded) -> dict[str, Any]:
    try:
        described = local.rows(f"DESCRIBE SELECT * FROM {reading('parquet', [str(file.path)], {})}")
    except StatementFailed as error:
        raise FileUnreadable(f"{file.key} cannot be read: {str(error)[:200]}") from error
    originals = [str(row[0]) for row in described]
    names = {keys[0]: name for keys, name in distinct_names([(name,) for name in originals]).items()}
    hive.check(file.name, names.values(), partitions)
    return {} if all(old == new for old, new in names.items()) else {"rename": names}
