"""Every cell of the matrix: exact in the warehouse, or refused with its column and a remedy; nothing changes in silence."""

from __future__ import annotations

import importlib.util
import json
import sqlite3
import struct
import sys
from contextlib import closing
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pymysql
import pytest
from psycopg import sql as pgsql


def beside(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


matrix = beside("fidelity_matrix", Path(__file__).with_name("matrix.py"))
pulling = beside("sources_pulling", Path(__file__).parent.parent / "sources" / "pulling.py")

KINDS = """
CREATE TYPE mood AS ENUM ('happy', 'it''s');
CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN positive AS integer CHECK (value > 0);
CREATE DOMAIN cents AS numeric(8,2);
CREATE DOMAIN stamp AS timestamptz;
CREATE DOMAIN numbers AS integer[];
CREATE TYPE trio AS (p pair, q integer[]);
CREATE EXTENSION hstore; CREATE EXTENSION citext; CREATE EXTENSION ltree; CREATE EXTENSION cube; CREATE EXTENSION isn; CREATE EXTENSION vector;
"""


def cells(types):
    """Each cell is a row in which only its own column is filled."""
    at = 0
    for column, (kind, values) in enumerate(types.items()):
        for value in values:
            at += 1
            yield at, f"c{column}", kind, value


def wanted(source, types):
    refused = matrix.REFUSED[source]

    def literal(value):
        return value if isinstance(value, str) else value[0]

    return {
        (kind, literal(value)[:40]): "refused" if literal(value) in refused.get(kind, []) else "exact"
        for _, _, kind, value in cells(types)
    }


@pytest.fixture(params=matrix.TARGETS)
def target(request, tmp_path, postgres_server):
    if request.param == "duckdb":
        yield f"duckdb:///{tmp_path / 'warehouse.duckdb'}"
        return
    with psycopg.connect(postgres_server, autocommit=True) as session:
        session.execute("DROP DATABASE IF EXISTS fidelity")
        session.execute("CREATE DATABASE fidelity")
    head, question, options = postgres_server.partition("?")
    yield f"{head.rpartition('/')[0]}/fidelity{question}{options}"


def verdicts(pull, types, same):
    """What became of each cell: exact, refused, or what it was changed to."""
    refusals = {}
    for column, detail, raw in pull.rows('SELECT "column", detail, CAST(raw AS varchar) FROM headrace.quarantine'):
        assert "declare" in detail
        assert column in detail
        refusals[int(json.loads(raw)["at"]), column] = detail
    found = {}
    for at, column, kind, value in cells(types):
        shown = value if isinstance(value, str) else value[0]
        verdict = "refused" if (at, column) in refusals else same(at, column, kind, value)
        found[kind, shown[:40]] = verdict
    return found


def stored(pull, column, at):
    """A value of the warehouse as text: bytes in hexadecimal, everything else as the engine writes it."""
    kind = str(pull.connection.inspect("raw")[pulling.Table("raw", "things")].schema.get(column).type)
    duckdb = pull.connection.capabilities.dialect == "duckdb"
    if kind == "blob":
        text = f"hex({column})" if duckdb else f"upper(encode({column}, 'hex'))"
    elif kind.startswith("list"):
        text = f"CAST(to_json({column}) AS VARCHAR)"
    else:
        text = f"CAST({column} AS varchar)"
    rows = pull.rows(f'SELECT {text} FROM raw.things WHERE "at" = {at}')
    return kind, rows[0][0] if rows else "LOST"


def test_each_value_of_postgres_is_exact_or_refused(postgres_url, target, tmp_path):
    with (
        psycopg.connect(postgres_url, autocommit=True) as shop,
        closing(pulling.Pull(postgres_url, tmp_path, target)) as pull,
    ):
        shop.execute(KINDS)
        shop.execute("SET TimeZone = 'UTC'; SET lc_monetary = 'C'")
        columns = ", ".join(f"c{at} {kind}" for at, kind in enumerate(matrix.POSTGRES))
        shop.execute(f"CREATE TABLE things (at int PRIMARY KEY, {columns})")
        for at, column, _, value in cells(matrix.POSTGRES):
            shop.execute(
                pgsql.SQL(f"INSERT INTO things (at, {column}) VALUES (%s, {{}})").format(pgsql.Literal(value)), (at,)
            )

        def same(at, column, kind, value):
            kind = {"numbers": "integer[]"}.get(kind, kind)
            held, text = stored(pull, column, at)
            if text is None or text == "LOST":
                return f"lost: {text}"
            if held == "blob":
                text = f"\\x{text}"
            if "(BC)" in text:
                text = f"{text.replace(' (BC)', '')} BC"
            if kind == "json":
                equal = f"({column})::text = %s" if target.startswith("duckdb") else f"({column})::jsonb = %s::jsonb"
            elif kind.endswith("[]"):
                item = kind.removesuffix("[]")
                values = f"ARRAY(SELECT (x #>> '{{}}')::{item} FROM jsonb_array_elements(%s::jsonb) AS x)::text"
                equal = f"({column})::text = {values}"
            else:
                equal = f"({column})::text = (%s::{kind})::text"
            return (
                "exact"
                if shop.execute(f"SELECT {equal} FROM things WHERE at = {at}", (text,)).fetchone()[0]
                else text[:80]
            )

        entry = pull.load("things")

        found = verdicts(pull, matrix.POSTGRES, same)
        assert found == wanted("postgres", matrix.POSTGRES)
        assert entry.read == entry.inserted + entry.quarantined == sum(map(len, matrix.POSTGRES.values()))


def expected(pull, at, column, text):
    """Whether the value is the one that the matrix says."""
    kind, found = stored(pull, column, at)
    if found in (None, "LOST"):
        return f"lost: {found}"
    if kind in ("float", "double"):
        size = "f" if kind == "float" else "d"
        return "exact" if struct.pack(size, float(found)) == struct.pack(size, float(text)) else found
    if kind == "json" and pull.connection.capabilities.dialect == "postgres":
        return "exact" if found.replace(" ", "") == text.replace(" ", "") else found
    return "exact" if found == text else found[:80]


def test_each_value_of_sqlite_is_exact_or_refused(target, tmp_path):
    with (
        closing(sqlite3.connect(tmp_path / "shop.db", isolation_level=None)) as shop,
        closing(pulling.Pull("sqlite:///shop.db", tmp_path, target)) as pull,
    ):
        columns = ", ".join(f"c{at} {kind}" for at, kind in enumerate(matrix.SQLITE))
        shop.execute(f"CREATE TABLE things (at INTEGER PRIMARY KEY, {columns})")
        for at, column, _, (value, _text) in cells(matrix.SQLITE):
            shop.execute(f"INSERT INTO things (at, {column}) VALUES ({at}, {value})")

        pull.load("things")

        found = verdicts(pull, matrix.SQLITE, lambda at, column, kind, value: expected(pull, at, column, value[1]))
        assert found == wanted("sqlite", matrix.SQLITE)


def test_each_value_of_mysql_is_exact_or_refused(mysql_url, target, tmp_path):
    parts = urlsplit(mysql_url)
    socket = parse_qs(parts.query)["unix_socket"][0]
    with (
        pymysql.connect(unix_socket=socket, user="root", database=parts.path[1:], autocommit=True) as session,
        session.cursor() as shop,
        closing(pulling.Pull(mysql_url, tmp_path, target)) as pull,
    ):
        shop.execute("SET sql_mode = 'NO_BACKSLASH_ESCAPES', time_zone = '+00:00'")
        columns = ", ".join(f"c{at} {kind}" for at, kind in enumerate(matrix.MYSQL))
        shop.execute(f"CREATE TABLE things (at int PRIMARY KEY, {columns})")
        for at, column, _, (value, _text) in cells(matrix.MYSQL):
            shop.execute(f"INSERT INTO things (at, {column}) VALUES ({at}, {value})")

        pull.load("things")

        found = verdicts(pull, matrix.MYSQL, lambda at, column, kind, value: expected(pull, at, column, value[1]))
        assert found == wanted("mysql", matrix.MYSQL)


def test_what_was_refused_is_kept_where_text_is_declared(postgres_url, mysql_url, tmp_path):
    parts = urlsplit(mysql_url)
    socket = parse_qs(parts.query)["unix_socket"][0]
    with (
        psycopg.connect(postgres_url, autocommit=True) as shop,
        closing(pulling.Pull(postgres_url, tmp_path / "a")) as pull,
    ):
        shop.execute("CREATE TABLE things (a numeric(12,2), b integer[], c double precision[])")
        shop.execute("INSERT INTO things VALUES ('NaN', '[2:3]={1,2}', '{NaN,-0}')")
        pull.load("things", columns=dict.fromkeys("abc", "varchar"))

        assert pull.rows("SELECT a, b, c FROM raw.things") == [("NaN", "[2:3]={1,2}", "{NaN,-0}")]
    with (
        pymysql.connect(unix_socket=socket, user="root", database=parts.path[1:], autocommit=True) as session,
        session.cursor() as shop,
        closing(pulling.Pull(mysql_url, tmp_path / "b")) as pull,
    ):
        shop.execute("CREATE TABLE things (a date, b time)")
        shop.execute("INSERT INTO things VALUES ('0000-00-00', '-838:59:59')")
        pull.load("things", columns={"a": "varchar", "b": "varchar"})

        assert pull.rows("SELECT a, b FROM raw.things") == [("0000-00-00", "-838:59:59")]


def test_the_matrix_has_the_cells_that_were_promised():
    count = sum(len(values) for types in (matrix.POSTGRES, matrix.SQLITE, matrix.MYSQL) for values in types.values())

    assert count >= 145
