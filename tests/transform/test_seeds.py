import datetime as dt
from decimal import Decimal

import pytest

from headrace.errors import ConfigInvalid, FilesNotFound, FileUnreadable, Place, StatementFailed
from headrace.project.nodes import Seed
from headrace.publish import publish
from headrace.table import Table
from headrace.transform.seeds import build_seed


@pytest.fixture
def sow(connection, tmp_path):
    """Write a CSV and load it as `mart.s`; its rows."""

    def run(text, order="1", *, as_dbt=False, **config):
        (tmp_path / "s.csv").write_bytes(text.encode())
        seed = Seed(
            unique_id="seed.shop.s", name="s", package="shop", place=Place("seeds/s.csv"), fqn=("shop", "s"),
            file="s.csv", table=Table("mart", "s"), config=config,
        )  # fmt: skip
        with connection.transaction():
            known = connection.inspect("mart")
            built = build_seed(connection, seed, tmp_path, relations=known, as_dbt=as_dbt)
            publish(connection, seed.unique_id, built.table, seed.table, known)
        return connection.rows(f"select * from mart.s order by {order}")

    return run


def types(connection):
    return [str(column.type) for column in connection.inspect("mart")[Table("mart", "s")].schema]


def test_types_are_guessed_as_dbt_guesses_them(sow, connection):
    rows = sow(
        "i,f,b,d,t,iso,s,none\n"
        "1,1.5,true,2026-01-02,2026-01-02 03:04:05,2026-01-02T03:04:05Z,one,\n"
        "-2,2,False,2026-11-02,2026-01-02 03:04:05,2026-01-02T03:04:05.5+02:00,two,\n",
        order="1 desc",
    )

    moment = dt.datetime(2026, 1, 2, 3, 4, 5)  # noqa: DTZ001 - a timestamp has no zone
    assert types(connection) == ["integer", "double", "boolean", "date", "timestamp", "timestamp", "varchar", "integer"]
    assert rows == [
        (1, 1.5, True, dt.date(2026, 1, 2), moment, moment, "one", None),
        (-2, 2.0, False, dt.date(2026, 11, 2), moment, dt.datetime(2026, 1, 2, 1, 4, 5, 500000), "two", None),  # noqa: DTZ001
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("values", "kind", "kept"),
    [
        (["01", "2"], "varchar", "01"),
        (["0", "10"], "integer", 0),
        (["3000000000", "4"], "bigint", 3_000_000_000),
        (["0.10", "2"], "double", 0.1),
        (["1e3", "2.5"], "double", 1000.0),
        (["29051_00040", "x"], "varchar", "29051_00040"),
        (["1,000"], "varchar", "1,000"),
        (["2026-13-01", "2026-01-01"], "varchar", "2026-13-01"),
        (["t", "f"], "varchar", "t"),
        ([" 7 ", "8"], "integer", 7),
        ([" a ", "b"], "varchar", " a "),
        (["99999999999999999999", "1"], "double", 1e20),
        (["12:30", "x"], "varchar", "12:30"),
    ],
)
def test_a_column_s_values_decide_its_type(sow, connection, values, kind, kept):
    rows = sow("n,v\n" + "".join(f'{at},"{value}"\n' for at, value in enumerate(values)))

    assert types(connection) == ["integer", kind]
    assert rows[0][1] == kept


def test_null_and_nothing_are_null_in_every_type(sow, connection):
    rows = sow("id,n,s\n1,null,null\n2,5,\n3,,NULL\n4,6,''\n")

    assert rows == [(1, None, None), (2, 5, None), (3, None, None), (4, 6, None)]


def test_declared_types_win_over_guesses(sow, connection):
    rows = sow(
        "id,zip,price\n1,01,2.50\n2,null,3\n",
        column_types={"ID": "bigint", "zip": "varchar(5)", "price": "numeric(10,2)"},
    )

    assert types(connection) == ["bigint", "varchar", "decimal(10,2)"]
    assert rows == [(1, "01", Decimal("2.50")), (2, None, Decimal("3.00"))]


def test_reserved_words_and_odd_letters_are_names_like_any_other(sow):
    assert sow('end,left,a-b,"Sp ace"\n1,2,3,4\n') == [(1, 2, 3, 4)]


def test_quotes_newlines_and_another_delimiter_are_read(sow):
    assert sow('id;note\n1;"a;b\n""c"""\n', delimiter=";") == [(1, 'a;b\n"c"')]


def test_a_byte_order_mark_is_no_part_of_a_name(sow):
    assert sow("\ufeffid\n1\n") == [(1,)]


def test_a_file_of_names_alone_is_an_empty_table(sow, connection):
    assert sow("id,name\n") == []
    assert types(connection) == ["integer", "integer"]


def test_loading_again_replaces_the_rows_and_the_types(sow):
    sow("id\n1\n2\n")

    assert sow("id,word\n3,x\n") == [(3, "x")]


