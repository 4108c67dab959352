"""What arrived of files, as rows of Python."""

from headrace.batch import Batch
from headrace.sql.scan import scan_query


def rows(local, arrived):
    """All of them, those of files that are read in place, too."""
    tables = [
        one.rows if isinstance(one, Batch) else local.table(scan_query(one, "origin")).drop_columns("origin")
        for one in arrived
    ]
    return [row for table in tables for row in table.to_pylist()]


def rejected(arrived):
    """Those that were split off, as they are kept."""
    return [row for one in arrived if one.rejected is not None for row in one.rejected.to_pylist()]
