"""Our own dbt projects come out as dbt-core 1.11.16 with dbt-duckdb 1.11.1 brought them out, table for table and status for status.

Each project in `own/` has a `case.json` with the commands to run, and where only some engines can, their names; `expected.json` is what dbt made of them (see `prove.py`).
"""

from __future__ import annotations

import json
from pathlib import Path

import psycopg
import pytest

COMMENTS = """
select c.relname, a.attname, d.description
from pg_description d join pg_class c on c.oid = d.objoid and d.classoid = 'pg_class'::regclass
left join pg_attribute a on a.attrelid = c.oid and a.attnum = d.objsubid and d.objsubid > 0
where c.relname in ('described', 'described_view') order by 1, 2 nulls first
"""
OWN = Path(__file__).parent / "own"


def on(engine):
    """The projects whose case names the engine; a case that names none is for all."""
    cases = {path.name: json.loads((path / "case.json").read_text("utf-8")) for path in OWN.iterdir() if path.is_dir()}
    return sorted(name for name, case in cases.items() if engine in case.get("engines", [engine]))


@pytest.mark.parametrize("name", on("duckdb"))
def test_a_project_comes_out_as_by_dbt(name, corpus, tmp_path, monkeypatch):
    case, expected = _read(corpus, name)
    database = tmp_path / "corpus.duckdb"
    project = corpus.place(
        corpus.OWN / name, tmp_path, corpus.duckdb_profile("corpus", database, more=case.get("profile"))
    )

    outcome = _run(corpus, case, project, monkeypatch)

    _compare(outcome, case, expected)
    assert corpus.ran(project, case.get("volatile", {})) == expected["ran"]
    assert corpus.masked(corpus.duckdb_relations(database, project), case.get("volatile", {})) == expected["relations"]


@pytest.mark.parametrize("name", on("postgres"))
def test_a_project_has_the_same_rows_on_postgres(name, corpus, tmp_path, postgres_url, monkeypatch):
    case, expected = _read(corpus, name)
    project = corpus.place(corpus.OWN / name, tmp_path, corpus.postgres_profile("corpus", postgres_url))

    outcome = _run(corpus, case, project, monkeypatch)

    _compare(outcome, case, expected)
    relations = corpus.masked(corpus.postgres_relations(postgres_url), case.get("volatile", {}))
    assert corpus.without_types(relations) == corpus.without_types(expected["relations"])


def test_comments_and_rights_of_a_project_are_there_on_postgres(corpus, tmp_path, postgres_url, monkeypatch):
    case, _ = _read(corpus, "kept")
    project = corpus.place(corpus.OWN / "kept", tmp_path, corpus.postgres_profile("corpus", postgres_url))

    _run(corpus, {**case, "commands": ["build"]}, project, monkeypatch)

    with psycopg.connect(postgres_url) as session:
        comments = session.execute(COMMENTS).fetchall()
        rights = session.execute(
            "select privilege_type from information_schema.role_table_grants"
            " where table_name = 'described' and grantee = 'PUBLIC'"
        ).fetchall()
    assert comments == [
        ("described", None, 'What *describes* {{ "{{" }} it\'s {{ "}}" }}.'),
        ("described", "Odd Name", "Quoted."),
        ("described", "id", "The id."),
        ("described_view", None, "A view."),
        ("described_view", "id", "Its id."),
    ]
    assert rights == [("SELECT",)]


def _run(corpus, case, project, monkeypatch):
    for name, value in case.get("env", {}).items():
        monkeypatch.setenv(name, value)
    return corpus.run(project, case["commands"])


def _compare(outcome, case, expected):
    assert outcome.agreed(case.get("one_of", ())) == expected["statuses"], outcome.messages or outcome.output
    assert (outcome.batches, outcome.listed) == (expected["batches"], expected["listed"])


def _read(corpus, name):
    folder = corpus.OWN / name
    return (
        json.loads((folder / "case.json").read_text(encoding="utf-8")),
        json.loads((folder / "expected.json").read_text(encoding="utf-8")),
    )
