import json

import pytest
import yaml


def test_a_source_is_written_down_as_its_first_responses_show_it(api, headrace):
    api.records = [{"id": n, "name": f"n{n}", "updated_at": f"2024-01-{n:02}T00:00:00Z"} for n in range(1, 26)]

    done = headrace("source", "add", "shop", api.url, "--stream", "orders=json_link", "--stream", "single_page",
                    "--auth", "bearer", "--secret", "SHOP_TOKEN", SHOP_TOKEN="s3cr3t!")  # fmt: skip

    assert done.returncode == 0, done.stderr
    written = (headrace.folder / "sources" / "shop.yml").read_text()
    assert "s3cr3t" not in written
    source = yaml.safe_load(written)
    assert source["client"] == {"base_url": api.url, "auth": {"type": "bearer", "token": "secret:SHOP_TOKEN"}}
    assert source["streams"]["orders"] == {
        "path": "json_link",
        "paginator": "json_link",
        "data_selector": "data",
        "primary_key": "id",
        "incremental": "updated_at",
    }
    assert source["streams"]["single_page"]["primary_key"] == "id"
    assert {asked.headers["authorization"] for asked in api.journal} == {"Bearer s3cr3t!"}
    loaded = headrace("load", SHOP_TOKEN="s3cr3t!")
    assert loaded.returncode == 0, loaded.stdout
    assert headrace("source", "add", "shop", api.url, "--stream", "x").returncode == 2


def project(headrace, api, streams):
    source = {"type": "rest", "client": {"base_url": api.url, "retry": {"max_attempts": 1}}, "streams": streams}
    (headrace.folder / "sources").mkdir()
    (headrace.folder / "sources" / "api.yml").write_text(yaml.safe_dump(source))


def test_a_stream_is_looked_at_with_types_and_suggestions(api, headrace):
    project(headrace, api, {"orders": {"path": "single_page"}})

    shown = headrace("source", "peek", "api.orders", "--limit", "2")
    found = json.loads(headrace("source", "peek", "api.orders", "-o", "json").stdout)

    assert "types: id int64, name string" in shown.stdout
    assert "primary_key: id" in shown.stderr
    assert len(found["rows"]) == 20
    assert (found["primary_key"], found["incremental"]) == ("id", None)


def test_each_stream_is_asked_once_and_a_refusal_is_told(api, headrace):
    api.routes["/secret"] = lambda api, asked: ({"error": "no"}, {}, 403)
    project(
        headrace,
        api,
        {
            "orders": {"path": "single_page"},
            "secret": {"path": "secret"},
            "lines": {"path": "x/{resources.orders.id}", "paginator": "single_page"},
        },
    )

    done = headrace("source", "test")

    assert done.returncode == 1
    lines = sorted(done.stdout.splitlines(), key=lambda line: line.split()[2])
    assert "api.lines  asks for each row of orders" in lines[0]
    assert "api.orders  25 rows, 2 columns" in lines[1]
    assert "status 403" in lines[2]
    assert len(api.journal) == 2


def test_files_are_written_down_as_they_are_written(headrace):
    (headrace.folder / "data").mkdir()
    (headrace.folder / "data" / "crm_2024.csv").write_bytes("Id;Größe;Betrag\n1;é;1,50\n2;x;2,25\n".encode("cp1252"))

    done = headrace("source", "add", "crm", "data/crm*.csv", "--stream", "customers")

    assert done.returncode == 0, done.stderr
    source = yaml.safe_load((headrace.folder / "sources" / "crm.yml").read_text())
    assert source == {
        "type": "files",
        "streams": {
            "customers": {
                "path": "data/crm*.csv",
                "encoding": "cp1252",
                "delimiter": ";",
                "header": True,
                "decimal": ",",
            }
        },
    }
    seen = json.loads(headrace("source", "peek", "crm.customers", "-o", "json").stdout)
    assert seen["rows"][0] == {"id": 1, "größe": "é", "betrag": "1.50"}
    assert seen["dialect"]["decimal"] == ","
    assert "written: encoding 'cp1252', delimiter ';'" in headrace("source", "peek", "crm.customers").stdout
    assert "HR303" in headrace("source", "add", "other", "data/none.csv").stderr
    assert headrace("source", "add", "other", "data/crm_2024.csv", "--auth", "bearer").returncode == 2


def test_a_row_in_quarantine_is_shown_with_its_place(headrace):
    (headrace.folder / "a.csv").write_text("id,v\n1,2\n3\n")
    (headrace.folder / "sources").mkdir()
    (headrace.folder / "sources" / "f.yml").write_text("type: files\nstreams:\n  a: {path: a.csv}\n")

    assert headrace("load").returncode == 0

    assert "\n    a.csv:3\n" in headrace("quarantine", "show").stdout


