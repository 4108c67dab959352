"""Public dbt projects come out as dbt brought them out.

Their code is nobody's to commit, so there are tests here only where two variables of the environment name folders:
`HEADRACE_DBT_GOLDEN` has `projects.json` with what to run, and for each project `NAME.json` (a fingerprint of each relation) and
`NAME.status.json`; `HEADRACE_DBT_PROJECTS` has the projects, unpacked with their packages and a `profiles.yml` whose database is
`NAME.duckdb` beside it.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
from decimal import Decimal
from pathlib import Path

import pytest

MOVING = {"dbt_utils_it": {"main.recency_time_excluded": ["created_at"]}}
"""Columns that hold yesterday's date, which the list of what changes with the clock was made too quickly to show."""
PROJECTS = os.environ.get("HEADRACE_DBT_PROJECTS")
GOLDEN = os.environ.get("HEADRACE_DBT_GOLDEN")

if PROJECTS and GOLDEN:
    LISTED = json.loads((Path(GOLDEN) / "projects.json").read_text(encoding="utf-8"))["projects"]

    # Projects write regular expressions such as "\\s" in Jinja, of which Python's decoder, which Jinja uses, would rather not know.
    @pytest.mark.filterwarnings("ignore:invalid escape sequence")
    @pytest.mark.parametrize("case", LISTED, ids=lambda case: case["name"])
    def test_a_public_project_comes_out_as_by_dbt(case, corpus, tmp_path):
        name = case["name"]
        project = tmp_path / name
        shutil.copytree(
            Path(PROJECTS) / name, project, ignore=shutil.ignore_patterns("*.duckdb*", ".headrace", "target")
        )
        profile = corpus.duckdb_profile(case["profile"], project / f"{name}.duckdb", case["schema"] or "main")
        (project / "profiles.yml").write_text(profile, encoding="utf-8")

        outcome = corpus.run(project, case["commands"])

        assert outcome.statuses == _read(f"{name}.status.json"), outcome.messages or outcome.output
        volatile = {**case["volatile"], **MOVING.get(name, {})}
        assert _differences(_read(f"{name}.json"), _fingerprint(project / f"{name}.duckdb"), volatile) == {}


def _read(name):
    return json.loads((Path(GOLDEN) / name).read_text(encoding="utf-8"))


def _fingerprint(database):
    import duckdb

    found = {}
    with duckdb.connect(str(database), read_only=True) as connection:
        listed = connection.execute(
            "select table_schema, table_name, table_type from information_schema.tables"
            " where table_catalog = current_database() and table_schema not in ('information_schema', 'pg_catalog', 'headrace')"
        ).fetchall()
        for schema, name, kind in listed:
            relation = connection.sql(f'select * from "{schema}"."{name}"')
            columns, types = relation.columns, [str(kind) for kind in relation.types]
            if any("TIME ZONE" in kind for kind in types):
                # DuckDB itself needs a library for the zones of Python, which Arrow does not.
                values = list(zip(*(column.to_pylist() for column in relation.to_arrow_table().columns), strict=True))
            else:
                values = relation.fetchall()
            rows = [[_canonical(value) for value in row] for row in values]
            found[f"{schema}.{name}"] = {
                "type": "view" if "VIEW" in kind else "table",
                "columns": columns,
                "types": types,
                "rows": len(rows),
                "column_hash": {column: _hash(row[at] for row in rows) for at, column in enumerate(columns)},
            }
    return found


def _differences(expected, found, volatile):
    """What is not as it should be, by relation; columns listed as volatile change with the clock and are not looked at."""
    wrong = {}
    for name in expected.keys() | found.keys():
        loose = volatile.get(name, [])
        one, other = expected.get(name, {}), found.get(name, {})
        keys = ["type", "rows", "columns", "types"]
        if "*rows" in loose:
            keys.remove("rows")
        if "*columns" in loose:
            keys = ["type", "rows"]
        differing = [key for key in keys if one.get(key) != other.get(key)]
        if not any(word.startswith("*") for word in loose):
            hashes = other.get("column_hash", {})
            differing += [
                column
                for column, value in one.get("column_hash", {}).items()
                if column not in loose and hashes.get(column) != value
            ]
        if differing:
            wrong[name] = differing
    return wrong


def _hash(values):
    digest = hashlib.sha256()
    for value in sorted(values):
        digest.update(value.encode("utf8", "replace") + b"\n")
    return digest.hexdigest()[:20]


def _canonical(value):
    match value:
        case None:
            return "\\N"
        case bool():
            return "t" if value else "f"
        case float():
            return _number(value)
        case Decimal():
            return format(value.normalize(), "f")
        case bytes():
            return value.hex()
        case list() | tuple():
            return "[" + ",".join(_canonical(item) for item in value) + "]"
        case dict():
            return "{" + ",".join(f"{key}:{_canonical(item)}" for key, item in value.items()) + "}"
        case _:
            return str(value)


def _number(value):
    if math.isnan(value):
        return "nan"
    if not value.is_integer() or abs(value) > 1e15:
        return repr(float(f"{value:.9g}"))
    return str(int(value))
