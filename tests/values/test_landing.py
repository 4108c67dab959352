import json
import shutil
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.batch import Batch, Dead, Scan
from headrace.cursor import Cursor
from headrace.events import SegmentDied, SegmentLanded, Warned, listening
from headrace.landing import ORIGIN, Landing, Package


def batch(number: int) -> Batch:
    rows = pa.table({"id": [number * 2, number * 2 + 1]})
    return Batch(rows, read=2, cursor=str(number), resume={"next": number + 1}, origin=f"page {number}")


def read_all(package: Package, pages: int) -> None:
    for number in range(package.resume.get("next", 0), pages):
        package.write(batch(number))
    package.finish()


def ids(package: Package) -> list[int]:
    return [value for segment in package.segments for value in pq.read_table(segment.file)["id"].to_pylist()]


@pytest.fixture
def landing(tmp_path):
    return Landing(tmp_path / "landing" / "dev")


def test_a_package_holds_what_was_written_in_order(landing):
    package = landing.begin("api.orders", Cursor("n", "0"), "sig")

    read_all(package, 3)

    (found,) = landing.pending("api.orders")
    assert found.complete
    assert ids(found) == [0, 1, 2, 3, 4, 5]
    assert found.reached == Cursor("n", "2")
    assert found.cursor == Cursor("n", "0")
    assert found.resume == {"next": 3}
    assert pq.read_table(found.segments[1].file)[ORIGIN].to_pylist() == ["page 1", "page 1"]


def test_an_incomplete_package_of_the_same_configuration_is_gone_on_with(landing):
    package = landing.begin("api.orders", None, "sig")
    package.write(batch(0))

    again = landing.begin("api.orders", None, "sig")

    assert again.id == package.id
    assert again.resume == {"next": 1}


@pytest.mark.parametrize(("cursor", "signature"), [(None, "other"), (Cursor("n", "7"), "sig")])
def test_what_was_read_under_another_configuration_or_cursor_is_given_up_loudly(landing, cursor, signature):
    package = landing.begin("api.orders", None, "sig")
    package.write(batch(0))
    heard = []

    with listening(heard.append):
        again = landing.begin("api.orders", cursor, signature)

    assert again.id > package.id
    assert again.segments == ()
    assert [found.id for found in landing.pending("api.orders")] == [again.id]
    assert [type(event) for event in heard] == [Warned]
    assert "1 segment of an unfinished read is given up" in heard[0].message


def test_a_complete_package_is_not_gone_on_with(landing):
    first = landing.begin("api.orders", None, "sig")
    read_all(first, 1)

    second = landing.begin("api.orders", None, "sig")

    assert second.id != first.id
    assert [package.complete for package in landing.pending("api.orders")] == [True, False]


def test_ids_grow_even_where_the_clock_stands_still_or_goes_back(tmp_path):
    times = iter([2_000_000, 2_000_000, 1_000])
    landing = Landing(tmp_path, clock=lambda: next(times))
    made = []

    for _ in range(3):
        package = landing.begin("api.orders", None, "sig")
        package.finish()
        made.append(package.id)

    assert made == sorted(made)
    assert len(set(made)) == 3


def test_loaded_packages_are_kept_up_to_the_retention(landing):
    for _ in range(5):
        package = landing.begin("api.orders", None, "sig")
        read_all(package, 1)
        package.discard()

    assert landing.pending("api.orders") == []
    kept = landing.loaded("api.orders")
    assert len(kept) == 3
    assert kept[-1].id == package.id
    assert ids(kept[-1]) == [0, 1]


def test_scans_and_dead_requests_come_back_as_they_were(landing):
    scan = Scan("data/a.csv", "csv", {"delim": ",", "columns": {"id": "BIGINT"}}, "12:34", origin="a.csv")
    dead = Dead({"url": "/orders?page=3"}, "HTTP 500", {"next": 4})
    package = landing.begin("api.orders", None, "sig")
    heard = []

    with listening(heard.append):
        package.refer(scan)
        package.bury(dead)

    (found,) = landing.pending("api.orders")
    assert found.scans == (scan,)
    assert found.dead == (dead,)
    assert found.resume == {"next": 4, "files": {"a.csv": "12:34"}}
    assert [type(event) for event in heard] == [SegmentDied]


