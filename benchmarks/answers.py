"""What came out of a run: figures that are equal only if two tables hold the same values, whatever columns a tool adds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from inputs import Shape

ROWS, KEYS = "rows", "keys"
"""How many rows there are, and how many values of the key; the other figures are of the columns of these names."""


def of_file(shape: Shape, folder: Path) -> dict[str, str]:
    """The figures of the table `records` of `out.duckdb`."""
    import duckdb

    with duckdb.connect(str(folder / "out.duckdb"), read_only=True) as session:
        session.execute("SET TimeZone = 'UTC'")
        found = session.execute(
            "SELECT table_schema, list(column_name), list(data_type) FROM information_schema.columns "
            "WHERE table_name = 'records' AND NOT ends_with(table_schema, '_staging') GROUP BY ALL"
        ).fetchall()
        assert len(found) == 1, f"the table is in {[schema for schema, _, _ in found]}"
        [(schema, names, kinds)] = found
        has = dict(zip(names, kinds, strict=True))
        key = next(iter(shape.types))
        wanted = {name: _value(name, kind, has) for name, kind in _flat(shape).items()}
        # A sum, because rows that changed places would cancel out in an exclusive or.
        asked = {ROWS: "count(*)", KEYS: f"count(DISTINCT {key})"} | {
            name: f"sum(hash({key}::BIGINT, {value})::HUGEINT)" if value else "'missing'"
            for name, value in wanted.items()
        }
        figures = session.execute(f"SELECT {', '.join(asked.values())} FROM {schema}.records").fetchone()
        assert figures
        return {name: str(value) for name, value in zip(asked, figures, strict=True)}


def _flat(shape: Shape) -> dict[str, str]:
    """The types of columns and, instead of an object, of its fields."""
    flat = {name: kind for name, kind in shape.types.items() if not kind.startswith("STRUCT")}
    if "address" in shape.types:
        flat |= {"address.city": "VARCHAR", "address.zip": "VARCHAR"}
    return flat


def _value(name: str, kind: str, has: Mapping[str, str]) -> str | None:
    """A column as what it stands for, whatever type a tool gave it: a number, an instant, a text. None if it is missing."""
    parent, _, field = name.partition(".")
    if name.replace(".", "__") in has:
        kept = name.replace(".", "__")
    elif field and has.get(parent) in ("JSON", "VARCHAR"):
        kept = f"({parent} ->> '$.{field}')"
    elif parent in has:
        kept = name
    else:
        return None
    if kind == "TIMESTAMP":
        return f"TRY_CAST(TRY_CAST({kept} AS TIMESTAMPTZ) AS TIMESTAMP)"
    return f"TRY_CAST({kept} AS {_family(kind)})"


def _family(kind: str) -> str:
    """The widest type of the same values, so that 1.20 of two decimals and of six are the same."""
    return "DOUBLE" if kind.startswith("DECIMAL") else {"INTEGER": "BIGINT"}.get(kind, kind)


def of_server(shape: Shape, url: str, _folder: Path) -> dict[str, str]:
    """The same for a table `records` of Postgres."""
    [(schema,)] = ask(
        url,
        "SELECT table_schema FROM information_schema.tables WHERE table_name = 'records' AND table_schema NOT LIKE '%staging'",
    )
    key = next(iter(shape.types))
    has = {
        name
        for (name,) in ask(
            url,
            f"SELECT column_name FROM information_schema.columns WHERE table_schema = '{schema}' AND table_name = 'records'",
        )
    }
    asked = {ROWS: "count(*)", KEYS: f"count(DISTINCT {key})"} | {
        name: f"sum(hashtext({key}::text || ' ' || coalesce(({name}::{_postgres(kind)})::text, '')))"
        if name in has
        else "'missing'"
        for name, kind in shape.types.items()
    }
    [figures] = ask(url, f'SET TimeZone = "UTC"; SELECT {", ".join(asked.values())} FROM {schema}.records')
    return {name: str(value) for name, value in zip(asked, figures, strict=True)}


def _postgres(kind: str) -> str:
    kept = _family(kind)
    return {"DOUBLE": "float8", "VARCHAR": "text"}.get(kept, kept)


def ask(url: str, statement: str) -> list[tuple[Any, ...]]:
    """The rows of a statement of a Postgres; of the last one, if there are several."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as session:
        cursor = session.execute(statement)
        while cursor.nextset():
            pass
        return cursor.fetchall() if cursor.description else []


def wrong(answer: Mapping[str, Any], truth: Mapping[str, Any]) -> str:
    """Which figures are not the reference's, for a table; empty if all are."""
    return ", ".join(name for name, value in truth.items() if answer.get(name) != value)
