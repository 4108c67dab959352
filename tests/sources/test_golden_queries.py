"""All that is sent to SQL Server and to Oracle, which no test can run against, as files under `golden/`: a change of it is seen by whoever reviews it.

After a change that is meant: `uv run pytest tests/sources/test_golden_queries.py --golden`, then read the difference.
"""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path

import pytest
import sources_oracle_double
import sources_pulling as pulling
import sources_tds

from headrace.extract import database, oracle_sql, tsql
from headrace.retry import SYSTEM
from headrace.schema import VARCHAR, Kind

ABOUT = re.compile(r"^(use|SET|ALTER) |MIN_ACTIVE_ROWVERSION|\bsys\.|\ball_|WHERE 1 = 0$")
GOLDEN = Path(__file__).parent / "golden"
SERVERS = ("sqlserver", "oracle")
WORDS = {
    "sqlserver": {"number": "int NOT NULL", "text": "varchar(9) NOT NULL", "money": "decimal(12,2)", "moment": "datetime2(7)"},
    "oracle": {"number": "NUMBER(9) NOT NULL", "text": "VARCHAR2(9) NOT NULL", "money": "NUMBER(12,2)", "moment": "TIMESTAMP(6)"},
}  # fmt: skip
FRACTIONS = {"sqlserver": ".0000000", "oracle": ".000000000"}
ORDERS = {"id": "number", "amount": "money"}
EVENTS = {"id": "number", "at": "moment"}
PAIRS = {"a": "number", "b": "text"}
TIMES = [(1, "2024-01-01 10:00:00"), (2, None)]
NEW = {"cursor_path": "at", "lag": 60}

