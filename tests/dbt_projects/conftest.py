"""dbt projects run by headrace, and what came of them in a form that can be compared with what dbt made."""

from __future__ import annotations

import contextlib
import datetime as dt
import decimal
import io
import json
import math
import os
import shlex
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from headrace.cli.main import invoke
from headrace.cli.options import Asked

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

OWN = Path(__file__).parent / "own"
ARTIFACTS = ("run_results.json", "sources.json")
_ENDINGS = ("successful", "failed")
LISTED = (
    "select table_schema, table_name, table_type from information_schema.tables"
    " where table_schema not in ('information_schema', 'pg_catalog', 'headrace')"
    " and table_catalog = current_database() and table_name not like '%\\_\\_dbt\\_tmp%' escape '\\' order by 1, 2"
)


@dataclass
class Outcome:
    """What a project's commands came to: the status of each node by the last command that did it, and what went wrong.

    `batches` are the windows of microbatch models that a command with an end of time built and failed to build, `listed` what `ls`
    printed, both command by command.
    """

    statuses: dict[str, str] = field(default_factory=dict)
    messages: dict[str, str] = field(default_factory=dict)
    batches: list[dict[str, Any]] = field(default_factory=list)
    listed: list[list[str]] = field(default_factory=list)
    output: str = ""

    def note(self, command: str, target: Path, said: str) -> bool:
        """Take in what one command printed and wrote into `target`; whether it wrote anything."""
        if command.startswith(("ls", "list")):
            self.listed.append(sorted(line for line in said.splitlines() if line.strip()))
            return True
        paths = (target / name for name in ARTIFACTS)
        found = [path for path in paths if path.exists() and path.stat().st_mtime]
        for path in found:
            self._read(command, json.loads(path.read_text(encoding="utf-8"))["results"])
        return bool(found)

    def _read(self, command: str, results: Sequence[dict[str, Any]]) -> None:
        for one in results:
            self.statuses[one["unique_id"]] = one["status"]
            self.messages.pop(one["unique_id"], None)
            if one["status"] not in ("success", "pass", "skipped"):
                self.messages[one["unique_id"]] = str(one.get("message") or one.get("error"))
        windows = {one["unique_id"]: _batches(one) for one in results if one.get("batch_results")}
        if windows and ("event-time-end" in command or "retry" in command):
            self.batches.append(dict(sorted(windows.items())))

    def agreed(self, groups: Sequence[Sequence[str]]) -> dict[str, str]:
        """The statuses, those of a group in order of the alphabet: dbt does its nodes in an order of chance."""
        found = dict(self.statuses)
        for group in groups:
            found |= dict(zip(group, sorted(found[one] for one in group), strict=True))
        return dict(sorted(found.items()))


