"""What is a folder's or a file's own way to be a target; that loads into it are as others, the other tests here prove."""

import duckdb
import pyarrow as pa
import pytest

from headrace.errors import NotSupported, StatementFailed, WarehouseUnavailable
from headrace.landing import Landing
from headrace.schema import BIGINT, Column, Schema
from headrace.sql.operations import Append, CreateSchema, CreateTable, SetView
from headrace.table import Table
from headrace.warehouse.opening import open_warehouse

from .conftest import Pipe, nested, stream_of

THINGS = Table("main", "things")


def read(pattern):
    return sorted(duckdb.sql(f"SELECT id FROM '{pattern}'").fetchall())


class Target:
    """A target that is opened anew for each change, as by one process after the other."""

    def __init__(self, url):
        self.url = url

    def add(self, *ids):
        warehouse = open_warehouse(self.url)
        with warehouse.connect() as session, session.transaction():
            add(session, ids)
        warehouse.close()


def add(session, ids):
    if THINGS not in session.inspect("main"):
        session.run(CreateTable(THINGS, Schema((Column("id", BIGINT), Column("_headrace_load_id", BIGINT)))))
    session.load_local(
        Table("main", "staged"), f"SELECT unnest({list(ids)})::BIGINT AS id, 0::BIGINT AS _headrace_load_id"
    )
    session.run(Append(THINGS, Table("main", "staged"), ("id", "_headrace_load_id")))
    session.execute('DROP TABLE "main"."staged"')


def fail_after_adding(session):
    add(session, [2])
    session.execute("SELECT nothing_of_that_name")


def test_appended_rows_are_a_part_of_their_own_and_the_others_stay_as_they_are(tmp_path):
    target = Target(f"parquet:///{tmp_path / 'lake'}")
    target.add(1, 2)
    first = {path.name: path.stat().st_ino for path in (tmp_path / "lake" / "things").iterdir()}

    target.add(3)

    parts = {path.name: path.stat().st_ino for path in (tmp_path / "lake" / "things").iterdir()}
    assert len(parts) == 2
    assert first.items() <= parts.items()
    assert read(tmp_path / "lake" / "things" / "*.parquet") == [(1,), (2,), (3,)]


