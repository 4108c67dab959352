"""Columns whose values are in the path of a file, as DuckDB reads them."""

from __future__ import annotations

import re

from headrace.sql.dialect import name as quoted
from headrace.sql.dialect import text as literal

NULL = "__HIVE_DEFAULT_PARTITION__"
"""How Hive writes that there is no value."""


def partition(path: str, name: str, of: str) -> str:
    """A column from an expression that gives a path; a value that does not fit its type fails the statement."""
    step = literal(f"(?:^|/){re.escape(name)}=([^/]*)/")
    value = f"NULLIF(url_decode(NULLIF(regexp_extract({path}, {step}, 1), {literal(NULL)})), '')"
    return f"CAST({value} AS {of}) AS {quoted(name)}"