# Columns, rows, key, unique index, and what each load says of its stream; the second load is from the first one's cursor.
CASES = {
    "ranges_of_a_key": (ORDERS, [(n, f"{n}.25") for n in range(1, 251)], ("id",), (), [{}]),
    "ranges_of_two_columns": (PAIRS, [(n // 100, f"it's {n:03}") for n in range(250)], ("a", "b"), (), [{}]),
    "ranges_of_a_unique_index": (ORDERS, [(n, None) for n in range(150)], (), ("id",), [{}]),
    "a_small_table": (ORDERS, [(1, "1.25")], (), (), [{}]),
    "a_cursor": (EVENTS, TIMES, ("id",), (), [{"incremental": NEW}, {"incremental": NEW}]),
    "a_cursor_with_bounds": (
        EVENTS, TIMES, ("id",), (),
        [{"incremental": {
            "cursor_path": "at", "initial_value": "2023-12-31", "end_value": "2024-02-01 00:00:00.5", "range_start": "open",
            "range_end": "closed", "on_cursor_value_missing": "exclude"}}],
    ),
    "a_cursor_that_every_row_has": (
        EVENTS, TIMES[:1], ("id",), (), [{"incremental": {"cursor_path": "at", "on_cursor_value_missing": "raise"}}],
    ),
    "a_cursor_that_is_a_number": (ORDERS, [(1, "1")], ("id",), (), [{"incremental": "id"}, {"incremental": "id"}]),
    "a_condition": (ORDERS, [(n, "1") for n in range(150)], ("id",), (), [{"where": "amount > 0 OR id = 7"}]),
    "chosen_columns": (EVENTS, TIMES, (), (), [{"included_columns": "id"}, {"columns": {"at": "varchar"}}]),
    "a_query": (ORDERS, [(1, "1")], (), (), [{"query": "SELECT id FROM orders;"}]),
}  # fmt: skip


@pytest.fixture(params=SERVERS)
def server(request, monkeypatch):
    """The server's name, a double of it, its URL, and how it spells a name that has no quotes."""
    made = sources_tds.SqlServer() if request.param == "sqlserver" else sources_oracle_double.Oracle()
    if request.param == "sqlserver":
        yield request.param, made, made.url, str
        made.close()
    else:
        monkeypatch.setattr("oracledb.connect", made.connect)
        yield request.param, made, "oracle://reader:s3cret@db.shop.example:1522/SHOPPDB", str.upper
        made.store.close()


def compared(request, case, server, text):
    path = GOLDEN / case / f"{server}.sql"
    if request.config.getoption("--golden"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def told(double, *, about):
    """Each statement where it was said first; those of the session and the catalog only with `about`."""
    said = [sql for sql in dict.fromkeys(double.said) if about or not ABOUT.search(sql)]
    return "".join(f"{sql};\n" for sql in said)


@pytest.mark.parametrize("case", CASES)
def test_a_load_sends_what_its_golden_file_says(case, server, tmp_path, request):
    name, double, url, spelled = server
    columns, rows, key, unique, specs = CASES[case]
    table = "events" if columns is EVENTS else "orders"
    made = {spelled(column): WORDS[name][word] for column, word in columns.items()}
    keys = {"key": tuple(map(spelled, key)), "unique": tuple(map(spelled, unique))}
    if columns is EVENTS:
        rows = [(number, moment and moment + FRACTIONS[name]) for number, moment in rows]
    double.table(spelled(table), made, rows, **keys)
    with closing(pulling.Pull(url, tmp_path, rows_per_batch=100)) as pull:
        for spec in specs:
            assert pull.load(table, **spec).read > 0

    compared(request, case, name, told(double, about=case in ("a_small_table", "ranges_of_a_unique_index")))


def test_what_is_asked_of_the_catalog_is_what_its_golden_file_says(server, tmp_path, request):
    name, double, url, spelled = server
    double.table(spelled("orders"), {spelled("id"): WORDS[name]["number"]})
    with closing(pulling.Pull(url, tmp_path, schema="it's")) as pull:
        database.tables_of(pull.stream("all"), pull.connection.local, SYSTEM)
        with closing(database.opened(pull.stream("all"), pull.connection.local, SYSTEM)) as reader:
            reader.schemas()

    compared(request, "catalog", name, told(double, about=True))


TYPES = {
    "sqlserver": (
        "bit", "tinyint", "bigint", "decimal(38,10)", "money", "smallmoney", "real", "float", "date", "time(7)", "datetime", "datetime2(7)",
        "datetime2(3)", "datetimeoffset(7)", "uniqueidentifier", "char(5)", "nvarchar(max)", "xml", "hierarchyid", "json", "varbinary(max)",
        "geography", "rowversion", "sql_variant",
    ),
    "oracle": (
        "NUMBER(4,0)", "NUMBER(18,0)", "NUMBER(38,10)", "NUMBER(0,-127)", "BINARY_FLOAT", "BINARY_DOUBLE", "DATE", "TIMESTAMP",
        "TIMESTAMP_TZ", "TIMESTAMP_LTZ", "INTERVAL_YM", "INTERVAL_DS", "CHAR", "NVARCHAR", "CLOB", "RAW", "BLOB", "ROWID", "XMLTYPE", "JSON",
        "BOOLEAN", "BFILE",
    ),
}  # fmt: skip
NUMBERS = dict.fromkeys((Kind.SMALLINT, Kind.INTEGER, Kind.BIGINT, Kind.DECIMAL), ("-12.5",))
MOMENTS = dict.fromkeys(
    (Kind.DATE, Kind.TIMESTAMP, Kind.TIMESTAMPTZ), ("2024-02-29", "2024-02-29 12:34:56.5", "2024-02-29 12:34:56.5+02")
)


def values(kind):
    """Cursors and keys as they are written down here."""
    return (NUMBERS | MOMENTS).get(kind.kind, ("it's",))


def of_sqlserver(word):
    """The type that a column of SQL Server arrives as, and its expressions: selected, declared as text, and compared with values."""
    collation = "Latin1_General_CI_AS" if "char" in word else None
    column = tsql.Column("[c]", word.partition("(")[0], word, collation)
    kind = tsql.type_of(column)
    if kind is None:
        return "nothing: it is refused", []
    given = [tsql.value(column, kind, "7" if column.counts else one) for one in values(kind)]
    selected = [tsql.written(column, kind), tsql.written(column, VARCHAR)]
    return str(kind), [*selected, tsql.comparable(column, kind), *given]


def of_oracle(word):
    """The same of Oracle, which compares columns as they are."""
    head, _, digits = word.partition("(")
    column = oracle_sql.Column('"C"', head, *map(int, digits.rstrip(")").split(",") if digits else (0, 0)))
    kind = oracle_sql.type_of(column)
    if kind is None:
        return "nothing: it is refused", []
    given = [oracle_sql.value(column, one) for one in values(kind)]
    selected = [oracle_sql.written(column, kind), oracle_sql.written(column, VARCHAR)]
    return str(kind), [*selected, oracle_sql.text(column, kind), *given]


@pytest.mark.parametrize("server_name", SERVERS)
def test_each_type_is_written_and_compared_as_its_golden_file_says(server_name, request):
    of = {"sqlserver": of_sqlserver, "oracle": of_oracle}[server_name]
    lines = []
    for word in TYPES[server_name]:
        arrives, expressions = of(word)
        lines += [f"-- {word} arrives as {arrives}", *dict.fromkeys(expressions), ""]

    compared(request, "types", server_name, "\n".join(lines))


def test_there_is_no_golden_file_that_nobody_compares():
    assert {path.parent.name for path in GOLDEN.glob("*/*.sql")} == {*CASES, "catalog", "types"}
