"""Tables of lists, and names, as a user meets them on the command line."""

import json

import duckdb
import pytest

PROJECT = """\
name: shop
targets: {dev: duckdb:///shop.duckdb}
sources:
  api:
    type: files
    streams:
      orders: {path: data/orders*.jsonl, primary_key: id, nested: tables}
      things: {path: data/things*.csv, write_disposition: append}
"""


@pytest.fixture
def project(tmp_path):
    (tmp_path / "headrace.yml").write_text(PROJECT)
    (tmp_path / "data").mkdir()
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "sold.sql").write_text(
        "select o.id, l.sku from {{ source('api', 'orders') }} as o\n"
        "join {{ source('api', 'orders__lines') }} as l on l._headrace_root_id = o.id\n"
    )
    write(tmp_path, "orders1", {"id": 1, "lines": [{"sku": "a", "tags": ["x", "y"]}, {"sku": "b", "tags": []}]})
    return tmp_path


def write(project, name, *rows):
    (project / "data" / f"{name}.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))


def query(project, sql):
    with duckdb.connect(str(project / "shop.duckdb"), read_only=True) as session:
        return session.execute(sql).fetchall()


def columns(project, table):
    return [row[0] for row in query(project, f"DESCRIBE {table}") if not row[0].startswith("_headrace_")]


def test_a_model_reads_the_table_of_a_list_before_and_after_it_is_first_loaded(run, project):
    before = run("ls", "-s", "+sold")
    built = run("build", "-s", "+sold")
    after = run("ls", "-s", "source:api")
    traced = run("trace", "api.orders__lines", "-o", "json")

    assert before.out.split() == ["source:shop.api.orders", "source:shop.api.orders__lines", "shop.sold"]
    assert built.code == 0, built.err
    assert query(project, "SELECT * FROM main.sold ORDER BY ALL") == [(1, "a"), (1, "b")]
    assert sorted(after.out.split()) == [
        f"source:shop.api.{name}" for name in ("orders", "orders__lines", "orders__lines__tags", "things")
    ]
    told = json.loads(traced.out)
    assert (told["balances"], told["totals"]["inserted"]) == (True, 2)


def test_who_selects_the_table_of_a_list_loads_the_stream_that_makes_it(run, project):
    unknown = run("load", "-s", "source:api.orders__lines__tags")
    loaded = run("load", "-s", "source:api.orders__lines", "-o", "json")
    write(project, "orders2", {"id": 2, "lines": [{"sku": "c"}]})
    built = run("build", "-s", "source:api.orders__lines+")
    only = run("ls", "-s", "source:api.orders__lines")

    assert "lists are known when api.orders was loaded for the first time, so say source:api.orders" in unknown.err
    assert [step["step"] for step in json.loads(loaded.out)["steps"]] == ["source.shop.api.orders"]
    assert built.code == 0, built.err
    assert query(project, "SELECT * FROM main.sold ORDER BY ALL") == [(1, "a"), (1, "b"), (2, "c")]
    assert only.out.split() == ["source:shop.api.orders__lines"]


def test_who_leaves_a_stream_out_leaves_the_tables_of_its_lists_out(run, project):
    assert run("load", "-s", "source:api.orders").code == 0
    (project / "selectors.yml").write_text(
        "selectors:\n- name: others\n  definition:\n    union:\n"
        "    - 'source:api'\n    - exclude: ['source:api.orders']\n"
    )

    listed = run("ls", "-s", "source:api", "--exclude", "source:api.orders")
    named = run("ls", "--selector", "others")
    loaded = run("load", "--exclude", "source:api.orders", "-o", "json")
    lines = run("load", "--exclude", "source:api.orders__lines", "-o", "json")

    assert listed.out.split() == named.out.split() == ["source:shop.api.things"]
    assert [step["step"] for step in json.loads(loaded.out)["steps"]] == ["source.shop.api.things"]
    assert "source.shop.api.orders" in [step["step"] for step in json.loads(lines.out)["steps"]]


def test_what_changes_in_a_list_reaches_the_models_that_read_it(run, project):
    assert run("build", "-s", "+sold").code == 0
    write(project, "orders2", {"id": 1, "lines": [{"sku": "b", "tags": []}]}, {"id": 2, "lines": [{"sku": "c"}]})

    assert run("build", "-s", "+sold").code == 0

    assert query(project, "SELECT * FROM main.sold ORDER BY ALL") == [(1, "b"), (2, "c")]
    assert query(project, "SELECT count(*) FROM api.orders__lines__tags") == [(0,)]


def test_what_a_list_would_become_is_shown_before_anything_is_loaded(run, project):
    whole = run("source", "peek", "api.orders", "-o", "json")
    lines = run("source", "peek", "api.orders__lines", "-o", "json")
    tags = run("source", "peek", "api.orders__lines__tags", "-o", "json")
    wrong = run("source", "peek", "api.orders__lins")

    assert json.loads(whole.out)["lists"] == ["lines"]
    assert json.loads(lines.out)["rows"] == [{"sku": "a"}, {"sku": "b"}]
    assert json.loads(tags.out)["rows"] == [{"value": "x"}, {"value": "y"}]
    assert (wrong.code, "lists: lines" in wrong.err) == (2, True)


def test_what_does_not_go_with_tables_of_lists_is_said_where_it_stands(run, project):
    text = (project / "headrace.yml").read_text()

    (project / "headrace.yml").write_text(text.replace("nested: tables", "nested: json, max_table_nesting: 2"))
    alone = run("check")
    (project / "headrace.yml").write_text(text.replace("nested: tables", "nested: tabels"))
    misspelt = run("check")
    (project / "headrace.yml").write_text(text.replace("nested: tables", "nested: tables, naming: camel"))
    unknown = run("check")

    assert alone.code == misspelt.code == unknown.code == 2
    assert "`max_table_nesting` goes with `nested: tables`" in alone.err
    assert "headrace.yml:7" in misspelt.err
    assert "tables" in misspelt.err
    assert "snake_case" in unknown.err
    assert "Traceback" not in alone.err + misspelt.err + unknown.err


def test_columns_that_would_get_one_name_keep_those_that_they_had_whichever_comes_later(run, project):
    (project / "data" / "things1.csv").write_text("Id,value\n1,a\n")
    assert run("load", "-s", "source:api.things").code == 0
    (project / "data" / "things2.csv").write_text("ID,id,Id,value\n10,20,2,b\n")
    assert run("load", "-s", "source:api.things").code == 0
    (project / "data" / "things3.csv").write_text("id,value\n30,c\n")
    assert run("load", "-s", "source:api.things").code == 0

    kept = query(project, "SELECT * EXCLUDE (value) FROM (SELECT COLUMNS('^[^_]') FROM api.things) ORDER BY ALL")
    named = dict(
        zip([name for name in columns(project, "api.things") if name != "value"], zip(*kept, strict=True), strict=True)
    )
    assert sorted(named["id"], key=str) == [1, 2, None]
    others = {
        tuple(sorted(value for value in values if value is not None)) for name, values in named.items() if name != "id"
    }
    assert others == {(10,), (20, 30)}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("naming: direct\n", ["Order ID", "httpCode", "rowid_", "headrace_x"]),
        ("naming: sql_ci\n", ["order_id", "httpcode", "rowid_", "headrace_x"]),
        ("", ["order_id", "http_code", "rowid_", "headrace_x"]),
    ],
)
def test_a_project_says_how_columns_are_named(run, project, said, expected):
    (project / "headrace.yml").write_text(said + PROJECT)
    (project / "data" / "things1.csv").write_text("Order ID,httpCode,rowid,_headrace_x\n1,2,3,4\n")

    loaded = run("load", "-s", "source:api.things")

    assert loaded.code == 0, loaded.err
    assert columns(project, "api.things") == expected
