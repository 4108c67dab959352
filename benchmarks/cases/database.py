"""A table of a million rows of twelve columns, from Postgres into DuckDB."""

from __future__ import annotations

import json
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from case import Case, Contestant, Lab, apart, program
from inputs import write_changes
from measure import Command
from serving import serving

from cases.merge import file_answer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROWS = 1_000_000


@contextmanager
def race(lab: Lab) -> Iterator[Case]:
    rows = lab.rows or ROWS
    base = lab.folder("inputs") / f"base-{rows}.parquet"
    apart(write_changes, base, rows, 0)
    with serving("postgres.py", lab.fresh("postgres")) as server:
        url = server["url"]
        apart(_fill, url, base)
        yield Case(
            "postgres",
            f"{rows:,} rows of Postgres into DuckDB",
            (
                Contestant("adbc", partial(_raw, lab.adbc(), url), file_answer),
                Contestant("headrace", partial(_headrace, lab.headrace, url), file_answer, goal=1.2),
                Contestant("dlt pyarrow", partial(_dlt, lab.dlt_postgres(), url), file_answer, slow=True),
            ),
            server["pid"],
        )


def _fill(url: str, base: Path) -> None:
    from headrace.table import Table
    from headrace.warehouse.opening import open_warehouse

    with open_warehouse(url).connect() as session:
        session.load_local(Table("public", "records"), f"SELECT * FROM read_parquet('{base}')")
        session.execute("ALTER TABLE records ADD PRIMARY KEY (id)")
        session.execute("VACUUM ANALYZE records")
        session.execute("CHECKPOINT")


def _raw(python: str, url: str, folder: Path) -> Command:
    return program("raw_postgres.py", url, folder / "out.duckdb", folder=folder, python=python)


def _dlt(python: str, url: str, folder: Path) -> Command:
    return program("dlt_postgres.py", url, folder=folder, python=python)


def _headrace(command: str, url: str, folder: Path) -> Command:
    shop = {"type": "database", "url": "${RACE_URL}", "streams": {"records": {}}}
    project = {"name": "race", "targets": {"dev": "duckdb:///out.duckdb"}, "sources": {"shop": shop}}
    # JSON is YAML.
    (folder / "headrace.yml").write_text(json.dumps(project))
    return Command((command, "load"), folder, {"RACE_URL": url})
