"""Files whose lines are not what their scans say."""

from dataclasses import replace

import pytest

from headrace.batch import Scan
from headrace.load.parts import FilesUnfit
from headrace.state import ledger

from .conftest import batch_of, stream_of

FIELDS = [{"key": "id", "name": "id", "type": "bigint", "declared": False}]


@pytest.mark.parametrize("line", ['{"id": 1.5}', '{"new": 1}', "{broken"])
def test_a_file_that_does_not_fit_its_scan_changes_nothing_and_says_which_file_it_is(pipe, tmp_path, line):
    (tmp_path / "a.jsonl").write_text('{"id": 1}\n' * 5000 + line + "\n")
    scan = Scan(str(tmp_path / "a.jsonl"), "jsonl", {"fields": FIELDS}, "stamp", None, "a.jsonl")
    package = pipe.package(stream_of(), scan)

    with pytest.raises(FilesUnfit) as raised:
        pipe.load_package(stream_of(), package)

    assert raised.value.origins == {"a.jsonl"}
    assert pipe.table not in pipe.connection.inspect("raw")
    assert ledger.last_load(pipe.connection, "shop.things") is None
    package.reopen(raised.value.origins)
    assert (package.complete, package.scans, package.unfit) == (False, (), {"a.jsonl"})
    assert package.resume["files"] == {}


def csv_of(path, text):
    path.write_text(text)
    options = {"auto_detect": False, "delim": ",", "header": True, "columns": {"id": "BIGINT", "v": "DECIMAL(18,2)"}}
    return Scan(str(path), "csv", options, "stamp", None, path.name)


@pytest.mark.parametrize("line", ["1.5,1", "007,1", "1,1.255", "1", "1,2,3", '1,"x', "1,\0"])
def test_where_a_csv_file_does_not_fit_all_of_the_package_are_looked_at_anew(pipe, tmp_path, line):
    fits = csv_of(tmp_path / "a.csv", "id,v\n1,2.50\n")
    torn = csv_of(tmp_path / "b.csv", "id,v\n" + "1,2.5\n" * 5000 + line + "\n")
    package = pipe.package(stream_of(), fits, torn)

    with pytest.raises(FilesUnfit) as raised:
        pipe.load_package(stream_of(), package)

    assert raised.value.origins == {"a.csv", "b.csv"}
    assert pipe.table not in pipe.connection.inspect("raw")
    assert ledger.last_load(pipe.connection, "shop.things") is None


def test_csv_files_that_fit_are_loaded_as_they_are_said(pipe, tmp_path):
    pipe.load(stream_of(), csv_of(tmp_path / "a.csv", "id,v\n1,2.50\n2,\n"))

    assert [(row[0], str(row[1])) for row in pipe.rows("id, v")] == [(1, "2.50"), (2, "None")]
    assert (pipe.types()["id"], pipe.types()["v"]) == ("bigint", "decimal(18,2)")


def test_how_files_are_written_stays_known_after_loads_that_say_nothing_of_it(pipe, tmp_path):
    words = {"dialect": {"delimiter": ";"}}
    scan = replace(csv_of(tmp_path / "a.csv", "id,v\n1,2.50\n"), words=words)

    first = pipe.load(stream_of(write_disposition="append"), scan)
    second = pipe.load(stream_of(write_disposition="append"), batch_of(id=[1]))
    anew = pipe.load(stream_of(write_disposition="append"), batch_of(id=[1]), full_refresh=True)

    assert first.carried == second.carried == words
    assert anew.carried == {}
