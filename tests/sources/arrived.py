"""What arrived of files, as rows of Python."""

import pyarrow.parquet

from headrace.batch import Batch
from headrace.sql.scan import scan_query


def tables(local, arrived):
    """Of each of them its rows, also those of a file that is read in place, what was split off or None, and how many were read."""
    for one in arrived:
        if isinstance(one, Batch):
            yield one.rows, one.rejected, one.read
        else:
            rows = local.table(scan_query(one, "origin")).drop_columns("origin")
            refused = pyarrow.parquet.read_table(one.rejected) if one.rejected else None
            yield rows, refused, rows.num_rows + (refused.num_rows if refused else 0)


def rows(local, arrived):
    """All of them."""
    return [row for table, _, _ in tables(local, arrived) for row in table.to_pylist()]


def rejected(arrived):
    """Those that were split off, as they are kept."""
    return [row for one in arrived if one.rejected is not None for row in one.rejected.to_pylist()]


def emptied(folder):
    """A folder that is there, and has no file in it."""
    folder.mkdir(exist_ok=True)
    for left in folder.iterdir():
        left.unlink()
