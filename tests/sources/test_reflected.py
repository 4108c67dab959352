"""`tables: all` and patterns, and `source add` of a database, from the command line."""

from __future__ import annotations

import json
import sqlite3

import psycopg
import pytest
import yaml


def project(headrace, **source):
    (headrace.folder / "sources").mkdir(exist_ok=True)
    (headrace.folder / "sources" / "shop.yml").write_text(yaml.safe_dump({"type": "database", **source}))


@pytest.fixture
def shop(headrace):
    session = sqlite3.connect(headrace.folder / "shop.db", isolation_level=None)
    for table in ("customers", "sales_2024", "sales_2025", "secrets"):
        session.execute(f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, updated_at TIMESTAMP, what TEXT)")
        session.execute(f"INSERT INTO {table} VALUES (1, '2024-01-01 00:00:00', '{table}')")
    session.execute("CREATE VIEW a_view AS SELECT * FROM customers")
    yield session
    session.close()


def streams(headrace):
    done = headrace("ls", "--resource-type", "source", "-o", "json")
    assert done.returncode == 0, done.stderr
    return sorted(node["unique_id"].rpartition(".")[2] for node in json.loads(done.stdout)["nodes"])


def test_all_tables_are_streams_but_those_that_are_left_out(headrace, shop):
    project(headrace, url="sqlite:///shop.db", tables="all", excluded_tables=["secr*"])

    loaded = headrace("load")

    assert loaded.returncode == 0, loaded.stdout + loaded.stderr
    assert streams(headrace) == ["customers", "sales_2024", "sales_2025"]


def test_a_pattern_stands_beside_names_and_a_stream_that_is_written_out_is_the_table_s_own(headrace, shop):
    project(
        headrace,
        url="sqlite:///shop.db",
        tables=["customers", "sales_*"],
        streams={"last": {"table": "sales_2025"}, "sales_2024": {"excluded_columns": "what"}},
    )

    asked = headrace("source", "tables")

    assert asked.stdout.split() == ["shop.sales_2024", "shop.sales_2025"]
    assert streams(headrace) == ["customers", "last", "sales_2024"]


def test_reading_a_project_asks_no_database(headrace, shop):
    project(headrace, url="sqlite:///shop.db", tables="all")
    before = headrace("ls")
    headrace("source", "tables")
    (headrace.folder / "shop.db").rename(headrace.folder / "away.db")

    assert "is not known yet" in before.stderr
    assert streams(headrace) == ["customers", "sales_2024", "sales_2025", "secrets"]


def test_a_table_that_came_and_one_that_is_gone_are_told(headrace, shop):
    project(headrace, url="sqlite:///shop.db", tables=["sales_*"])
    headrace("load")
    shop.execute("DROP TABLE sales_2024")
    shop.execute("CREATE TABLE sales_2026 (id INTEGER PRIMARY KEY)")

    asked = headrace("source", "tables")
    again = headrace("source", "tables")

    assert "the table sales_2026 is new" in asked.stderr
    assert "the table sales_2024 is gone" in asked.stderr
    assert again.stderr == ""
    assert headrace("load").returncode == 0


def test_a_database_that_is_away_is_what_it_last_was_and_an_error_if_it_never_was_seen(headrace, shop):
    project(headrace, url="sqlite:///shop.db", tables="all")
    (headrace.folder / "shop.db").rename(headrace.folder / "away.db")
    never = headrace("source", "tables")
    (headrace.folder / "away.db").rename(headrace.folder / "shop.db")
    headrace("source", "tables")
    (headrace.folder / "shop.db").rename(headrace.folder / "away.db")

    known = headrace("source", "tables")

    assert never.returncode != 0
    assert "Traceback" not in never.stderr
    assert "taken to be what they last were" in known.stderr
    assert "shop.customers" in known.stdout


def test_a_source_whose_tables_are_not_asked_is_named_with_its_neighbour(headrace, shop):
    project(headrace, url="sqlite:///shop.db", tables="all")

    done = headrace("source", "tables", "shp")

    assert done.returncode == 2
    assert "did you mean 'shop'?" in done.stderr


