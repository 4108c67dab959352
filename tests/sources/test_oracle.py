"""Oracle as a source, from a double of its driver: no wheel brings the server itself."""

from __future__ import annotations

from contextlib import closing

import pytest
import sources_oracle_double as double
import sources_pulling as pulling

from headrace.errors import SourceRefused, SourceUnavailable

URL = "oracle://reader:s3cret@db.shop.example:1522/SHOPPDB"


@pytest.fixture
def shop(monkeypatch):
    made = double.Oracle()
    monkeypatch.setattr("oracledb.connect", made.connect)
    yield made
    made.store.close()


@pytest.fixture
def pull(shop, tmp_path):
    made = pulling.Pull(URL, tmp_path, rows_per_batch=100)
    yield made
    made.close()


def orders(shop, rows=450):
    columns = {"ID": "NUMBER(9) NOT NULL", "AMOUNT": "NUMBER(12,2)", "NOTE": "VARCHAR2(50)"}
    shop.table("ORDERS", columns, [(n, f"{n}.25", f'it\'s \\ "{n}"') for n in range(1, rows + 1)], key=("ID",))


def test_a_table_arrives_whole_in_ranges_of_its_key_under_its_name_in_lower_case(shop, pull):
    orders(shop)

    entry = pull.load("orders")

    assert (entry.read, entry.inserted, entry.quarantined) == (450, 450, 0)
    assert pull.rows("SELECT note, CAST(amount AS VARCHAR) FROM raw.orders WHERE id = 7") == [('it\'s \\ "7"', "7.25")]
    assert len(pull.landing.loaded("shop.orders")[0].segments) == 5
    assert "SET TRANSACTION READ ONLY" in shop.said
    assert any('FROM "ORDERS" WHERE "ID" > 100 AND "ID" <= 200' in sql for sql in shop.said)
    assert shop.options["service_name"] == "SHOPPDB"


def test_a_key_of_several_columns_is_compared_one_by_one(shop, pull):
    columns = {"A": "NUMBER(4) NOT NULL", "B": "VARCHAR2(9) NOT NULL"}
    shop.table("THINGS", columns, [(n % 7, f"k{n}") for n in range(555)], key=("A", "B"))

    assert pull.load("things").inserted == 555
    assert any("""("A" > 1 OR ("A" = 1 AND "B" > 'k""" in sql for sql in shop.said)


def test_a_unique_index_stands_in_for_a_key(shop, pull):
    shop.table("THINGS", {"A": "NUMBER(18) NOT NULL"}, [(10**17 + n,) for n in range(300)], unique=("A",))

    assert pull.load("things").inserted == 300
    assert len(pull.landing.loaded("shop.things")[0].segments) == 4


@pytest.mark.parametrize(
    ("word", "first", "second", "cursor", "sent"),
    [
        (
            "DATE",
            "2024-01-01 10:00:00",
            "2024-01-02 10:00:00",
            "2024-01-02 10:00:00",
            "TO_DATE('2024-01-01 10:00:00', ",
        ),
        (
            "TIMESTAMP(6)",
            "2024-01-01 10:00:00.000000000",
            "2024-01-02 10:00:00.120000000",
            "2024-01-02 10:00:00.12",
            "TO_TIMESTAMP('2024-01-01 10:00:00.0', ",
        ),
        (
            "TIMESTAMP WITH LOCAL TIME ZONE",
            "2024-01-01 10:00:00.000000000 +00:00",
            "2024-01-02 10:00:00.000000000 +00:00",
            "2024-01-02 10:00:00+00",
            "TO_TIMESTAMP_TZ('2024-01-01 10:00:00.0 +00:00', ",
        ),
        ("NUMBER(9)", 1, 2, "2", '"AT" >= 1'),
    ],
)
def test_only_what_is_new_is_read(shop, pull, word, first, second, cursor, sent):
    shop.table("EVENTS", {"ID": "NUMBER(9) NOT NULL", "AT": word}, [(1, first), (2, None)], key=("ID",))
    pull.load("events", incremental="at")
    shop.store.execute("INSERT INTO EVENTS VALUES (3, ?)", (second,))

    entry = pull.load("events", incremental="at")

    assert (entry.inserted, entry.cursor_value) == (1, cursor)
    assert any(sent in sql for sql in shop.said)