@pytest.fixture
def lake(headrace):
    """Two files of CSV, of which one has a line that is none, before they are loaded."""
    streams = {"things": {"path": "in/*.csv", "write_disposition": "append"}, "all": {"path": "in/*.csv"}}
    (headrace.folder / "sources").mkdir()
    (headrace.folder / "sources" / "lake.yml").write_text(yaml.safe_dump({"type": "files", "streams": streams}))
    (headrace.folder / "in").mkdir()
    (headrace.folder / "in" / "a.csv").write_text("id,n\n1,2\n")
    (headrace.folder / "in" / "b.csv").write_text("id,n\n1,2\n3,4,5\n")
    return headrace.folder / "in"


def listed(headrace, *words):
    done = headrace("source", "files", *words, "-o", "json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    return {file["name"][3:-4]: file for file in found["files"]}, found["next"]


def test_which_files_are_new_changed_or_gone_and_what_came_of_each(headrace, lake):
    before, coming = listed(headrace, "lake.things")
    headrace("load", "-s", "source:lake.things")
    after, rest = listed(headrace, "lake.things")
    (lake / "a.csv").unlink()
    (lake / "b.csv").write_text("id,n\n1,2\n")
    (lake / "c.csv").write_text("id,n\n")
    now, next_ = listed(headrace, "lake.things")

    assert ({name: one["status"] for name, one in before.items()}, coming) == ({"a": "new", "b": "new"}, 2)
    assert {name: (one["status"], one["rows"], one["quarantined"]) for name, one in after.items()} == {
        "a": ("loaded", 1, 0),
        "b": ("loaded", 1, 1),
    }
    assert (rest, next_) == (0, 2)
    assert {name: (one["status"], one["next"]) for name, one in now.items()} == {
        "a": ("gone", False),
        "b": ("changed", True),
        "c": ("new", True),
    }
    assert list(listed(headrace, "lake.things", "--new", "--gone")[0]) == ["a", "c"]
    assert list(listed(headrace, "lake.things", "--next", "*/c*")[0]) == ["c"]
    load = after["b"]["load_id"]
    assert list(listed(headrace, "lake.things", "--load", load[:8])[0]) == ["a", "b"]
    headrace("load", "-s", "source:lake.things")
    assert listed(headrace, "lake.things")[1] == 0
    assert listed(headrace, "lake.things", "--load", load)[0]["b"]["rows"] == 1


def test_of_a_table_that_is_replaced_every_file_is_read_again(headrace, lake):
    headrace("load")

    found, coming = listed(headrace, "lake.all")

    assert coming == 2
    assert {one["status"] for one in found.values()} == {"loaded"}
    shown = headrace("source", "files", "lake.all", "--limit", "1")
    assert shown.stdout.endswith("2 loaded: the next load reads 2\n")
    assert "in/b.csv" not in shown.stdout


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("lake.thing",), "did you mean 'lake.things'?"),
        (("lake",), "'lake' is a source of several streams"),
        (("lake.things", "--load", "f" * 8), "no load whose id begins with 'ffffffff' has brought a file"),
        (("lake.things", "--load", "f", "--new"), "--load is about what came"),
    ],
)
def test_files_that_cannot_be_listed_are_an_error_that_says_why(headrace, lake, words, sentence):
    done = headrace("source", "files", *words)

    assert done.returncode == 2
    assert sentence in done.stderr


def test_a_stream_that_is_none_of_files_has_none_to_list(api, headrace):
    project(headrace, api, {"orders": {"path": "single_page"}})

    done = headrace("source", "files", "api.orders")

    assert (done.returncode, "'api.orders' is no stream of files" in done.stderr) == (2, True)


def test_a_cursor_is_written_down_as_the_api_calls_it_and_one_that_it_does_not_know_is_said(api, headrace):
    api.records = [{"orderId": n, "updatedAt": f"2024-01-{n:02}T00:00:00Z"} for n in range(1, 6)]

    added = headrace("source", "add", "shop", api.url, "--stream", "single_page")
    file = headrace.folder / "sources" / "shop.yml"
    loaded = headrace("load")
    file.write_text(file.read_text().replace("updatedAt", "updated_at"))
    misspelt = headrace("load", "--full-refresh")

    assert "incremental updatedAt" in added.stdout
    assert "no row has a value" not in loaded.stdout + loaded.stderr
    assert "no row has a value at its cursor 'updated_at'" in misspelt.stdout + misspelt.stderr
    assert "did you mean 'updatedAt'?" in misspelt.stdout + misspelt.stderr


@pytest.mark.parametrize("name", ["../shop", "my shop", ".hidden", "a/b", ""])
def test_what_is_no_name_of_a_source_is_refused_and_nothing_is_written(api, headrace, name):
    done = headrace("source", "add", name, api.url, "--stream", "single_page")

    assert (done.returncode, api.journal) == (2, [])
    assert "is no name of a source" in done.stderr
    assert not list(headrace.folder.parent.glob("*.yml"))
