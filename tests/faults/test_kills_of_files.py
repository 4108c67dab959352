"""SIGKILL while files of other places are fetched and loaded: nothing is lost, nothing twice, and what is here is not fetched again."""

import logging
import re
import shutil
import textwrap
from contextlib import contextmanager

import pytest

from headrace.state import files, ledger
from headrace.warehouse.opening import open_warehouse

MOMENTS = 8
"""How many of a load's moments are tried, evenly spread."""
BLOCK = 40_000
SIZES = {"a.csv": 5_000, "b.csv": 30_000, "c.jsonl": 3_000}
"""The rows of each file; the first is loaded on the first day."""


def content(name, rows):
    first = list(SIZES).index(name) * 100_000
    if name.endswith("csv"):
        return ("id,name\n" + "".join(f"{first + n},name {n}\n" for n in range(rows))).encode()
    return "".join(f'{{"id": {first + n}, "name": "name {n}"}}\n' for n in range(rows)).encode()


class Asked(logging.Handler):
    """Which objects the S3 server was asked for, by its log."""

    def __init__(self):
        super().__init__(logging.INFO)
        self.names = []

    def emit(self, record):
        found = re.search(r"GET /lake/in/([a-z.]+) HTTP", record.getMessage())
        if found:
            self.names.append(found[1])


@contextmanager
def s3(stores, _folder):
    asked, log = Asked(), logging.getLogger("werkzeug")
    level = log.level
    log.addHandler(asked)
    log.setLevel(logging.INFO)
    try:
        with stores.s3() as (endpoint, client):
            access = {**stores.KEYS, "endpoint": endpoint}
            yield (
                f"path: 's3://lake/in/*', credentials: {{s3: {access}}}",
                lambda name, body: client.put_object(Bucket="lake", Key=f"in/{name}", Body=body),
                asked.names,
            )
    finally:
        log.removeHandler(asked)
        log.setLevel(level)


@contextmanager
def sftp(stores, folder):
    (folder / "remote" / "in").mkdir(parents=True)
    with stores.ssh(folder / "remote") as server:
        access = {"username": "loader", "password": "opensesame", "host_key": server.host_key}
        yield (
            f"path: 'sftp://127.0.0.1:{server.port}/in/*', credentials: {{sftp: {access}}}",
            lambda name, body: (folder / "remote" / "in" / name).write_bytes(body),
            server.opened,
        )


@contextmanager
def http(stores, _folder):
    with stores.web() as web:
        names = ", ".join(SIZES)
        yield (
            f"path: '{web.url}/{{name}}', for_each: {{name: [{names}]}}",
            lambda name, body: web.files.__setitem__(f"/{name}", body),
            web.gets,
        )


PLACES = {"s3": s3, "sftp": sftp, "http": http}


@pytest.fixture(params=PLACES)
def day_one(request, tmp_path, stores, monkeypatch, killer):
    """A project that has loaded the first file, with the second and the third at their place; and what the place was asked for."""
    stores.environment_without_clouds(monkeypatch)
    with PLACES[request.param](stores, tmp_path) as (said, put, asked):
        stream, _, credentials = said.partition(", credentials")
        project = tmp_path / "project"
        project.mkdir()
        source = f"""
            name: killed
            targets: {{dev: "duckdb:///killed.duckdb"}}
            sources:
              lake:
                type: files
                {"credentials" + credentials if credentials else ""}
                streams:
                  things: {{{stream}, write_disposition: append, columns: {{id: bigint}}, changed_by: {CHANGED[request.param]}}}
            """
        (project / "headrace.yml").write_text(textwrap.dedent(source))
        put("a.csv", content("a.csv", SIZES["a.csv"]))
        ended = killer(["--project-dir", str(project), "load"])
        assert ended["code"] == 0, (tmp_path / "output").read_text()
        for name in ("b.csv", "c.jsonl"):
            put(name, content(name, SIZES[name]))
        yield project, asked


CHANGED = {"s3": "etag", "sftp": "mtime", "http": "mtime"}


def whole_files(project):
    """The names of files that lie fetched to their end, or that are in the table."""
    scratch = [path for path in project.rglob("landing/**/scratch/**/*") if path.is_file()]
    return {path.name for path in scratch if path.name in SIZES} | loaded_files(project)


def loaded_files(project):
    with warehouse_of(project) as connection:
        return {one.name.rpartition("/")[2] for one in files.loaded(connection, "lake.things")}


@contextmanager
def warehouse_of(project):
    warehouse = open_warehouse(f"duckdb:///{project / 'killed.duckdb'}")
    with warehouse.connect() as connection:
        yield connection
    warehouse.close()


def assert_each_file_is_there_once(project):
    with warehouse_of(project) as connection:
        rows = connection.rows("SELECT id, name FROM lake.things ORDER BY id")
        kept = files.loaded(connection, "lake.things")
        loads = ledger.loads(connection)
    expected = [(at * 100_000 + n, f"name {n}") for at, count in enumerate(SIZES.values()) for n in range(count)]
    assert rows == expected
    assert sorted((one.name.rpartition("/")[2], one.rows, one.quarantined) for one in kept) == [
        (name, count, 0) for name, count in SIZES.items()
    ]
    for entry in loads:
        entry.check()
    assert sum(entry.inserted for entry in loads) == len(expected)


@pytest.mark.crash
@pytest.mark.timeout(900)
def test_killed_while_files_come_each_row_is_there_once_and_no_file_that_is_whole_is_fetched_again(
    day_one, killer, tmp_path
):
    project, asked = day_one
    copy = tmp_path / "copy"
    argv = ["--project-dir", str(copy), "--no-color", "load"]

    def again():
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(project, copy)

    again()
    moments, kills, spared = killer(argv, block=BLOCK)["moments"], 0, 0
    for number in range(MOMENTS):
        again()
        kills += killer(argv, block=BLOCK, moment=1 + number * moments // MOMENTS)["killed"]
        here = whole_files(copy)
        spared += len(here - {"a.csv"})
        asked.clear()

        ended = killer(argv)

        assert ended["code"] == 0, (tmp_path / "output").read_text()
        assert not here & set(asked), f"killed at moment {number} of {moments}"
        assert_each_file_is_there_once(copy)

    assert kills >= MOMENTS - 2  # threads fetch in another order each time
    assert spared >= MOMENTS // 4
