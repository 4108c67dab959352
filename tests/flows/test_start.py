"""How a process begins and ends: what a load does not bring into memory, and what it does not leave undone."""

import sqlite3
import subprocess
import sys
from textwrap import dedent

import duckdb
import pytest

LOADED = """
import sys
from headrace.cli.main import main
sys.argv = ["headrace", *sys.argv[1:]]
code = main()
print("--loaded--", *sorted(name for name in sys.modules if "." not in name))
sys.exit(code)
"""


def loaded(*arguments, cwd):
    """The modules that a command had imported at its end."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.partition("--loaded--")[2].split()


@pytest.mark.parametrize("ending", ["jsonl", "json", "csv", "parquet", "sqlite"])
def test_a_load_does_not_import_the_pandas_that_is_installed(tmp_path, ending):
    with duckdb.connect() as session:
        session.execute("CREATE TABLE rows AS SELECT range AS id, 'n' || range AS name FROM range(100)")
        if ending == "sqlite":
            with sqlite3.connect(tmp_path / "rows.sqlite") as made:
                made.execute("CREATE TABLE rows (id INTEGER PRIMARY KEY, name TEXT)")
                made.executemany("INSERT INTO rows VALUES (?, ?)", session.sql("FROM rows").fetchall())
        else:
            form = {"parquet": "", "csv": "(HEADER)", "jsonl": "(FORMAT json)", "json": "(FORMAT json, ARRAY true)"}
            session.execute(f"COPY rows TO '{tmp_path}/rows.{ending}' {form[ending]}")
    source = "sqlite:///rows.sqlite?table=rows" if ending == "sqlite" else f"rows.{ending}"

    found = loaded("load", source, "duckdb:///x.duckdb", cwd=tmp_path)

    # What DuckDB reads by itself needs no Arrow either.
    assert ("pyarrow" in found) == (ending not in ("csv", "parquet"))
    assert "pandas" not in found


def test_a_series_that_a_source_hands_to_arrow_is_still_one(run, tmp_path):
    (tmp_path / "shop.py").write_text(
        dedent("""
        import pyarrow as pa
        from headrace import stream

        @stream
        def prices():
            import pandas as pd
            yield pa.table({"price": pa.array(pd.Series([1.5, float("nan")]))})
        """)
    )
    (tmp_path / "headrace.yml").write_text(
        "name: p\ntargets: {dev: 'duckdb:///p.duckdb'}\nsources:\n  shop: {type: python, module: shop.py}\n"
    )

    assert run("load").code == 0
    with duckdb.connect(str(tmp_path / "p.duckdb")) as session:
        assert session.sql("SELECT price FROM shop.prices ORDER BY ALL").fetchall() == [(1.5,), (None,)]


def test_what_an_author_wants_done_at_the_end_of_the_process_is_done(run, tmp_path):
    (tmp_path / "shop.py").write_text(
        dedent("""
        import atexit
        import threading
        import time
        from pathlib import Path
        from headrace import stream

        def late():
            time.sleep(0.5)
            Path("thread").write_text("done")

        @stream
        def prices():
            atexit.register(lambda: Path("exit").write_text("done"))
            threading.Thread(target=late, daemon=False).start()
            yield {"price": 1}
        """)
    )
    (tmp_path / "headrace.yml").write_text(
        "name: p\ntargets: {dev: 'duckdb:///p.duckdb'}\nsources:\n  shop: {type: python, module: shop.py}\n"
    )

    assert run("load").code == 0
    assert (tmp_path / "thread").read_text() == (tmp_path / "exit").read_text() == "done"


def test_output_that_finds_no_room_is_an_error():
    with open("/dev/full", "w") as full:  # noqa: PTH123 - a device
        done = subprocess.run(
            [sys.executable, "-m", "headrace", "explain", "HR304"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert done.returncode != 0
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
