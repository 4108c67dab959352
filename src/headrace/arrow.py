"""pyarrow, without the pandas that it looks for by itself: `from headrace.arrow import pa`.

To make an array of a Python list, pyarrow first imports pandas wherever it is installed, since the list might be a Series. That is
0.8 CPU seconds, more than all of headrace takes to start, for objects that headrace never has.
"""

import sys
from importlib.abc import MetaPathFinder

import pyarrow as pa

__all__ = ["pa", "under", "with_pandas"]

_LOOK = getattr(pa.lib, "_pandas_api", None)
"""No promise of pyarrow's: where there is none, the import of pandas is not saved, and all else is as it was."""


class _NoPandas(MetaPathFinder):
    """Says that there is no pandas, where modules are looked for."""

    def find_spec(self, fullname: str, *_: object) -> None:
        """No place for any module. Raises ModuleNotFoundError for pandas."""
        if fullname == "pandas":
            raise ModuleNotFoundError(fullname)


def _without_pandas() -> None:
    """Let pyarrow look for pandas, which it does once, while there is none to be found."""
    if "pandas" in sys.modules:
        return
    hiding = _NoPandas()
    sys.meta_path.insert(0, hiding)
    try:
        _ = _LOOK and _LOOK.have_pandas
    finally:
        sys.meta_path.remove(hiding)


def with_pandas() -> None:
    """Give pyarrow back its pandas, if there is one: for code of users, who may hand it a Series."""
    try:
        _ = _LOOK and _LOOK.pd
    except ImportError:
        return


def under(rows: pa.Table, fields: list[pa.Field]) -> pa.Table:
    """The rows under fields of the same types, which say more of them; to `cast` would import functions that cost as much as Arrow itself."""
    return pa.Table.from_arrays(rows.columns, schema=pa.schema(fields))


_without_pandas()
