"""What type a seed's column has, by all of its values: either so that nothing written is lost, or exactly as dbt guesses.

A rule is an SQL condition over `{v}`, a cell's text without blanks around it; the first that all cells pass is the type.
"""

from __future__ import annotations

from headrace.sql.dialect import name

CAREFUL = (
    ("INTEGER", r"regexp_full_match({v}, '[-+]?(0|[1-9]\d*)') AND TRY_CAST({v} AS INTEGER) IS NOT NULL"),
    ("BIGINT", r"regexp_full_match({v}, '[-+]?(0|[1-9]\d*)') AND TRY_CAST({v} AS BIGINT) IS NOT NULL"),
    ("DOUBLE", r"regexp_full_match({v}, '[-+]?((0|[1-9]\d*)(\.\d*)?|\.\d+)([eE][-+]?\d+)?')"),
    ("DATE", r"regexp_full_match({v}, '\d{{4}}-\d\d?-\d\d?') AND TRY_CAST({v} AS DATE) IS NOT NULL"),
    (
        "TIMESTAMP",
        r"TRY_CAST({v} AS TIMESTAMP) IS NOT NULL AND regexp_full_match({v}, '\d{{4}}-\d\d?-\d\d?( \d\d?:\d\d:\d\d|T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[-+]\d\d(:?\d\d)?)?)')",
    ),
    ("BOOLEAN", "lower({v}) IN ('true', 'false')"),
)
"""A number with leading zeros, an underscore or a group separator stays text; whole numbers beyond 32 bits are bigint."""

_NUMBER = r"regexp_full_match({v}, '[-+]?[$€£¥₽₩]?[-+]?((\d[\d_]*(,[\d_]+)*)(\.[\d_]*)?|\.\d[\d_]*)([eE][-+]?\d+)?%?|[-+]?(?i:nan|inf|infinity)')"
_WHOLE = (
    r"CASE WHEN regexp_matches({v}, '[eE]') THEN coalesce(TRY_CAST({v} AS DOUBLE) = floor(TRY_CAST({v} AS DOUBLE)), false)"
    r" ELSE NOT regexp_matches({v}, '\.\d*[1-9]') END"
)
DBT = (
    ("INTEGER", f"{_NUMBER} AND {_WHOLE}"),
    ("DOUBLE", _NUMBER),
    ("DATE", r"regexp_full_match({v}, '\d{{4}}-\d\d?-\d\d?') AND TRY_CAST({v} AS DATE) IS NOT NULL"),
    ("TIMESTAMP", r"try_strptime({v}, '%Y-%m-%d %H:%M:%S') IS NOT NULL"),
    (
        "TIMESTAMP",
        r"regexp_full_match({v}, '(\d{{4}}-\d\d-\d\dT\d\d:\d\d(:\d\d([.,]\d+)?)?|\d{{8}}T\d{{4}}(\d\d([.,]\d+)?)?)(Z|[-+]\d\d(:?\d\d)?)?')",
    ),
    ("BOOLEAN", "lower({v}) IN ('true', 'false')"),
)
"""Zeros in front are lost, `1.0` is an integer, and so is `1,000`, which DuckDB then refuses to load, as it does under dbt."""


def test(column: str, rule: str) -> str:
    """Whether all cells of the column that hold something pass the rule; a column that holds nothing passes every one."""
    cell = value(column)
    return f"coalesce(bool_and({rule.format(v=cell)}) FILTER (WHERE {cell} IS NOT NULL), true)"


def value(column: str, *, kept: bool = False) -> str:
    """The column with what stands for nothing as NULL; numbers and dates may have blanks around them."""
    held = name(column)
    # dbt on DuckDB reads a cell of two apostrophes as nothing, too.
    missing = f"lower(trim({held})) IN ('', 'null', '''''')"
    return f"CASE WHEN {missing} THEN NULL ELSE {held if kept else f'trim({held})'} END"


def cast(column: str, guess: str) -> str:
    """The column as the type that was guessed, without a loss."""
    cell = value(column, kept=guess == "VARCHAR")
    # DuckDB drops an offset in silence on the way to a timestamp, unless it passes by one with a zone.
    return f"CAST(CAST({cell} AS TIMESTAMPTZ) AS TIMESTAMP)" if guess == "TIMESTAMP" else f"CAST({cell} AS {guess})"


def cast_as_dbt(column: str, guess: str) -> str:
    """The column as the type that was guessed, as dbt hands it to an engine that does not read the file: offsets are dropped."""
    cell = value(column, kept=guess == "VARCHAR")
    if guess in ("INTEGER", "DOUBLE"):
        return f"CAST(CAST(regexp_replace({cell}, '[,$€£¥₽₩%]', '', 'g') AS DOUBLE) AS {guess})"
    if guess == "TIMESTAMP":
        return rf"CAST(regexp_replace({cell}, '(Z|[-+]\d\d(:?\d\d)?)$', '') AS TIMESTAMP)"
    return f"CAST({cell} AS {guess})"
