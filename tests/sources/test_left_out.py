"""CSV with comments and with lines at its end that are no rows: they count nowhere, and the others keep their numbers."""

import gzip

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sources_arrived import rejected, rows

from headrace.batch import Batch, Scan
from headrace.errors import FileUnreadable
from headrace.project.file_sources import FilesStream


def kept(arrived):
    return sorted(
        (row["origin"], row["detail"]) for row in rejected([one for one in arrived if isinstance(one, Batch)])
    )


TEXT = '# made by "a, b\n#\n\nid,v\n# first\n1,"#a\n# b"\n2,# c\n#3,x\n3,d\nx\n4,e\n# end\ntotal,\n2 rows\n'


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("pack", [lambda raw: raw, gzip.compress])
def test_comments_and_a_footer_are_no_rows_and_the_others_keep_their_numbers(tmp_path, local, read, pack, ends):
    (tmp_path / "a.csv").write_bytes(pack(b"\xef\xbb\xbf" + TEXT.replace("\n", ends).encode()))

    (batch,) = read(path="a.csv", comment="#", skip_footer=2)

    assert [row["v"] for row in rows(local, [batch])] == [f"#a{ends}# b", "# c", "d", "e"]
    assert [row["id"] for row in rows(local, [batch])] == [1, 2, 3, 4]
    assert kept([batch]) == [("a.csv:11", "1 value where 2 are expected")]
    assert batch.read == 5


def test_a_file_whose_lines_are_rows_otherwise_is_still_read_in_place(tmp_path, local, read):
    (tmp_path / "a.csv").write_text("id,v\n# c\n1,a\n2,b#\n")

    (scan,) = read(path="a.csv", comment="#")

    assert isinstance(scan, Scan)
    assert rows(local, [scan]) == [{"id": 1, "v": "a"}, {"id": 2, "v": "b#"}]


@pytest.mark.parametrize("last", ["", "\n", "\n\n"])
@pytest.mark.parametrize("lines", [1, 3, 300_000])
def test_a_footer_is_so_many_lines_however_the_last_one_ends(tmp_path, local, read, last, lines):
    footer = "\n".join(["end,of,it,all"] * (lines - (last == "\n\n")))
    (tmp_path / "a.csv").write_text("id,v\n1,a\n2,b\n" + footer + last)
    if lines == 1 and last == "\n\n":
        (tmp_path / "a.csv").write_text("id,v\n1,a\n2,b\n\n")

    (scan,) = read(path="a.csv", skip_footer=lines)

    assert rows(local, [scan]) == [{"id": 1, "v": "a"}, {"id": 2, "v": "b"}]


LINES = [b"1,a,2", b'2,"#b",3', b'3,"two\n# lines\n#",4', b'4,"a""\n#",4', b"5,#,6", b"", b" # x,1"]
BAD = [b"4,d", b"6,f,x,#", b"x"]
COMMENTS = [b"#", b"# x", b'#"q"', b"#,,", b'# "open']


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(st.sampled_from(LINES + BAD + COMMENTS), max_size=20),
    ends=st.sampled_from([b"\n", b"\r\n"]),
    header=st.booleans(),
    skipped=st.integers(0, 1),
    footer=st.integers(0, 2),
)
def test_a_comment_is_as_if_its_line_were_empty(tmp_path, local, read, lines, ends, header, skipped, footer):  # noqa: PLR0917
    first = [*[b'"pre'] * skipped, *[b"id,v,n"] * header, b"0,first,0"]
    plain = [b"" if line in COMMENTS else line for line in lines]
    spec = {"path": "a.csv", "delimiter": ",", "quote": '"', "escape": '"', "header": header, "skip_rows": skipped}

    def arrived(lines, footer, **more):
        every = (line.replace(b"\n", ends) for line in [*first, *lines, *[b"#,total"] * footer])
        (tmp_path / "a.csv").write_bytes(ends.join([*every, b""]))
        found = read(unfit=["a.csv"], **spec, **more)
        return rows(local, found), kept(found), sum(one.read for one in found)

    assert arrived(lines, footer, comment="#", skip_footer=footer) == arrived(plain, 0)


def test_a_file_that_begins_with_empty_lines_has_its_header_after_them(tmp_path, local, read):
    (tmp_path / "a.csv").write_text("\n\nid,v\n1,a\n")

    assert rows(local, read(path="a.csv")) == [{"id": 1, "v": "a"}]


def test_a_comment_that_could_be_a_row_is_an_error(tmp_path, read):
    (tmp_path / "a.csv").write_text("id;v\n1;a\n;b\n")
    (tmp_path / "b.csv").write_text("id\n# c\n1\n")

    with pytest.raises(ValueError, match="`comment:` begins with"):
        FilesStream(path="a.csv", delimiter=";", comment=";")
    with pytest.raises(ValueError, match="`comment:` is of CSV and TSV, and the format is jsonl"):
        FilesStream(path="a.jsonl", format="jsonl", comment="#")
    with pytest.raises(FileUnreadable, match="begins as a row may"):
        read(path="a.csv", comment=";")
    with pytest.raises(FileUnreadable, match="has one column"):
        read(path="b.csv", comment="#")


def test_a_file_of_which_nothing_is_left_says_by_which_keys(tmp_path, read):
    (tmp_path / "a.csv").write_text("id,v\n1,a\n")

    with pytest.raises(FileUnreadable, match="is empty") as raised:
        read(path="a.csv", skip_footer=9)

    assert raised.value.hint == "`skip_footer:` left nothing of it"
