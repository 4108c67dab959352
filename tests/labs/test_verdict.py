import duckdb
import pytest

from headrace.events import RowsLoaded
from headrace.labs.api import Api
from headrace.labs.demo import FAULTS, SHOP
from headrace.labs.shop import TABLES
from headrace.labs.verdict import compare, revenue_by_store
from headrace.labs.writers import write_csv

COUNTS = dict.fromkeys(("read", "inserted", "updated", "unchanged", "duplicate", "filtered", "quarantined"), 0)
LOADS = [RowsLoaded(stream=f"api.{table}", table=f"api.{table}", load="1", **COUNTS) for table in TABLES]
SAFE = [load for load in LOADS if load.stream != "api.customers"]


@pytest.fixture
def api():
    with Api(SHOP, FAULTS) as api:
        api.day = 2
        yield api


@pytest.fixture
def database(tmp_path, api):
    """What a pipeline without mistakes would have made of the API."""
    path = tmp_path / "demo.duckdb"
    connection = duckdb.connect(str(path))
    connection.execute("CREATE SCHEMA api; CREATE SCHEMA headrace")
    for table in TABLES:
        file = write_csv(tmp_path / f"{table}.csv", api.expected(table))
        connection.execute(f"CREATE TABLE api.{table} AS SELECT * FROM read_csv('{file}')")
    file = write_csv(tmp_path / "mart.csv", revenue_by_store(api))
    connection.execute(
        f"CREATE TABLE revenue_by_store AS SELECT * REPLACE (revenue::DECIMAL(12,2) AS revenue, gross::DECIMAL(12,2) AS gross) "
        f"FROM read_csv('{file}')"
    )
    connection.execute(
        'CREATE TABLE headrace.quarantine (stream VARCHAR, "column" VARCHAR, reason VARCHAR, detail VARCHAR)'
    )
    connection.execute("ALTER TABLE api.orders ALTER total TYPE DECIMAL(12, 2)")
    connection.execute("ALTER TABLE api.items ALTER price TYPE DECIMAL(12, 2)")
    connection.execute("ALTER TABLE api.products ALTER price TYPE DECIMAL(12, 2)")
    connection.execute("ALTER TABLE api.refunds ALTER amount TYPE DECIMAL(12, 2)")
    connection.close()
    return path


def change(database, statement):
    connection = duckdb.connect(str(database))
    connection.execute(statement)
    connection.close()


def wrong(verdict):
    return {one.table: one.wrong for one in verdict.compared if one.wrong}


def test_tables_without_mistakes_are_right_to_the_cent(database, api):
    verdict = compare(database, api, LOADS)

    assert wrong(verdict) == {}
    assert [one.expected for one in verdict.compared] == [one.found for one in verdict.compared]
    assert len(verdict.mart) == 6


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("UPDATE api.orders SET total = total + 0.01 WHERE order_id = 7", {"orders": 1}),
        ("DELETE FROM api.items WHERE item_id IN (3, 4)", {"items": 2}),
        ("INSERT INTO api.refunds SELECT * FROM api.refunds WHERE refund_id = 1", {"refunds": 1}),
        ("UPDATE api.orders SET updated_at = updated_at + INTERVAL 1 SECOND WHERE order_id = 9", {"orders": 1}),
        ("UPDATE revenue_by_store SET revenue = 0 WHERE store_id = 2", {"revenue_by_store": 1}),
        ("DELETE FROM api.stores", {"stores": 6}),
    ],
)
def test_a_row_that_is_missing_twice_or_different_is_found(database, api, statement, found):
    change(database, statement)

    verdict = compare(database, api, LOADS)

    assert wrong(verdict) == found
    assert not verdict.ok


def test_personal_data_in_the_warehouse_is_found(database, api):
    assert compare(database, api, LOADS).personal == ("email", "name", "phone", "street")

    for column in ("name", "email", "phone", "street"):
        change(database, f"ALTER TABLE api.customers DROP COLUMN {column}")

    assert compare(database, api, LOADS).personal == ()


def test_what_is_in_quarantine_is_shown(database, api):
    change(database, "INSERT INTO headrace.quarantine VALUES ('api.orders', 'total', 'type', '12,50 EUR')")

    assert compare(database, api, SAFE).quarantine == (("api.orders", "total", "type", "12,50 EUR"),)
