"""Changed rows, four updates to one insert, merged into a table ten times their number."""

from __future__ import annotations

import json
import shutil
import subprocess
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from case import Case, Contestant, Lab, apart, program
from inputs import write_changes
from measure import Command, bare
from serving import serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ROWS = 1_000_000


@contextmanager
def race_duckdb(lab: Lab) -> Iterator[Case]:
    base, changes, title = _inputs(lab)
    lab.fresh("prepared")
    raw, dlt = partial(_file_raw, lab, base, changes), partial(_file_dlt, lab, base, changes)
    yield Case(
        "merge-duckdb",
        f"{title} on DuckDB",
        (
            Contestant("delete + insert", partial(raw, "delete"), file_answer),
            Contestant("merge into", partial(raw, "merge"), file_answer),
            Contestant("headrace", partial(_file_headrace, lab, base, changes), file_answer, goal=2),
            Contestant("dlt parquet", dlt, file_answer, slow=True),
        ),
    )


@contextmanager
def race_postgres(lab: Lab) -> Iterator[Case]:
    base, changes, title = _inputs(lab)
    lab.fresh("prepared")
    with serving("postgres.py", lab.fresh("postgres")) as server:
        url = server["url"]
        raw, answer = partial(_server_raw, url, base, changes), partial(_server_answer, url)
        yield Case(
            "merge-postgres",
            f"{title} on Postgres",
            (
                Contestant("delete + insert", partial(raw, "delete"), answer),
                Contestant("merge into", partial(raw, "merge"), answer),
                Contestant("headrace", partial(_server_headrace, lab, url, base, changes), answer, goal=2),
            ),
            server["pid"],
        )


def _inputs(lab: Lab) -> tuple[Path, Path, str]:
    rows = lab.rows or ROWS
    step, more = 12, rows // 50
    base = lab.folder("inputs") / f"base-{rows}.parquet"
    changes = lab.folder("inputs") / f"changes-{rows}.parquet"
    apart(write_changes, base, rows, 0)
    apart(write_changes, changes, rows, 1, step, more)
    return base, changes, f"{rows // step + more:,} changed rows into {rows:,}"


def _restored(lab: Lab, name: str, folder: Path, make: Callable[[], None]) -> None:
    """The folder as `make` left it the first time, at the same path and with the same times of files."""
    kept = lab.folder("prepared") / name
    if not kept.exists():
        make()
        shutil.copytree(folder, kept)
    shutil.copytree(kept, folder, dirs_exist_ok=True)


def _do(command: Command) -> None:
    """Run a command whose cost does not count."""
    environ = bare() | dict(command.environ)
    done = subprocess.run(command.argv, cwd=command.folder, env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command.argv} ended with {done.returncode}: {done.stdout[-2000:]}{done.stderr[-2000:]}")


def _file_raw(lab: Lab, base: Path, changes: Path, way: str, folder: Path) -> Command:
    def make() -> None:
        _do(program("raw_merge_duckdb.py", "base", base, folder=folder))

    _restored(lab, "raw", folder, make)
    return program("raw_merge_duckdb.py", way, changes, folder=folder)


def _file_dlt(lab: Lab, base: Path, changes: Path, folder: Path) -> Command:
    def make() -> None:
        _do(program("dlt_merge.py", base, folder=folder, python=lab.dlt()))

    _restored(lab, "dlt", folder, make)
    return program("dlt_merge.py", changes, folder=folder, python=lab.dlt())


def _file_headrace(lab: Lab, base: Path, changes: Path, folder: Path) -> Command:
    command = Command((lab.headrace, "load"), folder, {})
    _restored(lab, "headrace", folder, partial(_first_load, command, "duckdb:///out.duckdb", base))
    shutil.copy2(changes, folder / "data")
    return command


def _first_load(command: Command, url: str, base: Path) -> None:
    """A project of headrace whose table holds the base."""
    stream = {"path": "data/*.parquet", "primary_key": ["id"], "write_disposition": "merge"}
    lake = {"type": "files", "streams": {"records": stream}}
    project = {"name": "race", "targets": {"dev": url}, "sources": {"lake": lake}}
    (command.folder / "headrace.yml").write_text(json.dumps(project))
    (command.folder / "data").mkdir()
    shutil.copy2(base, command.folder / "data")
    _do(command)


def file_answer(folder: Path) -> Any:
    import duckdb

    with duckdb.connect(str(folder / "out.duckdb"), read_only=True) as session:
        session.execute("SET TimeZone = 'UTC'")
        [(schema,)] = session.execute(
            "SELECT table_schema FROM information_schema.tables WHERE table_name = 'records' AND table_schema NOT LIKE '%staging'"
        ).fetchall()
        found = session.execute(
            f"SELECT count(*), count(DISTINCT id), sum(amount), sum(quantity), max(epoch(updated_at)), "
            f"bit_xor(hash(id, status, note, name)) FROM {schema}.records"
        ).fetchone()
        return [str(value) for value in found or ()]


def _server_raw(url: str, base: Path, changes: Path, way: str, folder: Path) -> Command:
    if not _database(url, "base_raw"):
        _sql(url, "CREATE DATABASE base_raw")
        _do(program("raw_merge_postgres.py", "base", base, _named(url, "base_raw"), folder=folder))
    _copy(url, "base_raw")
    return program("raw_merge_postgres.py", way, changes, _named(url, "race"), folder=folder)


def _server_headrace(lab: Lab, url: str, base: Path, changes: Path, folder: Path) -> Command:
    argv = (lab.headrace, "load")

    def make() -> None:
        _sql(url, "CREATE DATABASE base_headrace")
        _first_load(Command(argv, folder, {"RACE_URL": _named(url, "base_headrace")}), "${RACE_URL}", base)

    _restored(lab, "headrace", folder, make)
    _copy(url, "base_headrace")
    shutil.copy2(changes, folder / "data")
    return Command(argv, folder, {"RACE_URL": _named(url, "race")})


def _copy(url: str, template: str) -> None:
    """A database `race` as the template is, with nothing left to be written out."""
    _sql(url, "DROP DATABASE IF EXISTS race")
    _sql(url, f"CREATE DATABASE race TEMPLATE {template}")
    _sql(_named(url, "race"), "VACUUM ANALYZE")
    _sql(url, "CHECKPOINT")


def _named(url: str, database: str) -> str:
    return url.replace("/postgres?", f"/{database}?")


def _sql(url: str, statement: str) -> list[tuple[Any, ...]]:
    import psycopg

    with psycopg.connect(url, autocommit=True) as session:
        cursor = session.execute(statement)  # type: ignore[arg-type]
        return cursor.fetchall() if cursor.description else []


def _database(url: str, name: str) -> bool:
    return bool(_sql(url, f"SELECT 1 FROM pg_database WHERE datname = '{name}'"))


def _server_answer(url: str, _folder: Path) -> Any:
    race = _named(url, "race")
    [(schema,)] = _sql(race, "SELECT table_schema FROM information_schema.tables WHERE table_name = 'records'")
    found = _sql(
        race,
        f"SELECT count(*), count(DISTINCT id), sum(amount), sum(quantity), extract(epoch FROM max(updated_at))::bigint, "
        f"sum(hashtext(id || status || note || name)) FROM {schema}.records",
    )
    return [str(value) for value in found[0]]