CELLS = [
    ("NUMBER(4)", -9999, "-9999"),
    ("NUMBER(18)", 10**17, "100000000000000000"),
    ("NUMBER(38)", "12345678901234567890123456789012345678", "12345678901234567890123456789012345678"),
    ("NUMBER(38,10)", "-.0000000001", "-0.0000000001"),
    ("NUMBER(5,-2)", "1234500", "1234500"),
    ("NUMBER(2,5)", ".00012", ".00012"),
    ("NUMBER", "12345.123456789012345678901234567890123456789", "12345.123456789012345678901234567890123456789"),
    ("INTEGER", "1" + "0" * 38, None),
    ("FLOAT(126)", ".1", ".1"),
    ("BINARY_FLOAT", 0.10000000149011612, "0.1"),
    ("BINARY_DOUBLE", 5e-324, "5e-324"),
    ("DATE", "2024-02-29 12:34:56", "2024-02-29 12:34:56"),
    ("DATE", "-0044-03-15 00:00:00", None),
    ("TIMESTAMP(6)", "2024-02-29 12:34:50.000000000", "2024-02-29 12:34:50"),
    ("TIMESTAMP(9)", "2024-02-29 12:34:56.000001000", "2024-02-29 12:34:56.000001"),
    ("TIMESTAMP(9)", "2024-02-29 12:34:56.000000001", None),
    ("TIMESTAMP WITH TIME ZONE", "2024-02-29 12:34:56.500000000 +02:00", "2024-02-29 10:34:56.5+00"),
    ("TIMESTAMP WITH LOCAL TIME ZONE", "2024-02-29 12:34:56.000000000 +00:00", "2024-02-29 12:34:56+00"),
    ("INTERVAL YEAR TO MONTH", "+02-03", "+02-03"),
    ("INTERVAL DAY TO SECOND", "+01 02:03:04.567891", "+01 02:03:04.567891"),
    ("CHAR(5)", "ab   ", "ab   "),
    ("NVARCHAR2(9)", "é😀", "é😀"),
    ("CLOB", "x" * 5000, "x" * 5000),
    ("RAW(9)", b"\x00\xff", "\\x00\\xFF"),
    ("BLOB", b"\x00", "\\x00"),
    ("ROWID", "AAAR3qAAEAAAACXAAA", "AAAR3qAAEAAAACXAAA"),
    ("XMLTYPE", "<a/>", "<a/>"),
    ("JSON", '{"a":12345678901234567890}', '{"a":12345678901234567890}'),
    ("BOOLEAN", 1, "true"),
]


def test_each_value_is_exact_or_refused(shop, pull):
    columns = {"AT": "NUMBER(9) NOT NULL"} | {f"C{at}": kind for at, (kind, _, _) in enumerate(CELLS)}
    shop.table("THINGS", columns, pulling.one_by_one(CELLS), key=("AT",))

    entry = pull.load("things")

    pulling.assert_exact_or_refused(pull, entry, CELLS)
    (said,) = [said for said in pull.warnings() if "arrive as text" in said]
    assert "c6, c8: numbers of any length" in said


def test_what_is_declared_as_text_is_the_whole_of_what_the_server_writes(shop, pull):
    columns = {"A": "TIMESTAMP WITH TIME ZONE", "B": "TIMESTAMP(9)", "C": "RAW(9)", "D": "DATE"}
    row = ("2024-02-29 12:34:56.123456789 +02:00", "2024-01-01 00:00:00.123456789", b"\xab", "-0044-03-15 00:00:00")
    shop.table("THINGS", columns, [row])

    pull.load("things", columns=dict.fromkeys("abcd", "varchar"))

    assert pull.rows("SELECT a, b, c, d FROM raw.things") == [
        ("2024-02-29 12:34:56.123456789 +02:00", "2024-01-01 00:00:00.123456789", "AB", "-0044-03-15 00:00:00")
    ]


def test_a_number_of_any_length_can_be_declared(shop, pull):
    shop.table("THINGS", {"A": "NUMBER"}, [("1.5",)])

    pull.load("things", columns={"a": "decimal(12,2)"})

    assert [str(row[0]) for row in pull.rows("SELECT a FROM raw.things")] == ["1.50"]


@pytest.mark.parametrize("word", ["LONG_RAW", "BFILE", "OBJECT", "VECTOR"])
def test_a_type_without_an_exact_text_is_refused_by_its_column(shop, pull, word):
    shop.table("THINGS", {"ID": "NUMBER(9)", "ODD": word}, [(1, "x")])

    with pytest.raises(SourceRefused, match=f"the column 'ODD' is of the type {word}") as refused:
        pull.load("things")

    assert "excluded_columns: [ODD]" in refused.value.hint
    assert pull.load("things", excluded_columns="odd").inserted == 1


def test_a_query_is_a_stream_and_an_empty_one_makes_a_table(shop, pull):
    orders(shop, 3)

    pull.load("nothing", query="SELECT ID, NOTE FROM ORDERS WHERE ID > 100;")

    assert pull.rows("SELECT count(id) FROM raw.nothing") == [(0,)]
    assert any("\n) q" in sql for sql in shop.said)


def test_what_the_server_says_reaches_the_user(shop, pull, tmp_path):
    with pytest.raises(SourceRefused, match="ORA-00942"):
        pull.load("nowhere")
    with (
        closing(pulling.Pull("oracle://nobody:hidden@db.example:1/none", tmp_path / "away")) as away,
        pytest.raises(SourceUnavailable, match="DPY-6005") as lost,
    ):
        away.load("orders")
    assert "hidden" not in str(lost.value)
