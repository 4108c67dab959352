"""What DuckDB holds while rows are only loaded."""

import duckdb
import pytest

from headrace.cli.main import invoke
from headrace.cli.options import Asked
from headrace.errors import MemoryExhausted
from headrace.project.setup import Setup
from headrace.warehouse import bound
from headrace.warehouse.opening import open_warehouse

LIMIT = "SELECT parse_formatted_bytes(current_setting('memory_limit')) >> 20"
HUNGRY = "SELECT len(list(range)) FROM range(20000000)"


@pytest.fixture
def url(tmp_path):
    return f"duckdb:///{tmp_path}/x.duckdb"


def limit(warehouse):
    with warehouse.connect() as connection:
        return connection.rows(LIMIT)[0][0]


@pytest.mark.parametrize("said", [{"settings": {"memory_limit": "2GiB"}}, {"config": {"Max_Memory": "2GiB"}}])
def test_a_limit_that_is_said_is_kept(url, said):
    warehouse = open_warehouse(url, setup=Setup(**said), little=True)

    assert limit(warehouse) == 2048
    warehouse.close()


def test_loading_alone_takes_less_memory_than_anything_else(url):
    little = open_warehouse(url, little=True)
    bounded = limit(little)
    little.close()
    full = open_warehouse(url)

    assert 512 < bounded < limit(full)
    full.close()


def test_a_statement_that_needs_more_lifts_the_bound_and_may_be_done_again(url, monkeypatch):
    monkeypatch.setattr(bound, "LEAST", 40)
    monkeypatch.setattr(bound, "EACH_THREAD", 0)
    warehouse = open_warehouse(url, little=True)
    first, second = warehouse.connect(), warehouse.connect()
    assert first.rows(LIMIT) == [(40,)]

    with pytest.raises(MemoryExhausted, match="Out of Memory") as failed:
        first.rows(HUNGRY)

    assert failed.value.transient
    assert second.rows(HUNGRY) == [(20_000_000,)]
    for connection in (first, second):
        connection.close()
    warehouse.close()


def test_a_table_of_arrow_that_needs_more_lifts_the_bound_too(url, monkeypatch):
    monkeypatch.setattr(bound, "LEAST", 40)
    monkeypatch.setattr(bound, "EACH_THREAD", 0)
    warehouse = open_warehouse(url, little=True)

    with warehouse.connect() as connection:
        with pytest.raises(MemoryExhausted) as failed:
            connection.local.table(HUNGRY)
        again = connection.local.table(HUNGRY)
    warehouse.close()

    assert failed.value.transient
    assert again.column(0).to_pylist() == [20_000_000]


def test_a_limit_that_is_said_is_not_lifted(url):
    warehouse = open_warehouse(url, setup=Setup(settings={"memory_limit": "40MB"}), little=True)

    with warehouse.connect() as connection, pytest.raises(MemoryExhausted, match="Out of Memory") as failed:
        connection.rows(HUNGRY)

    assert not failed.value.transient
    warehouse.close()


def test_a_load_that_needs_more_is_done_again_without_the_bound(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(bound, "LEAST", 40)
    monkeypatch.setattr(bound, "EACH_THREAD", 0)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows.jsonl").write_text("".join(f'{{"id": {at}, "x": "{at}"}}\n' for at in range(100_000)))

    words = ["load", "rows.jsonl", "duckdb:///x.duckdb"]
    code = invoke(words, Asked.first_look(words))

    told = capsys.readouterr()
    assert code == 0, told
    assert "done again without a bound" in told.out + told.err
    with duckdb.connect(str(tmp_path / "x.duckdb")) as session:
        assert session.sql("SELECT count(*), count(DISTINCT id) FROM main.rows").fetchall() == [(100_000, 100_000)]
        assert session.sql("SELECT count(*) FROM headrace.loads").fetchall() == [(1,)]
