"""An API of a thousand pages into DuckDB."""

from __future__ import annotations

import json
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from case import Case, Contestant, Lab, apart, program
from inputs import summary, write_records
from measure import Command
from serving import serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROWS, PAGE, AT_ONCE = 100_000, 100, 8
TOKEN = "loopback-token"  # noqa: S105 - the loopback server's


@contextmanager
def race(lab: Lab) -> Iterator[Case]:
    rows = lab.rows or ROWS
    source = lab.folder("inputs") / f"records-{rows}.jsonl"
    apart(write_records, source, rows)
    pages = -(-rows // PAGE)
    with serving("pages.py", source, PAGE) as server:
        url = server["url"]
        yield Case(
            "rest",
            f"{rows:,} rows in {pages:,} pages of an API into DuckDB",
            (
                Contestant("bare client", partial(_bare, url, pages, "load"), _answer),
                Contestant("fetch only", partial(_bare, url, pages, "fetch")),
                Contestant("headrace", partial(_headrace, lab.headrace, url), _answer, goal=2),
                Contestant("dlt rest_api parquet", partial(_dlt, lab.dlt(), url), _answer, slow=True),
            ),
            server["pid"],
        )


def _bare(url: str, pages: int, what: str, folder: Path) -> Command:
    return program("raw_rest.py", what, url, TOKEN, pages, AT_ONCE, folder=folder)


def _dlt(python: str, url: str, folder: Path) -> Command:
    return program("dlt_rest.py", url, TOKEN, folder / "out.duckdb", folder=folder, python=python)


def _headrace(command: str, url: str, folder: Path) -> Command:
    paging = {"type": "page_number", "base_page": 1, "total_path": "pages", "parallel": AT_ONCE}
    api = {
        "type": "rest",
        "client": {"base_url": url, "auth": {"type": "bearer", "token": "${API_TOKEN}"}},
        "parallel_requests": AT_ONCE,
        "streams": {"records": {"path": "records", "data_selector": "data", "paginator": paging}},
    }
    project = {"name": "race", "targets": {"dev": "duckdb:///out.duckdb"}, "sources": {"api": api}}
    (folder / "headrace.yml").write_text(json.dumps(project))
    return Command((command, "load"), folder, {"API_TOKEN": TOKEN})


def _answer(folder: Path) -> Any:
    return summary(folder / "out.duckdb", "records")