@pytest.mark.parametrize("kind", ["parquet", "csv", "jsonl"])
def test_a_file_is_written_beside_and_has_the_rows_own_columns(tmp_path, kind):
    target = Target(f"{kind}:///{tmp_path / f'things.{kind}'}")
    target.add(1)

    target.add(2)

    assert read(tmp_path / f"things.{kind}") == [(1,), (2,)]
    described = duckdb.sql(f"DESCRIBE SELECT * FROM '{tmp_path / f'things.{kind}'}'").fetchall()
    assert [row[0] for row in described] == ["id"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [".headrace", f"things.{kind}"]


def test_what_fails_leaves_everything_as_it_was(tmp_path):
    target = Target(f"parquet:///{tmp_path / 'lake'}")
    target.add(1)
    warehouse = open_warehouse(target.url)
    session = warehouse.connect()

    with pytest.raises(StatementFailed, match="nothing_of_that_name"), session.transaction():
        fail_after_adding(session)

    with session.transaction():
        add(session, [3])
    assert session.rows("SELECT id FROM things ORDER BY id") == [(1,), (3,)]
    assert read(tmp_path / "lake" / "things" / "*.parquet") == [(1,), (3,)]
    warehouse.close()


def test_of_two_processes_that_commit_at_once_one_begins_again(tmp_path):
    url = f"parquet:///{tmp_path / 'lake'}"
    Target(url).add(1)
    slow = open_warehouse(url)
    session = slow.connect()
    Target(url).add(2)

    with pytest.raises(StatementFailed, match="another process has changed"), session.transaction():
        add(session, [3])

    slow.close()
    Target(url).add(4)
    assert read(tmp_path / "lake" / "things" / "*.parquet") == [(1,), (2,), (4,)]


def test_a_file_that_somebody_else_wrote_is_not_written_over(tmp_path):
    (tmp_path / "things.csv").write_text("precious\n")
    with pytest.raises(WarehouseUnavailable, match="was not written by headrace"):
        open_warehouse(f"csv:///{tmp_path / 'things.csv'}")
    target = Target(f"csv:///{tmp_path / 'mine.csv'}")
    target.add(1)
    (tmp_path / "mine.csv").write_text("edited\n")

    with pytest.raises(WarehouseUnavailable, match="changed by somebody else"):
        target.add(2)

    (tmp_path / "mine.csv").unlink()
    target.add(2)
    assert (tmp_path / "mine.csv").read_text() == "id\n1\n2\n"


def test_a_view_is_refused(tmp_path):
    warehouse = open_warehouse(f"parquet:///{tmp_path / 'lake'}")
    with warehouse.connect() as session, pytest.raises(NotSupported, match="no views"):
        session.run(SetView(Table("main", "v"), "SELECT 1"))
    warehouse.close()


def test_schemas_tell_tables_of_one_name_apart(tmp_path):
    warehouse = open_warehouse(f"parquet:///{tmp_path / 'lake'}")
    with warehouse.connect() as session:
        session.run(CreateSchema("raw"))
        with session.transaction():
            session.load(Table("raw", "t"), pa.table({"id": [1]}).to_reader())
            session.load(Table("main", "t"), pa.table({"id": [2]}).to_reader())
    warehouse.close()

    assert read(tmp_path / "lake" / "raw.t" / "*.parquet") == [(1,)]
    assert read(tmp_path / "lake" / "t" / "*.parquet") == [(2,)]


def test_values_that_parquet_would_round_keep_all_their_digits(tmp_path):
    url = f"parquet:///{tmp_path / 'lake'}"
    warehouse = open_warehouse(url)
    with warehouse.connect() as session, session.transaction():
        session.load_local(
            THINGS,
            "SELECT 12345678901234567890123456789::HUGEINT AS big, INTERVAL '1 microsecond' AS span, '{\"a\": 1}'::JSON AS j",
        )
    warehouse.close()

    warehouse = open_warehouse(url)
    with warehouse.connect() as session:
        rows = session.rows("SELECT big::VARCHAR, span::VARCHAR, j::VARCHAR FROM things")
        types = {column.name: str(column.type) for column in session.inspect("main")[THINGS].schema}
    warehouse.close()
    assert rows == [("12345678901234567890123456789", "00:00:00.000001", '{"a": 1}')]
    assert types == {"big": "decimal(38,0)", "span": "varchar", "j": "json"}


def test_a_place_that_cannot_be_written_is_said_and_nothing_is_kept_of_the_load(tmp_path, monkeypatch):
    target = Target(f"parquet:///{tmp_path / 'lake'}")
    target.add(1)
    with monkeypatch.context() as broken:
        broken.setattr("os.link", refuse)
        with pytest.raises(StatementFailed, match="cannot be written: no links here"):
            target.add(2)

    target.add(3)

    assert read(tmp_path / "lake" / "things" / "*.parquet") == [(1,), (3,)]


def refuse(*_):
    raise PermissionError("no links here")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("csv:///{0}/things.csv", "is a file, which holds one table"),
        ("delta:///{0}/lake", "a Delta table is committed by itself"),
    ],
)
def test_a_target_that_cannot_change_two_tables_at_once_refuses_those_of_lists(tmp_path, url, said):
    warehouse = open_warehouse(url.format(tmp_path))
    with warehouse.connect() as session:
        pipe = Pipe(session, Landing(tmp_path / "landing"))
        with pytest.raises(NotSupported, match=said):
            pipe.load(stream_of(primary_key=("id",), nested="tables"), nested(id=[1], lines=[[{"a": 1}]]))

        assert pipe.table not in session.inspect("raw")
        pipe.load(stream_of(write_disposition="append"), nested(id=[1], lines=[[{"a": 1}]]))
    warehouse.close()
