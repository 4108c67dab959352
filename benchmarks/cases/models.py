"""Trivial models, half of them chains of ten and half fans of twenty, each a table with a not_null test: what a model costs."""

from __future__ import annotations

import json
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from case import Case, Contestant, Goal, Lab, program
from measure import Command
from tools import DBT, HEADRACE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tools import Tool

CHAIN, FAN, SEED_ROWS = 10, 20, 100


@contextmanager
def race(number: int, _lab: Lab) -> Iterator[Case]:
    yield Case(
        f"models-{number}",
        f"{number:,} models with a test each, on DuckDB",
        (
            Contestant("duckdb client", partial(_raw, number), _answer, tool=HEADRACE),
            Contestant("headrace build", partial(_build, HEADRACE, number), _answer, tool=HEADRACE, goal=Goal(2)),
            Contestant("dbt-core build", partial(_build, DBT, number), _answer, tool=DBT, slow=True),
        ),
    )


def parents(number: int) -> dict[str, str]:
    """Each model and what it reads: `start` is the seed."""
    reads = {}
    half = number // 2
    for one in range(half):
        reads[f"chain_{one:04}"] = f"chain_{one - 1:04}" if one % CHAIN else "start"
    for one in range(number - half):
        hub = one - one % (FAN + 1)
        reads[f"fan_{one:04}"] = "start" if one == hub else f"fan_{hub:04}"
    return reads


def query(parent: str) -> str:
    return f"select id, amount + 1 as amount, name from {parent}"


def seed() -> str:
    return "id,amount,name\n" + "".join(f"{one},{one * 10},name {one}\n" for one in range(1, SEED_ROWS + 1))


def write_project(folder: Path, number: int) -> None:
    """A dbt project, with its profile beside it."""
    files = {
        "dbt_project.yml": {
            "name": "race",
            "version": "1.0.0",
            "config-version": 2,
            "profile": "race",
            "models": {"race": {"+materialized": "table"}},
        },
        "profiles.yml": {
            "race": {"target": "dev", "outputs": {"dev": {"type": "duckdb", "path": "out.duckdb", "threads": 1}}}
        },
        "models/models.yml": {
            "version": 2,
            "models": [
                {"name": name, "columns": [{"name": "id", "data_tests": ["not_null"]}]} for name in parents(number)
            ],
        },
    }
    (folder / "models").mkdir()
    (folder / "seeds").mkdir()
    for path, content in files.items():
        (folder / path).write_text(json.dumps(content, indent=1))
    for name, parent in parents(number).items():
        (folder / "models" / f"{name}.sql").write_text(query(f"{{{{ ref('{parent}') }}}}") + "\n")
    (folder / "seeds" / "start.csv").write_text(seed())


def _build(tool: Tool, number: int, folder: Path) -> Command:
    write_project(folder, number)
    return Command((tool.program(tool.command), "build", "--profiles-dir", "."), folder, {})


def _raw(number: int, folder: Path) -> Command:
    """The same SQL: for each model a transaction that makes the table and asks its test."""
    (folder / "start.csv").write_text(seed())
    steps = [
        (
            f'create table main."{name}" as ({query(f"main.{parent}")})',
            f'select count(*) from (select id from main."{name}" where id is null)',
        )
        for name, parent in parents(number).items()
    ]
    (folder / "steps.json").write_text(json.dumps(steps))
    return program("raw_models.py", folder=folder)


def _answer(folder: Path) -> dict[str, Any]:
    """The number of models, of their rows, and a sum that depends on how deep each one stands."""
    import duckdb

    with duckdb.connect(str(folder / "out.duckdb"), read_only=True) as session:
        names = session.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'main' AND regexp_matches(table_name, '^(chain|fan)_\\d+$')"
        ).fetchall()
        all_rows = " UNION ALL ".join(f"SELECT count(*) AS n, sum(amount) AS s FROM main.{name}" for (name,) in names)
        found = session.execute(f"SELECT count(*), sum(n), sum(s) FROM ({all_rows})").fetchone()
        return dict(zip(("models", "rows", "sum"), map(str, found or ()), strict=True))
