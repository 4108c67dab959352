"""From a URL to a warehouse."""

from __future__ import annotations

import subprocess
import sys

import duckdb
import pytest

from headrace.errors import ConfigInvalid, DriverMissing, ExtensionMissing, StatementFailed, WarehouseUnavailable
from headrace.project.setup import Attached, Setup
from headrace.sql.operations import CreateSchema
from headrace.table import Table
from headrace.warehouse.opening import open_warehouse


def test_three_slashes_are_a_path_from_here_and_its_folder_is_made(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    open_warehouse("duckdb:///data/shop.duckdb").close()

    assert (tmp_path / "data" / "shop.duckdb").exists()


def test_four_slashes_are_a_path_from_the_root(tmp_path):
    open_warehouse(f"duckdb:///{tmp_path}/shop.duckdb").close()

    assert (tmp_path / "shop.duckdb").exists()


@pytest.mark.parametrize("url", ["duckdb://", "duckdb://:memory:", "duckdb:///:memory:"])
def test_a_database_in_memory_is_shared_by_its_sessions(url):
    warehouse = open_warehouse(url)

    with warehouse.connect() as one, warehouse.connect() as other:
        one.execute("CREATE TABLE t AS SELECT 1 AS id")
        found = other.rows("SELECT * FROM t")
    warehouse.close()

    assert found == [(1,)]


def test_sessions_tell_time_in_utc(warehouse):
    with warehouse.connect() as session:
        assert session.rows("SELECT CAST(TIMESTAMP WITH TIME ZONE '2024-07-01 00:00:00+02' AS varchar)") == [
            ("2024-06-30 22:00:00+00",)
        ]


def test_an_unknown_engine_is_told_with_the_nearest_name():
    with pytest.raises(ConfigInvalid) as caught:
        open_warehouse("duckbd:///x")

    assert "duckbd" in caught.value.what
    assert caught.value.hint == "did you mean 'duckdb'?"


def test_what_is_no_url_is_told():
    with pytest.raises(ConfigInvalid, match=r"engine://place"):
        open_warehouse("shop.duckdb")


def test_a_file_that_another_process_holds_is_told_with_its_number(tmp_path):
    path = tmp_path / "shop.duckdb"
    hold = f"import duckdb, sys; c = duckdb.connect({str(path)!r}); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        other.stdout.readline()

        with pytest.raises(WarehouseUnavailable) as caught:
            open_warehouse(f"duckdb:///{path}")

        other.communicate()
    assert str(other.pid) in caught.value.what
    assert "DuckDB lets one process write" in caught.value.hint


def test_a_file_that_is_no_database_is_told(tmp_path):
    path = tmp_path / "shop.duckdb"
    path.write_text("this is not a database, and long enough to have a header " * 100)

    with pytest.raises(WarehouseUnavailable, match=r"shop\.duckdb"):
        open_warehouse(f"duckdb:///{path}")


def test_a_server_that_is_not_there_is_told_without_the_password():
    warehouse = open_warehouse("postgresql://etl:secret@127.0.0.1:1/dw")

    with pytest.raises(WarehouseUnavailable) as caught:
        warehouse.connect()
    warehouse.close()

    assert "127.0.0.1:1/dw" in caught.value.what
    assert "secret" not in str(caught.value)


def test_a_driver_that_is_not_installed_is_told_with_what_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    monkeypatch.delitem(sys.modules, "headrace.warehouse.postgres", raising=False)

    with pytest.raises(DriverMissing) as caught:
        open_warehouse("postgresql://localhost/dw")

    assert caught.value.hint == "pip install 'headrace[postgres]'"


@pytest.mark.parametrize("database", ["lake", "Main"])
def test_a_database_may_be_called_as_one_of_its_schemas(tmp_path, database):
    path = tmp_path / f"{database}.duckdb"
    schema = database.lower()

    for table in ("a", "b"):
        warehouse = open_warehouse(f"duckdb:///{path}", {schema})
        with warehouse.connect() as connection:
            connection.run(CreateSchema(schema))
            connection.execute(f"CREATE TABLE {schema}.{table} AS SELECT 1 AS id")
            found = sorted(each.name for each in connection.inspect(schema))
        warehouse.close()

    assert found == ["a", "b"]


def test_a_database_that_has_a_schema_of_its_name_is_read_without_being_told(tmp_path):
    url = f"duckdb:///{tmp_path / 'lake.duckdb'}"
    with duckdb.connect(str(tmp_path / "lake.duckdb")) as session:
        session.execute("CREATE SCHEMA lake; CREATE TABLE lake.lake.t AS SELECT 7 AS id")

    warehouse = open_warehouse(url)
    with warehouse.connect() as connection:
        found = connection.rows('SELECT id FROM "lake"."t"')
    warehouse.close()

    assert found == [(7,)]


def test_a_conflict_of_two_transactions_of_duckdb_may_pass_when_tried_again(tmp_path):
    warehouse = open_warehouse(f"duckdb:///{tmp_path / 'shared.duckdb'}")

    with warehouse.connect() as one, warehouse.connect() as other:
        one.execute("CREATE TABLE t AS SELECT 1 AS a")
        with one.transaction():
            one.execute("UPDATE t SET a = 2")
            with pytest.raises(StatementFailed) as refused, other.transaction():
                other.execute("UPDATE t SET a = 3")
    warehouse.close()

    assert refused.value.transient


def test_an_extension_that_is_not_there_is_refused_and_never_fetched():
    with pytest.raises(ExtensionMissing, match="'spatial_nowhere' is not installed"):
        open_warehouse("duckdb://", (), Setup(extensions=("spatial_nowhere",)))


def test_settings_hold_in_each_session_and_paths_begin_at_the_folder(tmp_path):
    (tmp_path / "a.csv").write_text("id\n1\n", encoding="utf-8")
    warehouse = open_warehouse("duckdb://", (), Setup(folder=tmp_path, settings={"preserve_insertion_order": "false"}))

    with warehouse.connect() as first, warehouse.connect() as second:
        for session in (first, second):
            assert session.rows("select current_setting('preserve_insertion_order')") == [(False,)]
            assert session.rows("select * from 'a.csv'") == [(1,)]
    warehouse.close()


def test_a_database_beside_is_attached_and_its_schemas_are_made_and_seen(tmp_path):
    setup = Setup(attached=(Attached(str(tmp_path / "side.duckdb"), "side"),))
    warehouse = open_warehouse("duckdb://", (), setup)

    with warehouse.connect() as session:
        session.run(CreateSchema("raw", "side"))
        session.execute("create table side.raw.t (a integer)")
        assert list(session.inspect("raw", database="side")) == [Table("raw", "t", "side")]
        assert session.inspect("raw") == {}
    warehouse.close()


def test_a_setting_that_duckdb_does_not_know_is_told_without_its_value():
    warehouse = open_warehouse("duckdb://", (), Setup(settings={"memory_limti": "hidden"}))

    with pytest.raises(ConfigInvalid, match="memory_limti") as caught:
        warehouse.connect()

    assert "hidden" not in caught.value.what
    warehouse.close()