def test_a_database_is_written_down_with_keys_and_cursors_and_without_its_password(headrace, postgres_url):
    with psycopg.connect(postgres_url, autocommit=True) as session:
        session.execute("CREATE TABLE orders (id int PRIMARY KEY, created_at timestamptz, updated_at timestamptz)")
        session.execute("CREATE TABLE lines (a int, b int, PRIMARY KEY (b, a))")
        session.execute("CREATE TABLE notes (what text, changed_at timestamp)")
        session.execute("CREATE TABLE parts (id int) PARTITION BY RANGE (id)")
        session.execute("CREATE TABLE part_one PARTITION OF parts FOR VALUES FROM (1) TO (9)")
        session.execute("INSERT INTO orders VALUES (1, now(), now())")
    url = postgres_url.replace("postgres:@", "postgres:s3cr%20t!@")

    done = headrace("source", "add", "shop", url)

    assert done.returncode == 0, done.stderr
    written = (headrace.folder / "sources" / "shop.yml").read_text()
    assert "s3cr" not in written + done.stdout + done.stderr
    assert "set SHOP_PASSWORD to it" in done.stderr
    source = yaml.safe_load(written)
    assert source["url"] == postgres_url.replace("postgres:@", "postgres:${SHOP_PASSWORD}@")
    assert source["streams"] == {
        "lines": {"primary_key": ["b", "a"]},
        "notes": {},
        "orders": {"primary_key": "id", "incremental": "updated_at"},
        "parts": {},
    }
    tested = headrace("source", "test", SHOP_PASSWORD="s3cr%20t!")
    assert tested.returncode == 0, tested.stdout + tested.stderr
    assert "id" in headrace("source", "peek", "shop.orders", SHOP_PASSWORD="s3cr%20t!").stdout


def test_a_database_without_the_wanted_tables_is_not_written_down(headrace, shop):
    done = headrace("source", "add", "shop", "sqlite:///shop.db", "--stream", "nothing_*")

    assert done.returncode != 0
    assert "nothing_*" in done.stderr
    assert not (headrace.folder / "sources" / "shop.yml").exists()


@pytest.fixture
def two_schemas(postgres_url):
    with psycopg.connect(postgres_url, autocommit=True) as session:
        for schema in ("sales", "sales_old", "crm"):
            session.execute(f"CREATE SCHEMA {schema}")
            session.execute(f"CREATE TABLE {schema}.orders (id int PRIMARY KEY, what text)")
            session.execute(f"INSERT INTO {schema}.orders VALUES (1, '{schema}')")
        session.execute("CREATE TABLE crm.people (id int PRIMARY KEY)")
    return postgres_url


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ({"tables": ["sales.*", "crm.*"]}, ["crm__orders", "crm__people", "sales__orders"]),
        ({"schema": ["sales", "crm"], "tables": "all"}, ["crm__orders", "crm__people", "sales__orders"]),
        ({"schema": "sales*", "tables": "all"}, ["sales__orders", "sales_old__orders"]),
        ({"tables": ["sales*.orders"], "excluded_tables": ["sales_old.*"]}, ["sales__orders"]),
        ({"schema": "crm", "tables": "all"}, ["orders", "people"]),
        ({"tables": ["crm.*"]}, ["orders", "people"]),
        ({"tables": ["sales.orders", "crm.orders", "crm.people"]}, ["crm__orders", "people", "sales__orders"]),
        (
            {"tables": ["sales.*", "crm.*"], "streams": {"clients": {"table": "crm.people"}, "sales__orders": {"tags": "x"}}},
            ["clients", "crm__orders", "sales__orders"],
        ),
    ],
    ids=["patterns", "list", "pattern of schemas", "both patterns", "one schema", "one pattern", "names", "written out"],
)  # fmt: skip
def test_tables_of_several_schemas_do_not_take_each_others_names(headrace, two_schemas, source, expected):
    project(headrace, url=two_schemas, **source)

    loaded = headrace("load")

    assert loaded.returncode == 0, loaded.stdout + loaded.stderr
    assert streams(headrace) == expected


def test_rows_of_two_schemas_arrive_in_two_tables(headrace, two_schemas):
    project(headrace, url=two_schemas, tables=["sales.*", "crm.*"])

    headrace("load")

    asked = headrace(
        "show", "--inline", "SELECT what FROM shop.sales__orders UNION SELECT what FROM shop.crm__orders ORDER BY 1"
    )
    assert ("crm" in asked.stdout, "sales" in asked.stdout) == (True, True), asked.stderr


def test_a_stream_of_a_source_of_several_schemas_says_its_own(headrace, two_schemas):
    project(headrace, url=two_schemas, schema=["sales", "crm"], streams={"orders": {}})

    done = headrace("load")

    assert done.returncode != 0
    assert "`table: schema.orders`" in done.stdout + done.stderr


def test_a_source_of_several_schemas_is_written_down_with_them(headrace, two_schemas):
    done = headrace("source", "add", "shop", two_schemas, "--stream", "sales.*", "--stream", "crm.*")

    assert done.returncode == 0, done.stderr
    written = yaml.safe_load((headrace.folder / "sources" / "shop.yml").read_text())
    assert written["streams"]["crm__people"] == {"table": "crm.people", "primary_key": "id"}
    assert headrace("load").returncode == 0
