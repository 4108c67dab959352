"""A million lines of JSON into DuckDB."""

from __future__ import annotations

import json
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from case import Case, Contestant, Lab, apart, program
from inputs import summary, write_records
from measure import Command

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROWS = 1_000_000


@contextmanager
def race(lab: Lab) -> Iterator[Case]:
    rows = lab.rows or ROWS
    source = lab.folder("inputs") / f"records-{rows}.jsonl"
    apart(write_records, source, rows)
    yield Case(
        "jsonl",
        f"{rows:,} lines of JSON into DuckDB",
        (
            Contestant("duckdb read_json", partial(_raw, source), _answer),
            Contestant("headrace", partial(_headrace, lab.headrace, source), _answer, goal=1.3),
            Contestant("dlt parquet", partial(_dlt, lab.dlt(), source), _answer, slow=True),
        ),
    )


def _raw(source: Path, folder: Path) -> Command:
    return program("raw_jsonl.py", source, folder / "out.duckdb", folder=folder)


def _dlt(python: str, source: Path, folder: Path) -> Command:
    return program("dlt_jsonl.py", source, folder / "out.duckdb", folder=folder, python=python)


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
    return summary(folder / "out.duckdb", "records")