def test_a_value_that_is_not_of_its_declared_type_keeps_the_old_table(sow, connection):
    sow("id\n1\n")

    with pytest.raises(StatementFailed) as caught:
        sow("id\nx\n", column_types={"id": "integer"})

    assert caught.value.where == Place("seeds/s.csv")
    assert connection.rows("select * from mart.s") == [(1,)]


def test_a_declared_type_for_no_column_is_an_error(sow):
    with pytest.raises(ConfigInvalid) as caught:
        sow("price\n1\n", column_types={"prise": "integer"})

    assert caught.value.hint == "did you mean 'price'?"


def test_a_row_with_too_many_fields_is_an_error(sow):
    with pytest.raises(FileUnreadable):
        sow("a,b\n1,2\n1,2,3\n")


def test_a_seed_without_its_file_is_an_error(connection, tmp_path):
    seed = Seed(
        unique_id="seed.shop.s", name="s", package="shop", place=Place("seeds/s.csv"), fqn=("shop", "s"),
        file="nope.csv", table=Table("mart", "s"),
    )  # fmt: skip

    with pytest.raises(FilesNotFound), connection.transaction():
        build_seed(connection, seed, tmp_path, relations={})


# What dbt-core 1.11.16 with dbt-duckdb 1.11.1 makes of each column.
AS_DBT = [
    (["01", "2"], "integer", [1, 2]),
    (["00.5", "2"], "double", [0.5, 2.0]),
    (["1_000", "2"], "integer", [1000, 2]),
    (["1e3", "2.5"], "double", [1000.0, 2.5]),
    (["1e3", "2"], "integer", [1000, 2]),
    (["+5", "2"], "integer", [5, 2]),
    (["5.", "2"], "integer", [5, 2]),
    (["0.10", "2"], "double", [0.1, 2.0]),
    (["1.0", "2"], "integer", [1, 2]),
    ([" 7 ", "8"], "integer", [7, 8]),
    ([" a ", "b"], "varchar", [" a ", "b"]),
    (["2026-01-02", "2026-1-3"], "date", [dt.date(2026, 1, 2), dt.date(2026, 1, 3)]),
    (["2026-01-02", "2026-01-03 04:05:06"], "varchar", ["2026-01-02", "2026-01-03 04:05:06"]),
    (["2026-01-02 03:04:05.5", "2026-01-02 03:04:05"], "varchar", ["2026-01-02 03:04:05.5", "2026-01-02 03:04:05"]),
    (["2026-01-02T03:04:05Z", "2026-01-02T03:04:05+02:00"], "timestamp", [dt.datetime(2026, 1, 2, 3, 4, 5)] * 2),  # noqa: DTZ001
    (["2026-01-02T03:04", "2026-01-02T03:04"], "timestamp", [dt.datetime(2026, 1, 2, 3, 4)] * 2),  # noqa: DTZ001
    (["2026-01-02 03:04", "2026-01-02 03:05"], "varchar", ["2026-01-02 03:04", "2026-01-02 03:05"]),
    (["true", "False"], "boolean", [True, False]),
    (["t", "f"], "varchar", ["t", "f"]),
    (["", ""], "integer", [None, None]),
    (["", "x"], "varchar", [None, "x"]),
    (["(5)", "1"], "varchar", ["(5)", "1"]),
    (["-", "2"], "varchar", ["-", "2"]),
    (["0x10", "1"], "varchar", ["0x10", "1"]),
    (["12345678901234567.5", "1"], "double", [1.2345678901234568e16, 1.0]),
]


@pytest.mark.parametrize(("values", "kind", "kept"), AS_DBT)
def test_a_dbt_project_s_seeds_are_as_dbt_makes_them(sow, connection, values, kind, kept):
    if connection.capabilities.dialect == "postgres" and values[0] == "1_000":
        values = ["1000", "2"]

    rows = sow("n,v\n" + "".join(f'{at},"{value}"\n' for at, value in enumerate(values)), as_dbt=True)

    assert types(connection) == ["integer", kind]
    assert [row[1] for row in rows] == kept


@pytest.mark.parametrize("values", [["3000000000", "4"], ["1,000", "2"], ["$5", "2"], ["5%", "2"], ["nan", "1"]])
def test_what_dbt_cannot_load_on_duckdb_fails_in_a_dbt_project(sow, connection, values):
    if connection.capabilities.dialect == "postgres":
        values = ["3000000000", "4"]

    with pytest.raises(StatementFailed):
        sow("n,v\n" + "".join(f'{at},"{value}"\n' for at, value in enumerate(values)), as_dbt=True)


@pytest.mark.parametrize(("value", "kept"), [("null", "null"), ("NULL", "NULL")])
def test_the_word_null_is_text_for_dbt_on_duckdb_and_nothing_on_postgresql(sow, connection, value, kept):
    rows = sow(f"n,v\n0,{value}\n1,x\n", as_dbt=True)

    assert rows[0][1] == (kept if connection.capabilities.dialect == "duckdb" else None)
