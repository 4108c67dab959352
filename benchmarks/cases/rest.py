"""An API of a thousand pages into DuckDB."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import answers
from case import Case, Contestant, Goal, Lab, apart, program, write_project
from inputs import RECORDS, write_rows
from measure import Command
from serving import serving
from tools import DLT, HEADRACE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROWS, PAGE, AT_ONCE = 100_000, 100, 8
TOKEN = "loopback-token"  # noqa: S105 - the loopback server's


@contextmanager
def race(lab: Lab) -> Iterator[Case]:
    rows = lab.rows or ROWS
    source = lab.folder("inputs") / f"records-{rows}.jsonl"
    apart(write_rows, source, RECORDS, rows)
    pages = -(-rows // PAGE)
    with serving("pages.py", source, PAGE) as server:
        url, answer = server["url"], partial(answers.of_file, RECORDS)
        yield Case(
            "rest",
            f"{rows:,} rows in {pages:,} pages of an API into DuckDB",
            (
                Contestant("bare client", partial(_bare, url, pages, "load"), answer, tool=HEADRACE),
                Contestant("fetch only", partial(_bare, url, pages, "fetch"), tool=HEADRACE),
                Contestant("headrace", partial(_headrace, url), answer, tool=HEADRACE, goal=Goal(1.5)),
                Contestant("dlt rest_api", partial(_dlt, url), answer, tool=DLT, slow=True),
            ),
            server["pid"],
            rows,
        )


def _bare(url: str, pages: int, what: str, folder: Path) -> Command:
    return program("raw_rest.py", what, url, TOKEN, pages, AT_ONCE, folder=folder)


def _dlt(url: str, folder: Path) -> Command:
    told = (url, TOKEN, folder / "out.duckdb")
    return program("dlt_rest.py", *told, folder=folder, python=DLT.program("python"))


def _headrace(url: str, folder: Path) -> Command:
    paging = {"type": "page_number", "base_page": 1, "total_path": "pages", "parallel": AT_ONCE}
    api = {
        "type": "rest",
        "client": {"base_url": url, "auth": {"type": "bearer", "token": "${API_TOKEN}"}},
        "parallel_requests": AT_ONCE,
        "streams": {"records": {"path": "records", "data_selector": "data", "paginator": paging}},
    }
    write_project(folder, "duckdb:///out.duckdb", {"api": api})
    return Command((HEADRACE.program("headrace"), "load"), folder, {"API_TOKEN": TOKEN})
