"""What a relation of PostgreSQL carries beside its rows survives that it, or a table under it, is replaced (dlt#2428)."""

import pytest

from headrace.errors import StatementFailed
from headrace.publish import publish
from headrace.sql.operations import CreateSchema, CreateTableAs, SetView
from headrace.table import Table
from headrace.warehouse.opening import open_warehouse

ORDERS, BUILT = Table("raw", "orders"), Table("raw", "orders__built")
SETUP = """
CREATE TABLE raw.orders AS SELECT 1 AS id, 'old' AS state, true AS gone;
CREATE VIEW raw.shown WITH (security_invoker=true, security_barrier=true) AS SELECT id, state FROM raw.orders;
CREATE VIEW raw.over AS SELECT id FROM raw.shown;
COMMENT ON TABLE raw.orders IS 'what customers bought: it''s 100%';
COMMENT ON COLUMN raw.orders.id IS 'the number';
COMMENT ON COLUMN raw.orders.gone IS 'a column that the next one has not';
COMMENT ON VIEW raw.shown IS 'for readers';
COMMENT ON COLUMN raw.over.id IS 'the same number';
GRANT SELECT, INSERT ON raw.orders TO {reader};
GRANT UPDATE (state, gone) ON raw.orders TO {reader};
GRANT SELECT ON raw.shown TO PUBLIC;
GRANT SELECT ON raw.over TO {reader} WITH GRANT OPTION;
ALTER VIEW raw.over OWNER TO {other}
"""
LOOK = """
SELECT c.relname, c.relkind::text, c.reloptions::text, obj_description(c.oid, 'pg_class'), pg_get_userbyid(c.relowner),
    (SELECT string_agg(g::text, ' ' ORDER BY g::text) FROM unnest(c.relacl) AS g WHERE NOT g::text LIKE pg_get_userbyid(c.relowner) || '=%'),
    (SELECT string_agg(concat_ws(' ', a.attname, col_description(c.oid, a.attnum), a.attacl::text), ', ' ORDER BY a.attname)
     FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attnum > 0 AND a.attname <> 'gone')
FROM pg_class AS c WHERE c.relnamespace = 'raw'::regnamespace ORDER BY 1
"""


@pytest.fixture
def session(postgres_url):
    """A session with a table, a view over it, a view over that, and roles that may read them."""
    database = postgres_url.partition("?")[0].rpartition("/")[2]
    roles = {"reader": f'"{database} Reader"', "other": f"{database}_other"}
    warehouse = open_warehouse(postgres_url)
    with warehouse.connect() as connection:
        connection.run(CreateSchema("raw"))
        for role in roles.values():
            connection.execute(f"CREATE ROLE {role}")
        connection.execute(f"GRANT ALL ON SCHEMA raw TO {roles['other']}")
        for statement in SETUP.format(**roles).split(";\n"):
            connection.execute(statement)
        yield connection
        connection.execute("DROP SCHEMA raw CASCADE")
        for role in roles.values():
            connection.execute(f"DROP OWNED BY {role}")
            connection.execute(f"DROP ROLE {role}")
    warehouse.close()


def test_a_table_that_is_replaced_and_the_views_over_it_keep_owner_grants_comments_and_options(session):
    before = session.rows(LOOK)
    session.run(CreateTableAs(BUILT, "SELECT 'new' AS state, 2 AS id"))

    with session.transaction():
        publish(session, "model.shop.orders", BUILT, ORDERS, session.inspect("raw"))

    assert session.rows("SELECT id FROM raw.over") == [(2,)]
    assert session.rows(LOOK) == before
    assert "Reader" in before[0][5]


def test_a_view_that_is_made_anew_keeps_them_as_well(session):
    shown = Table("raw", "shown")
    before = session.rows(LOOK)

    with session.transaction():
        publish(session, "m", shown, shown, session.inspect("raw"), view="SELECT 'x' AS state, 7 AS id")

    assert session.rows("SELECT id FROM raw.over") == [(7,)]
    assert session.rows(LOOK) == before


def test_a_view_in_the_place_of_a_table_has_its_grants(session):
    (before, *_) = session.rows(LOOK)
    session.run(SetView(BUILT, "SELECT 3 AS id, 'v' AS state"))

    with session.transaction():
        publish(session, "m", BUILT, ORDERS, session.inspect("raw"), view="SELECT 3 AS id, 'v' AS state")

    after = {row[0]: row for row in session.rows(LOOK)}["orders"]
    assert after[1] == "v"
    assert (after[3:]) == before[3:]


def test_what_cannot_be_made_again_is_an_error_that_says_so_and_nothing_is_lost(session):
    session.execute("CREATE MATERIALIZED VIEW raw.sums AS SELECT count(*) AS n FROM raw.orders")
    session.run(CreateTableAs(BUILT, "SELECT 2 AS id, 'new' AS state"))
    before = session.rows(LOOK)

    with pytest.raises(StatementFailed, match="sums") as refused, session.transaction():
        publish(session, "m", BUILT, ORDERS, session.inspect("raw"))

    assert refused.value.hint
    assert "post_hook" in refused.value.hint
    assert session.rows(LOOK) == before
