"""A million lines of CSV into DuckDB."""

from __future__ import annotations

import json
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from case import Case, Contestant, Lab, apart, program
from inputs import write_lines
from measure import Command

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROWS = 1_000_000


@contextmanager
def race(lab: Lab) -> Iterator[Case]:
    rows = lab.rows or ROWS
    whole = lab.folder("inputs") / f"changes-{rows}.csv"
    torn = lab.folder("inputs") / f"changes-{rows}-torn.csv"
    apart(write_lines, whole, rows)
    if not torn.exists():
        torn.write_bytes(whole.read_bytes() + b"x\n")
    yield Case(
        "csv",
        f"{rows:,} lines of CSV into DuckDB",
        (
            Contestant("duckdb read_csv", partial(_raw, whole), _answer),
            Contestant("headrace", partial(_headrace, lab.headrace, whole), _answer, goal=2.0),
            Contestant("headrace, a bad line", partial(_headrace, lab.headrace, torn), _answer),
        ),
    )


def _raw(source: Path, folder: Path) -> Command:
    return program("raw_csv.py", source, folder / "out.duckdb", folder=folder)


def _headrace(command: str, source: Path, folder: Path) -> Command:
    project = {
        "name": "race",
        "targets": {"dev": "duckdb:///out.duckdb"},
        "sources": {"lake": {"type": "files", "streams": {"records": {"path": str(source)}}}},
    }
    # JSON is YAML.
    (folder / "headrace.yml").write_text(json.dumps(project))
    return Command((command, "load"), folder, {})


def _answer(folder: Path) -> Any:
    import duckdb

    with duckdb.connect(str(folder / "out.duckdb"), read_only=True) as session:
        [(schema,)] = session.execute(
            "SELECT table_schema FROM information_schema.tables WHERE table_name = 'records'"
        ).fetchall()
        found = session.execute(
            "SELECT count(*), bit_xor(hash(id, created_at, updated_at, customer_id::BIGINT, status, country,"
            " amount::DECIMAL(12, 2), quantity::BIGINT, active, note, email, name))"
            f" FROM {schema}.records"
        ).fetchone()
        assert found
        return tuple(str(value) for value in found)
