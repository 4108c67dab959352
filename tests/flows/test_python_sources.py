"""Sources that are written in Python, from the file to the table."""

import json
import textwrap

import duckdb
import pytest

HEAD = "import datetime as dt\nfrom decimal import Decimal\nimport pyarrow as pa\nfrom headrace import stream\n"


@pytest.fixture
def project(tmp_path):
    """`project(code, streams="…")` writes a project with one Python source."""

    def write(code, *, url="duckdb:///p.duckdb", more=""):
        (tmp_path / "sources").mkdir(exist_ok=True)
        (tmp_path / "sources" / "shop.py").write_text(HEAD + textwrap.dedent(code))
        said = f"name: p\ntargets: {{dev: '{url}'}}\nsources:\n  shop:\n    type: python\n    module: sources/shop.py\n"
        (tmp_path / "headrace.yml").write_text(said + textwrap.indent(textwrap.dedent(more), "    "))
        return tmp_path

    return write


ORDERS = """
@stream(primary_key="id", incremental="updated_at")
def orders(cursor, config, secrets):
    assert secrets["token"] == "t0psecret"
    for day in range(1, config["days"] + 1):
        at = dt.datetime(2026, 1, day, tzinfo=dt.timezone.utc)
        if cursor is None or at >= dt.datetime.fromisoformat(cursor):
            yield {"id": day, "amount": Decimal("1.10"), "updatedAt": at, "updated_at": at, "tags": ["a", day]}
"""
SHARED = "config: {{days: {0}}}\nsecrets: {{token: secret:shop_token}}\n"


def test_a_function_is_a_stream_and_is_given_its_cursor(run, project, target):
    url, ask = target
    env = {"SHOP_TOKEN": "t0psecret"}
    project(ORDERS, url=url, more=SHARED.format(3))
    first = run("load", env=env)
    project(ORDERS, url=url, more=SHARED.format(5))

    then = run("load", "-o", "json", env=env)

    assert first.code == 0, first.out
    load = json.loads(then.out)["loads"][0]
    assert (load["read"], load["inserted"], load["unchanged"]) == (3, 2, 1)  # the row at the cursor comes again
    assert ask("SELECT count(*), sum(amount)::TEXT FROM shop.orders") == [(5, "5.50")]
    assert ask("SELECT cursor_value FROM headrace.loads ORDER BY committed_at DESC LIMIT 1")[0][0].startswith(
        "2026-01-05"
    )


def test_columns_of_any_kind_are_rows(run, project, target):
    url, ask = target
    project(
        """
        @stream
        def things():
            yield {"id": 1, "name": "one"}
            yield [{"id": 2}, {"id": 3, "name": "three"}]
            yield pa.table({"id": [4], "name": ["four"]})
            yield pa.record_batch({"id": [5], "name": ["five"]})
            yield pa.table({"id": [6, 7], "name": ["six", None]}).to_reader()
        """,
        url=url,
    )

    ended = run("load")

    assert ended.code == 0, ended.out
    assert "7 rows read = 7 inserted" in ended.out
    assert ask("SELECT id, name FROM shop.things ORDER BY id") == [
        (1, "one"), (2, None), (3, "three"), (4, "four"), (5, "five"), (6, "six"), (7, None),
    ]  # fmt: skip


def test_python_values_keep_their_types_and_digits(run, project, tmp_path):
    project("""
        import uuid
        @stream
        def kinds():
            yield {"big": 2**70, "exact": Decimal("10.1000"), "at": dt.datetime(2026, 1, 1, 12, tzinfo=dt.timezone(dt.timedelta(hours=2))),
                   "day": dt.date(2026, 1, 2), "raw": b"\\x00\\xff", "who": uuid.UUID(int=7), "span": dt.timedelta(days=1, seconds=2),
                   "mixed": 1, "nested": {"a": [1, {"b": None}]}, "yes": True, "half": 0.5}
            yield {"mixed": "two", "half": 2}
        """)

    ended = run("load")

    assert ended.code == 0, ended.out
    with duckdb.connect(str(tmp_path / "p.duckdb")) as session:
        session.execute("SET TimeZone = 'UTC'")
        types = dict(
            session.execute("SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = 'kinds'").fetchall()
        )
        row = session.execute(
            'SELECT big::TEXT, exact::TEXT, "at"::TEXT, raw, who::TEXT, span::TEXT, mixed, nested::TEXT FROM shop.kinds WHERE yes'
        ).fetchone()
    assert row == (
        str(2**70), "10.1000", "2026-01-01 10:00:00+00", b"\x00\xff", "00000000-0000-0000-0000-000000000007", "24:00:02", "1",
        '{"a": [1, {"b": null}]}',
    )  # fmt: skip
    assert (types["day"], types["who"], types["nested"], types["half"]) == ("DATE", "UUID", "JSON", "DOUBLE")


def test_yaml_says_more_than_the_decorator(run, project, tmp_path):
    project(
        """
        @stream(name="things", primary_key="id")
        def some():
            yield [{"id": 1, "n": "7"}, {"id": 1, "n": "x"}]
        """,
        more="""\
        streams:
          things: {columns: {n: bigint}, table_name: numbers}
        """,
    )

    ended = run("load")

    assert "2 rows read = 1 inserted + 1 quarantined" in ended.out
    with duckdb.connect(str(tmp_path / "p.duckdb")) as session:
        assert session.execute("SELECT id, n FROM shop.numbers").fetchall() == [(1, 7)]