class Corpus:
    """The tools of these tests, without a state of their own."""

    OWN = OWN

    def place(self, project: Path, folder: Path, profile: str) -> Path:
        """A copy of a project to run in, with this `profiles.yml`."""
        copy = folder / project.name
        shutil.copytree(project, copy)
        (copy / "profiles.yml").write_text(profile, encoding="utf-8")
        return copy

    def duckdb_profile(
        self, name: str, database: Path, schema: str = "main", more: dict[str, Any] | None = None
    ) -> str:
        """A `profiles.yml` for a file of DuckDB; `more` are keys of the output that a case asks for."""
        output = {"type": "duckdb", "path": str(database), "schema": schema, "threads": 4, **(more or {})}
        return json.dumps({name: _profile(output)})

    def postgres_profile(self, name: str, url: str, schema: str = "main") -> str:
        from psycopg.conninfo import conninfo_to_dict

        said = conninfo_to_dict(url)
        keys = {"host": said["host"], "user": said.get("user", "postgres"), "password": said.get("password", "")}
        port = int(said.get("port", 5432))
        more = {"port": port, "dbname": said["dbname"], "schema": schema, "threads": 4}
        return json.dumps({name: _profile({"type": "postgres", **keys, **more})})

    def run(self, project: Path, commands: Sequence[str]) -> Outcome:
        """Headrace does the commands, one after the other; where one ends with an error the next still runs, as in a shell."""
        outcome = Outcome()
        for command in commands:
            words = [*split(command), "--quiet", "--project-dir", str(project), "--profiles-dir", str(project)]
            said, wrong = io.StringIO(), io.StringIO()
            self.forget(project)
            here = contextlib.chdir(project)  # where dbt takes the folder of --state from
            with here, contextlib.redirect_stdout(said), contextlib.redirect_stderr(wrong):
                invoke(words, Asked.first_look(words))
            outcome.output += said.getvalue() + wrong.getvalue()
            outcome.note(command, project / "target", said.getvalue())
        return outcome

    def forget(self, project: Path) -> None:
        """Mark what the command before this one wrote as old, and keep it in `before`, for `retry` and `--state before`."""
        target, before = project / "target", project / "before"
        for path in (target / name for name in ("manifest.json", *ARTIFACTS)):
            if path.exists():
                before.mkdir(exist_ok=True)
                shutil.copy(path, before / path.name)
                os.utime(path, (0, 0))

    def ran(self, project: Path, volatile: dict[str, list[str]]) -> list[str]:
        """The files of `target/run` that models, seeds and snapshots have there, but for the batches of what changes with the clock."""
        folder = project / "target" / "run"
        found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
        clocked = tuple(f"/{name.partition('.')[2]}/" for name in volatile)
        return sorted(path for path in found if not any(part in path for part in (".yml/", "/tests/", *clocked)))

    def duckdb_relations(self, database: Path, project: Path) -> dict[str, Any]:
        """All relations; views over files of the project name them from its folder."""
        import duckdb

        with duckdb.connect(str(database), read_only=True) as connection:
            connection.execute(f"set file_search_path = '{project}'")
            return dict(_relations(lambda query: _duckdb_rows(connection, query)))

    def postgres_relations(self, url: str) -> dict[str, Any]:
        import psycopg

        with psycopg.connect(url) as connection:
            return dict(_relations(lambda query: _postgres_rows(connection, query)))

    def masked(self, relations: dict[str, Any], volatile: dict[str, list[str]]) -> dict[str, Any]:
        """The same with what changes with the clock blotted out."""
        return {name: _masked(said, volatile.get(name, [])) for name, said in relations.items()}

    def without_types(self, relations: dict[str, Any]) -> dict[str, Any]:
        """The same with the columns' names only, for another engine."""
        return {name: {"columns": list(said["columns"]), "rows": said["rows"]} for name, said in relations.items()}


@pytest.fixture
def corpus() -> Corpus:
    return Corpus()


def split(command: str) -> list[str]:
    """A command line as in `case.json`, where JSON after `--vars` is written without quotes around it."""
    head, flag, rest = command.partition("--vars ")
    return [*shlex.split(head), *([flag.strip(), rest] if flag else [])]


def _batches(one: dict[str, Any]) -> dict[str, Any]:
    """How a microbatch model ended, and its windows as one line each."""
    windows = {
        key: [" - ".join(edge[:19] for edge in window) for window in one["batch_results"][key]] for key in _ENDINGS
    }
    return {"status": one["status"], **windows}


def _profile(output: dict[str, Any]) -> dict[str, Any]:
    return {"target": "dev", "outputs": {"dev": output}}


def _duckdb_rows(connection: Any, query: str) -> tuple[list[tuple[str, str]], list[tuple[Any, ...]]]:
    cursor = connection.execute(query)
    return [(column[0], str(column[1])) for column in cursor.description], cursor.fetchall()


def _postgres_rows(connection: Any, query: str) -> tuple[list[tuple[str, str]], list[tuple[Any, ...]]]:
    cursor = connection.execute(query)
    return [(column.name, column.type_display) for column in cursor.description], cursor.fetchall()


def _relations(ask: Any) -> Iterator[tuple[str, Any]]:
    for schema, name, kind in ask(LISTED)[1]:
        columns, rows = ask(f'select * from "{schema}"."{name}"')
        written = sorted([canonical(value) for value in row] for row in rows)
        yield (
            f"{schema}.{name}",
            {"kind": "view" if "VIEW" in kind else "table", "columns": dict(columns), "rows": written},
        )


def _masked(said: dict[str, Any], names: list[str]) -> dict[str, Any]:
    hidden = [name in names for name in said["columns"]]
    rows = sorted(["~" if hide else value for value, hide in zip(row, hidden, strict=True)] for row in said["rows"])
    return {**said, "rows": rows}


def canonical(value: Any) -> str:
    """A value as text that is the same whatever engine it came from."""
    match value:
        case None:
            return "NULL"
        case bool():
            return "true" if value else "false"
        case float() if math.isfinite(value):
            return format(decimal.Decimal(f"{value:.9g}").normalize(), "f")
        case int() | decimal.Decimal():
            return format(decimal.Decimal(value).normalize(), "f")
        case dt.datetime():
            return value.isoformat(" ")
        case _:
            return str(value)
