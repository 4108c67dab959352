"""Streams of an API from the command line to their tables, by a server that counts what it is asked."""

import os
import signal
import subprocess
import sys
import textwrap
from collections import Counter
from contextlib import closing

import pytest

from headrace.warehouse.opening import open_warehouse

PROJECT = """
name: shop
targets: {{dev: "{target}"}}
sources:
  api:
    type: rest
    client: {{base_url: {url}, retry: {{max_attempts: 1}}}}
    streams:
"""


@pytest.fixture
def project(api, tmp_path):
    """`project("streams: …")` writes the project; `project.load(...)` runs `headrace load` and gives its exit code and output."""

    def write(streams, target="duckdb:///shop.duckdb"):
        write.target = target.replace("duckdb:///", f"duckdb:///{tmp_path}/")
        text = (
            PROJECT.format(url=api.url, target=target)
            + textwrap.indent(textwrap.dedent(streams).strip("\n"), "      ")
            + "\n"
        )
        (tmp_path / "headrace.yml").write_text(text)

    def start(*arguments):
        plain = {name: value for name, value in os.environ.items() if not name.startswith(("HEADRACE_", "DBT_"))}
        return subprocess.Popen(
            [sys.executable, "-m", "headrace", "load", *arguments],
            cwd=tmp_path,
            env=plain,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def load(*arguments):
        process = start(*arguments)
        out, _ = process.communicate(timeout=100)
        return process.returncode, out

    def rows(sql):
        warehouse = open_warehouse(write.target)
        with closing(warehouse), warehouse.connect() as connection:
            return connection.rows(sql)

    write.start, write.load, write.rows = start, load, rows
    return write


@pytest.mark.parametrize("paginator", ["json_link", "{type: page_number, base_page: 1, parallel: 2}"])
def test_a_run_that_is_killed_asks_again_only_for_what_was_under_way(api, project, paginator):
    path = "json_link" if paginator == "json_link" else "page_number"
    project(f"orders: {{path: {path}, paginator: {paginator}, data_selector: data, primary_key: id}}")
    victim, answered = [], []

    def deadly(route):
        def answer(api, asked):
            key = asked.params.get("after") or asked.params.get("page")
            if key in ("15", "4") and victim:
                os.kill(victim.pop(), signal.SIGKILL)
            answered.append(key)
            return route(api, asked)

        return answer

    from sources_server import ROUTES

    api.routes[f"/{path}"] = deadly(ROUTES[f"/{path}"])
    process = project.start()
    victim.append(process.pid)
    process.wait(timeout=60)
    process.stdout.close()

    code, out = project.load()

    assert process.returncode == -signal.SIGKILL
    assert code == 0, out
    assert project.rows("select count(*), count(distinct id) from api.orders") == [(25, 25)]
    again = {key for key, times in Counter(api.keys()).items() if times > 1}
    # What the killed process had asked for but not been answered: the deadly page, and with two threads the one beside it.
    assert again <= ({"15"} if path == "json_link" else {"3", "4", "5"})


@pytest.mark.parametrize("engine", ["duckdb", "postgres"])
def test_each_row_names_the_page_that_it_came_from(api, project, request, engine):
    target = {"target": request.getfixturevalue("postgres_url")} if engine == "postgres" else {}
    paging = "{type: page_number, base_page: 1}"
    project(f"orders: {{path: page_number, paginator: {paging}, data_selector: data, params: {{token: x}}}}", **target)

    code, out = project.load()

    assert code == 0, out
    counted = "select _headrace_source, count(*), min(id) from api.orders group by 1 order by 3"
    page = f"{api.url}/page_number?token=***&page="
    assert project.rows(counted) == [(f"{page}{n}", 5, 5 * n - 4) for n in range(1, 6)]


@pytest.mark.parametrize("engine", ["duckdb", "postgres"])
def test_a_record_in_which_a_key_is_twice_is_kept_out_and_counted(api, project, request, engine):
    target = {"target": request.getfixturevalue("postgres_url")} if engine == "postgres" else {}
    api.routes["/orders"] = lambda api, asked: (b'[{"id": 1, "v": 1}, {"id": 2, "v": 1, "v": 2}]', {})
    project("orders: {path: orders, primary_key: id, paginator: single_page}", **target)

    code, out = project.load()

    assert code == 0, out
    assert "2 rows read = 1 inserted + 1 quarantined" in out
    assert project.rows("select id, v from api.orders") == [(1, 1)]
    kept = project.rows('select reason, "column", detail, raw from headrace.quarantine')
    assert kept == [("record", "v", "the key 'v' is there twice", '{"id":2,"v":1,"v":2}')]


@pytest.mark.parametrize("engine", ["duckdb", "postgres"])
def test_children_are_loaded_after_their_parents_with_every_row_of_them(api, project, request, engine):
    target = {"target": request.getfixturevalue("postgres_url")} if engine == "postgres" else {}
    api.records = [{"id": n, "owner": {"id": n * 10}} for n in range(1, 13)]
    for n in range(1, 13):
        api.routes[f"/orders/{n}/lines"] = lambda api, asked: ([{"id": int(asked.path.split("/")[2]) * 100}], {})
    project(
        """
        lines:
          path: orders/{resources.orders.id}/lines
          paginator: single_page
          include_from_parent: [id, owner.id]
        orders: {path: page_number, paginator: {type: page_number, base_page: 1}, data_selector: data}
        """,
        **target,
    )

    code, out = project.load()

    assert code == 0, out
    assert project.rows("select count(*) from api.lines") == [(12,)]
    found = project.rows("select id, _orders_id, _orders_owner_id from api.lines order by id limit 2")
    assert found == [(100, 1, 10), (200, 2, 20)]


@pytest.mark.parametrize("asks", ['path: "orders/{resources.orders.ref}/lines"', 'path: lines, params: {of: "{resources.orders.ref}"}'])  # fmt: skip
def test_a_parent_without_a_value_to_ask_by_is_not_asked_for_and_that_is_said(api, project, asks):
    api.records = [{"id": 1, "ref": "a"}, {"id": 2, "ref": None}, {"id": 3, "ref": ""}]
    for path in ("/orders/a/lines", "/orders/lines", "/orders//lines", "/lines"):
        api.routes[path] = lambda api, asked: ([{"id": 100}], {})
    project(f"""
        lines: {{{asks}, paginator: single_page, primary_key: id}}
        orders: {{path: single_page, paginator: single_page}}
    """)

    code, out = project.load()

    assert code == 0, out
    assert len(api.journal) == 2
    assert "api.lines: 2 rows of api.orders have no value in 'ref', so it is not asked for them" in out


@pytest.mark.parametrize(
    ("fault", "spec", "helps"),
    [((401,), "", False), ((404,), "", False), ((503,), "", True), ("drop", "", True), ((200,), ", data_selector: nowhere", False),
     ((200,), ", columns: {id: bigint}, primary_key: nowhere", False)],
)  # fmt: skip
def test_a_load_is_to_be_repeated_only_where_that_could_help(api, project, fault, spec, helps):
    if fault != (200,):
        api.always["first"] = fault
    project(f"orders: {{path: single_page, paginator: single_page{spec}}}")

    code, out = project.load()

    assert code == 1, out
    assert ("headrace retry" in out) is helps


def test_a_child_whose_parent_was_never_loaded_says_how_to_load_both(api, project):
    api.records = [{"id": 1}]
    api.routes["/orders/1/lines"] = lambda api, asked: ([{"id": 100}], {})
    project("""
        lines: {path: "orders/{resources.orders.id}/lines", paginator: single_page}
        orders: {path: single_page, paginator: single_page}
    """)

    code, out = project.load("-s", "source:api.lines")

    assert code == 1
    assert "which has no table yet" in out
    assert "-s +source:api.lines" in out
    assert project.load("-s", "+source:api.lines")[0] == 0
    assert [asked.path for asked in api.journal] == ["/single_page", "/orders/1/lines"]


def test_a_child_of_a_stream_that_is_not_there_is_an_error_of_the_project(project):
    project('lines: {path: "orders/{resources.ordres.id}/lines"}\norders: {path: single_page}')

    code, out = project.load()

    assert code == 2
    assert "there is no stream 'ordres'" in out
    assert "orders" in out


def test_cursors_of_parents_outlive_a_load_that_had_nothing_new(api, project):
    api.records = [{"id": 1}, {"id": 2}]
    log = []

    def lines(api, asked):
        since = int(asked.params.get("since", 0))
        log.append((asked.path, since))
        parent = int(asked.path.split("/")[2])
        return [{"id": parent * 10 + n, "at": n} for n in (1, 2, 3) if n > since], {}

    api.routes = {f"/orders/{n}/lines": lines for n in (1, 2)}
    project("""
        orders: {path: single_page, paginator: single_page}
        lines:
          path: orders/{resources.orders.id}/lines
          paginator: single_page
          primary_key: id
          incremental: {cursor_path: at, start_param: since, scope: parent}
    """)

    codes = [project.load()[0] for _ in range(3)]

    assert codes == [0, 0, 0]
    assert sorted(log[:2]) == [("/orders/1/lines", 0), ("/orders/2/lines", 0)]
    assert {since for _, since in log[2:]} == {3}
    assert project.rows("select count(*) from api.lines") == [(6,)]


def test_reference_data_is_not_asked_for_again_while_its_cache_lasts(api, project):
    project("orders: {path: single_page, paginator: single_page, cache: 1h}")

    project.load()
    project.load()
    asked = len(api.journal)
    project.load("--full-refresh")

    assert (asked, len(api.journal)) == (1, 2)


def test_a_stream_that_lacks_the_key_it_is_to_be_joined_by_is_refused_before_anything_is_asked_for(api, project):
    project("orders: {path: orders, write_disposition: merge}")

    code, told = project.load()

    assert code == 1
    assert "HR404" in told
    assert "merge needs a `primary_key`" in told
    assert api.journal == []