def test_what_breaks_off_is_read_anew_and_no_row_comes_twice(run, project, target):
    url, ask = target
    code = """
        import os
        @stream(incremental="id", write_disposition="append")
        def numbers(cursor):
            first = int(cursor or 0)
            yield pa.table({"id": range(first, first + 10)})
            if os.environ.get("BREAK"):
                raise RuntimeError("the line went dead")
            yield pa.table({"id": range(first + 10, first + 20)})
        """
    project(code, url=url)
    run("load")

    broken = run("load", env={"BREAK": "1"})
    again = run("load")

    assert broken.code == 1
    assert "error HR210  sources/shop.py:12  shop.numbers: RuntimeError: the line went dead" in broken.out
    assert again.code == 0, again.out
    assert ask("SELECT count(*), count(DISTINCT id), max(id) FROM shop.numbers") == [(39, 39, 38)]


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("@stream(primry_key='id')\ndef t(): yield {}", "sources/shop.py:5:20  a stream has no key 'primry_key'"),
        ("KEY = 'id'\n@stream(primary_key=KEY)\ndef t(): yield {}", "@stream takes plain values"),
        ("@stream\ndef t(: yield {}", "the Python cannot be read"),
        ("@stream\nasync def t(): yield {}", "sources/shop.py:6:1  t is async, and a stream is a function that yields"),
    ],
)
def test_what_the_file_says_wrongly_is_told_without_running_it(run, project, code, told):
    project(code)

    ended = run("load")

    assert ended.code == 2
    assert told in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("def t():\n    yield 7", "int was yielded, which is no row"),
        ("def t():\n    yield ['x']", "list was yielded, which is no row"),
        ("def t():\n    return 7", "t() gave int, not rows"),
        ("def t():\n    yield {'a': object()}", "the column 'a' holds object"),
        ("def t():\n    yield {}", "1 row without a value"),
        ("def t():\n    yield {'a': 1}\n    raise SystemExit(3)", "sources/shop.py:8  shop.t: SystemExit: 3"),
        ("def t(cursr):\n    yield {}", "did you mean 'cursor'?"),
        ("def t():\n    import nothing_of_that_name\n    yield {}", "sources/shop.py:7  shop.t: ModuleNotFoundError"),
        (
            "def t():\n    yield [{'a': Decimal('1.5')}, {'a': Decimal('NaN')}]",
            "the column 'a' holds Decimal: NaN is no number",
        ),
        (
            "def t():\n    yield [{'a': 1}, {'a': Decimal('-Infinity')}]",
            "-Infinity is no number that a decimal holds\n  hint: yield None",
        ),
        ("def t():\n    yield {'a': [1.0, float('nan')]}", "the column 'a' holds list: JSON has no word for NaN"),
        (
            "def t():\n    yield [{'a': dt.datetime(2026, 1, 1)}, {'a': dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)}]",
            "some times have a zone",
        ),
    ],
)
def test_what_is_no_row_is_refused(run, project, code, told):
    project(f"@stream\n{code}")

    ended = run("load")

    assert ended.code == 1
    assert told in ended.out
    assert "Traceback" not in ended.out + ended.err


def test_rows_without_a_cursor_value_are_kept_out_where_that_is_asked(run, project):
    project("""
        @stream(incremental={"cursor_path": "at", "on_cursor_value_missing": "exclude"})
        def t():
            yield [{"at": 1}, {"at": None}]
        """)

    assert "2 rows read = 1 inserted + 1 quarantined" in run("load").out


def test_a_missing_file_is_an_error_with_its_place(run, project, tmp_path):
    project("")
    (tmp_path / "sources" / "shop.py").unlink()

    ended = run("load")

    assert ended.code == 2
    assert "headrace.yml:6" in ended.err
    assert "there is no file sources/shop.py" in ended.err


def test_a_secret_in_an_authors_error_is_hidden(run, project):
    project(
        """
        @stream
        def t(secrets):
            raise ValueError(f"{secrets['token']} was refused")
            yield {}
        """,
        more="secrets: {token: secret:shop_token}\n",
    )

    ended = run("load", env={"SHOP_TOKEN": "t0psecret"})

    assert "*** was refused" in ended.out
    assert "t0psecret" not in ended.out + ended.err


def test_a_model_of_a_stream_that_never_had_a_row_says_what_to_do_and_is_built_once_its_columns_are_declared(
    run, project, target
):
    url, _ = target
    nothing = "@stream\ndef orders():\n    yield from ()\n"
    models = project(nothing, url=url) / "models"
    models.mkdir()
    (models / "totals.sql").write_text("select count(*) as n from {{ source('shop', 'orders') }}")

    refused = run("build")
    project(nothing, url=url, more="streams: {orders: {columns: {id: {type: bigint}}}}\n")
    built = run("build")

    assert refused.code == 1
    assert "no load has brought a row of shop.orders yet" in refused.out + refused.err
    assert built.code == 0, built.out + built.err