def test_going_on_after_a_file_that_is_read_in_place_knows_it_as_read(landing):
    package = landing.begin("shop.files", None, "sig")
    package.write(Batch(pa.table({"id": [1]}), read=1, resume={"files": {"a.jsonl": "1"}}))
    package.refer(Scan("/data/b.parquet", "parquet", {}, "2", origin="b.parquet"))

    again = landing.begin("shop.files", None, "sig")

    assert again.resume == {"files": {"a.jsonl": "1", "b.parquet": "2"}}


def test_a_file_that_is_referred_to_anew_stays_whatever_else_is_given_another_way(landing):
    package = landing.begin("shop.files", None, "sig")
    for name in ("a.parquet", "b.jsonl"):
        package.refer(Scan(f"/data/{name}", name.partition(".")[2], {}, "1", origin=name))
    package.reopen(frozenset({"a.parquet"}))
    package.refer(Scan("/data/a.parquet", "parquet", {}, "2", origin="a.parquet"))

    package.reopen(frozenset({"b.jsonl"}))

    (again,) = landing.pending("shop.files")
    assert [(scan.origin, scan.stamp) for scan in again.scans] == [("a.parquet", "2")]
    assert again.resume == {"files": {"a.parquet": "2"}}


def test_rejected_records_lie_beside_the_rows_and_are_counted_as_read(landing):
    rejected = pa.table({"reason": ["json"], "column": [None], "detail": ["no"], "raw": ["{"], "origin": ["p"]})
    package = landing.begin("api.orders", None, "sig")
    heard = []

    with listening(heard.append):
        package.write(Batch(pa.table({"id": [1]}), read=3, rejected=rejected), filtered=1)

    (segment,) = landing.pending("api.orders")[0].segments
    assert (segment.rows, segment.read, segment.filtered) == (1, 3, 1)
    assert pq.read_table(segment.rejected)["raw"].to_pylist() == ["{"]
    assert heard == [SegmentLanded("api.orders", "000001", 1)]


def test_a_column_without_a_type_lands_as_text(landing):
    package = landing.begin("api.orders", None, "sig")

    package.write(Batch(pa.table({"note": pa.nulls(2)}), read=2))

    assert pq.read_table(package.segments[0].file)["note"].type == pa.string()


def test_scratch_goes_with_an_unfinished_package(landing):
    package = landing.begin("api.orders", None, "sig")
    (package.scratch / "page.json").write_text("[]")

    landing.begin("api.orders", None, "other")

    assert not (landing.folder / "api.orders" / package.id).exists()


@settings(max_examples=60, deadline=None)
@given(
    written=st.integers(0, 4),
    finished=st.booleans(),
    hit=st.integers(0, 20),
    left=st.floats(0, 1),
    gone=st.booleans(),
)
def test_whatever_is_torn_off_the_disk_going_on_gives_every_row_once(written, finished, hit, left, gone):
    folder = Path(tempfile.mkdtemp())
    try:
        package = Landing(folder).begin("api.orders", None, "sig")
        for number in range(written):
            package.write(batch(number))
        if finished and written == 4:
            package.finish()
        files = sorted(path for path in package.folder.iterdir() if path.name != "package.json")
        if files:
            torn = files[hit % len(files)]
            if gone:
                torn.unlink()
            else:
                torn.write_bytes(torn.read_bytes()[: int(torn.stat().st_size * left)])

        (found,) = Landing(folder).pending("api.orders")
        if not found.complete:
            found = Landing(folder).begin("api.orders", None, "sig")
            read_all(found, 4)

        (found,) = Landing(folder).pending("api.orders")
        assert found.complete
        assert ids(found) == list(range(8))
    finally:
        shutil.rmtree(folder)


def test_a_line_that_was_torn_is_not_continued_by_the_next(landing):
    package = landing.begin("api.orders", None, "sig")
    package.write(batch(0))
    with (package.folder / "journal.jsonl").open("ab") as journal:
        journal.write(b'{"kind": "rows", "fi')

    read_all(landing.begin("api.orders", None, "sig"), 2)

    (found,) = landing.pending("api.orders")
    assert ids(found) == [0, 1, 2, 3]
    assert [json.loads(line)["file"] for line in (found.folder / "journal.jsonl").read_text().splitlines()] == [
        "000001.parquet",
        "000002.parquet",
    ]
