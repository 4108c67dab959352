"""Files whose lines are not what their scans say."""

import pytest

from headrace.batch import Scan
from headrace.load.parts import FilesUnfit
from headrace.state import ledger

from .conftest import stream_of

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
