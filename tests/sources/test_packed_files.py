"""Compressed files and archives: what is in them is told by their bytes, and half of one is nothing."""

import bz2
import gzip
import json
import lzma
import zipfile

import pyarrow as pa
import pytest
from sources_arrived import rows

from headrace.errors import FileUnreadable

PACKERS = {
    "gz": gzip.compress,
    "zst": lambda raw: pa.compress(raw, codec="zstd", asbytes=True),
    "bz2": bz2.compress,
    "xz": lzma.compress,
}
CONTENT = {
    "csv": b"id,v\n1,a\n2,b\n",
    "jsonl": b'{"id": 1, "v": "a"}\n{"id": 2, "v": "b"}\n',
    "json": b'[{"id": 1, "v": "a"}, {"id": 2, "v": "b"}]',
    "xml": b"<a><b><id>1</id><v>a</v></b><b><id>2</id><v>b</v></b></a>",
}


@pytest.mark.parametrize("packer", PACKERS)
@pytest.mark.parametrize("kind", CONTENT)
def test_a_compressed_file_is_what_is_in_it(tmp_path, local, read, kind, packer):
    (tmp_path / f"a.{kind}.{packer}").write_bytes(PACKERS[packer](CONTENT[kind]))

    arrived = read(path="a.*", columns={"id": {"type": "bigint"}})

    assert rows(local, arrived) == [{"id": 1, "v": "a"}, {"id": 2, "v": "b"}]
    assert {one.origin for one in arrived} == {f"a.{kind}.{packer}"}


def test_the_bytes_say_how_a_file_is_compressed_and_not_its_name(tmp_path, local, read):
    (tmp_path / "a.csv").write_bytes(bz2.compress(CONTENT["csv"]))
    (tmp_path / "b.csv.gz").write_bytes(CONTENT["csv"])
    (tmp_path / "c.csv.xz").write_bytes(gzip.compress(lzma.compress(CONTENT["csv"])))

    assert rows(local, read(path="*")) == [{"id": 1, "v": "a"}, {"id": 2, "v": "b"}] * 3


@pytest.mark.parametrize("packer", PACKERS)
def test_an_archive_that_is_cut_off_gives_nothing(tmp_path, read, packer):
    whole = PACKERS[packer](b"".join(b'{"id": %d}\n' % number for number in range(200_000)))
    (tmp_path / f"a.jsonl.{packer}").write_bytes(whole[: len(whole) * 3 // 4])

    with pytest.raises(FileUnreadable, match=rf"a\.jsonl\.{packer} cannot be unpacked") as raised:
        read(path="a.*")

    assert "nothing of it was loaded" in raised.value.hint
    assert not [path for path in (tmp_path / "scratch").iterdir() if path.suffix != ".part"]


def zipped(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, raw in members.items():
            packed.writestr(name, raw)


def test_each_member_of_a_zip_is_a_file_of_its_own(tmp_path, local, read):
    zipped(tmp_path / "a.zip", {"b.jsonl": CONTENT["jsonl"], "a/x.csv": CONTENT["csv"], "c.csv.gz": gzip.compress(CONTENT["csv"])})  # fmt: skip

    arrived = read(path="a.zip")

    assert [one.origin for one in arrived] == ["a.zip!a/x.csv", "a.zip!b.jsonl", "a.zip!c.csv.gz"]
    assert rows(local, arrived) == [{"id": 1, "v": "a"}, {"id": 2, "v": "b"}] * 3
    known = {one.origin: one.stamp for one in arrived[:2]}
    assert [one.origin for one in read({"files": known}, path="a.zip")] == ["a.zip!c.csv.gz"]


def test_a_member_that_is_damaged_is_named(tmp_path, read):
    zipped(tmp_path / "a.zip", {"a.csv": CONTENT["csv"] * 1000})
    raw = bytearray((tmp_path / "a.zip").read_bytes())
    raw[60] ^= 0xFF
    (tmp_path / "a.zip").write_bytes(bytes(raw))

    with pytest.raises(FileUnreadable, match=r"a\.zip!a\.csv cannot be unpacked"):
        read(path="a.zip")


@pytest.mark.parametrize("raw", [b"", b"no zip", b"PK\x03\x04 no zip", b"PK\x05\x06" + b"\0" * 18])
def test_what_is_no_zip_is_refused(tmp_path, read, raw):
    (tmp_path / "a.zip").write_bytes(raw)

    with pytest.raises(FileUnreadable):
        read(path="a.zip")


def test_a_path_with_signs_of_patterns_in_it_is_one_file(tmp_path, local, read):
    (tmp_path / "a[1].csv").write_bytes(CONTENT["csv"])
    (tmp_path / "a[2].jsonl").write_bytes(CONTENT["jsonl"])

    assert rows(local, read(path="a*")) == rows(local, read(path="*.csv")) + rows(local, read(path="*.jsonl"))


def test_lines_of_a_compressed_file_go_on_at_any_batch(tmp_path, local, read, monkeypatch):
    from headrace.extract import documents

    monkeypatch.setattr(documents, "_CHUNK", 64)
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(b"".join(b'{"id": %d}\n' % number for number in range(50))))

    arrived = read(path="*.gz", data_selector="$")

    assert len(arrived) > 1
    for after, batch in enumerate(arrived, 1):
        assert rows(local, read(json.loads(json.dumps(batch.resume)), path="*.gz", data_selector="$")) == rows(
            local, arrived[after:]
        )
