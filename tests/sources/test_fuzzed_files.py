"""Files of which bytes were changed, cut or made up: rows and a ledger that balances, or an error that says so; nothing else."""

import io
import json
import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import fastavro
import openpyxl
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace.batch import Batch, Scan
from headrace.errors import HeadraceError, LedgerUnbalanced
from headrace.extract.source import open_stream
from headrace.landing import Landing
from headrace.load.loader import load
from headrace.load.parts import FilesUnfit
from headrace.project.file_sources import FilesStream
from headrace.project.sources import Stream
from headrace.retry import SYSTEM
from headrace.table import Table
from headrace.warehouse.embedded import Embedded
from headrace.warehouse.opening import open_warehouse

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TABLE = pa.table({"id": range(50), "v": [f"v{n}" for n in range(50)], "x": [n / 4 for n in range(50)]})


def _parquet():
    out = io.BytesIO()
    pyarrow.parquet.write_table(TABLE, out)
    return out.getvalue()


def _arrow():
    out = pa.BufferOutputStream()
    with pa.ipc.new_file(out, TABLE.schema) as writer:
        writer.write_table(TABLE, max_chunksize=20)
    return out.getvalue().to_pybytes()


def _avro():
    out = io.BytesIO()
    fields = [
        {"name": "id", "type": "long"},
        {"name": "v", "type": ["null", "string"]},
        {"name": "x", "type": "double"},
    ]
    schema = fastavro.parse_schema({"type": "record", "name": "r", "fields": fields})
    fastavro.writer(out, schema, TABLE.to_pylist(), sync_interval=100)
    return out.getvalue()


def _xlsx():
    book = openpyxl.Workbook()
    for line in [["id", "v"], *([n, f"v{n}"] for n in range(20)), ["#N/A", 1.5]]:
        book.active.append(line)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


WHOLE = {
    "csv": "id,v,x\n" + "".join(f'{n},"v ""{n}"" é\n",{n / 4}\n' for n in range(30)),
    "jsonl": "".join(
        json.dumps({"id": n, "v": f"é{n}", "x": {"y": [n]}}, ensure_ascii=False) + "\n" for n in range(30)
    ),
    "json": json.dumps({"data": [{"id": n, "v": None} for n in range(30)]}),
    "xml": "<a><n/>" + "".join(f'<b id="{n}"><v>é{n}</v><w/><w>1</w></b>' for n in range(30)) + "</a>",
    "fixed": "".join(f"{n:04d}é{n:05d}\n" for n in range(30)),
}
WHOLE = {kind: text.encode() for kind, text in WHOLE.items()}
WHOLE |= {"parquet": _parquet(), "arrow": _arrow(), "avro": _avro(), "excel": _xlsx()}
SPECS = {
    "csv": [{}, {"columns": {"id": {"type": "integer"}, "x": {"type": "decimal(4,1)"}}}, {"delimiter": ";", "encoding": "utf-16"}],
    "jsonl": [{}, {"columns": {"id": {"type": "integer"}}, "nested": "flatten"}, {"data_selector": "x"}],
    "json": [{}, {"data_selector": "data", "columns": {"id": {"type": "boolean"}}}],
    "xml": [{}, {"data_selector": "/a/b", "columns": {"@id": {"type": "integer"}}}],
    "fixed": [{"fields": [{"id": 4}, {"v": 2}, {"n": 9}], "columns": {"id": {"type": "bigint"}}}],
    "excel": [{}, {"columns": {"id": {"type": "integer"}}, "error_cells": "null"}],
}  # fmt: skip
TOKENS = [b'"', b"\n", b"\r", b",", b";", b"\0", b"\xff", b"\xc3", b"\xef\xbb\xbf", b"{", b"]", b"<", b"&", b"'", b"\\", b"1e999", b"NaN", b"null"]  # fmt: skip


@st.composite
def damaged(draw, whole):
    """The bytes of a file, cut, changed in places or not, or none of them."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=200) | st.lists(st.sampled_from(TOKENS), max_size=40).map(b"".join))
    raw = bytearray(whole)
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(raw)))
        piece = draw(st.sampled_from(TOKENS) | st.binary(max_size=4))
        gone = draw(st.integers(0, 4))
        raw[at : at + gone] = piece
    return bytes(raw[: draw(st.integers(0, len(raw)))] if draw(st.booleans()) else raw)


@pytest.fixture(scope="module")
def connection():
    with tempfile.TemporaryDirectory() as folder:
        warehouse = open_warehouse(f"duckdb:///{folder}/w.duckdb")
        with warehouse.connect() as opened:
            yield opened
        warehouse.close()


def loaded(connection, kind, spec, raw, folder):
    """A file through landing into a table; the ledger's entry."""
    (folder / f"a.{'dat' if kind == 'fixed' else 'xlsx' if kind == 'excel' else kind}").write_bytes(raw)
    made = FilesStream.model_validate({"path": "a.*", "write_disposition": "replace", **spec})
    stream = Stream(source="f", name="s", spec=made, folder=str(folder))
    landing, local = Landing(folder / "landing"), Embedded.in_memory()
    try:
        for _ in range(3):
            package = landing.begin(stream.label, None, "x")
            for one in open_stream(
                stream, cursor=None, resume=package.resume, local=local, clock=SYSTEM, scratch=package.scratch, unfit=package.unfit
            ):  # fmt: skip
                match one:
                    case Batch():
                        refused = one.rejected.num_rows if one.rejected is not None else 0
                        assert one.read == one.rows.num_rows + refused
                        package.write(one)
                    case Scan():
                        package.refer(one)
            package.finish()
            try:
                return load(connection, stream, Table("raw", "s"), package, run="r", now=NOW, full_refresh=True)
            except FilesUnfit as unfit:
                package.reopen(unfit.origins)
    finally:
        local.close()
    raise AssertionError("a file that does not fit as a whole has to be read in pieces")


@pytest.mark.parametrize("kind", WHOLE)
def test_a_damaged_file_is_rows_and_a_ledger_that_balances_or_an_error(connection, kind):
    @settings(max_examples=8, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(raw=damaged(WHOLE[kind]), spec=st.sampled_from(SPECS.get(kind, [{}])))
    def law(raw, spec):
        folder = Path(tempfile.mkdtemp())
        try:
            loaded(connection, kind, spec, raw, folder)
        except LedgerUnbalanced:
            raise
        except HeadraceError:
            pass
        finally:
            shutil.rmtree(folder)

    law()


@pytest.mark.parametrize("kind", WHOLE)
def test_a_whole_file_is_loaded(connection, kind, tmp_path):
    entry = loaded(connection, kind, SPECS.get(kind, [{}])[0], WHOLE[kind], tmp_path)

    assert entry.read == {"parquet": 50, "arrow": 50, "avro": 50, "excel": 21}.get(kind, 30)
    assert entry.quarantined == {"excel": 1}.get(kind, 0)
