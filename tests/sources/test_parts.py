import gzip
import itertools
import json

import pytest
from sources_reading import ids, read, stream_of

from headrace.batch import Batch, Dead
from headrace.cursor import Cursor
from headrace.errors import ConfigInvalid, PagingStuck, RequestFailed
from headrace.extract import rest
from headrace.project.rest_sources import RestStream

PARENTS = [{"id": n, "name": f"p{n}"} for n in (1, 2, 10)]


@pytest.fixture
def nested(api):
    """Comments of posts: three pages of two for each post, with a cursor that `since` filters by."""
    api.comments = {post: [{"id": post * 100 + n, "at": f"2024-01-0{n}"} for n in range(1, 7)] for post in (1, 2, 10)}

    def comments(api, asked):
        post = int(asked.path.split("/")[2])
        since = asked.params.get("since", "")
        rows = [row for row in api.comments[post] if row["at"] > since]
        start = int(asked.params.get("cursor", 0))
        following = start + 2 if start + 2 < len(rows) else None
        return {"data": rows[start : start + 2], "cursors": {"next": following}}, {}

    api.routes = {f"/posts/{post}/comments": comments for post in api.comments}
    return api


def comments(api, **spec):
    return stream_of(
        api, "posts/{resources.posts.id}/comments", **{"paginator": "cursor", "data_selector": "data", **spec}
    )


def everything(api):
    return sorted(row["id"] for rows in api.comments.values() for row in rows)


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"path": "posts/{post}/comments", "params": {"post": {"type": "resolve", "resource": "posts", "field": "id"}}},
    ],
)
def test_every_page_of_every_parent_is_read_once(nested, local, spec):
    arrived = list(read(nested, comments(nested, **spec), local, parents=PARENTS))

    assert sorted(ids(arrived)) == everything(nested)
    assert len({(asked.path, asked.params.get("cursor")) for asked in nested.journal}) == len(nested.journal) == 9
    assert arrived[-1].resume == {"done": True}


@pytest.mark.parametrize("path", ["x/{resources.posts.id}", "x/{post}"])
def test_a_value_in_a_path_is_one_step_of_it_whatever_it_holds(api, local, path):
    api.routes["/x/a%2Fb%3Fc%20%C3%A9"] = lambda api, asked: ([{"id": 1}], {})
    params = {"post": {"type": "resolve", "resource": "posts", "field": "id"}} if "{post}" in path else {}

    arrived = list(read(api, stream_of(api, path, params=params), local, parents=[{"id": "a/b?c é"}]))

    assert ids(arrived) == [1]
    assert api.journal[0].params == {}


def test_a_field_of_the_parent_can_be_the_whole_address(api, local):
    parents = [{"url": f"{api.url}/single_page?a=1"}]

    assert len(ids(read(api, stream_of(api, "{resources.posts.url}"), local, parents=parents))) == 25
    assert api.journal[0].params == {"a": "1"}


def test_only_so_many_cursors_are_kept_and_the_others_begin_anew(nested, local, monkeypatch):
    monkeypatch.setattr(rest, "_MOST_CURSORS", 2)
    incremental = {"cursor_path": "at", "start_param": "since", "scope": "parent"}
    made = comments(nested, incremental=incremental, primary_key="id")
    arrived = list(read(nested, made, local, cursor=Cursor("at"), parents=PARENTS))
    state = {"cursors": arrived[-1].resume["cursors"]}

    later = list(read(nested, made, local, cursor=Cursor("at", "2024-01-06"), resume=state, parents=PARENTS))

    assert len(state["cursors"]) == 2
    assert sorted(ids(later)) == [101, 102, 103, 104, 105, 106]


def test_fields_of_the_parent_are_columns_of_the_child(nested, local):
    (batch,) = read(nested, comments(nested, include_from_parent=["id", "name"]), local, parents=PARENTS)

    found = {tuple(row.values()) for row in batch.rows.select(["_posts_id", "_posts_name", "id"]).to_pylist()}
    assert (10, "p10", 1003) in found
    assert len(found) == 18


def test_reading_goes_on_at_any_page_of_any_parent(nested, local, monkeypatch):
    monkeypatch.setattr(rest, "_PAGES", 1)
    made = comments(nested)
    arrived = list(read(nested, made, local, parents=PARENTS))

    for after, batch in enumerate(arrived, 1):
        resume = json.loads(json.dumps(batch.resume))
        again = read(nested, made, local, resume=resume, parents=list(reversed(PARENTS)))
        assert ids(again) == ids(arrived[after:])


def test_each_parent_has_a_cursor_of_its_own(nested, local):
    incremental = {"cursor_path": "at", "start_param": "since", "scope": "parent"}
    made = comments(nested, incremental=incremental, primary_key="id")
    nested.comments[10] = nested.comments[10][:2]
    arrived = list(read(nested, made, local, cursor=Cursor("at"), parents=PARENTS))
    nested.comments[10].append({"id": 1099, "at": "2024-01-04"})
    state = {"cursors": json.loads(json.dumps(arrived[-1].resume["cursors"]))}

    later = list(read(nested, made, local, cursor=Cursor("at", "2024-01-06"), resume=state, parents=PARENTS))

    assert ids(later) == [1099]
    assert len(later[-1].resume["cursors"]) == 3
    assert sorted(later[-1].resume["cursors"].values()) == ["2024-01-04", "2024-01-06", "2024-01-06"]


def test_a_parent_in_whose_middle_a_run_died_is_gone_on_with_in_the_same_range(nested, local, monkeypatch):
    monkeypatch.setattr(rest, "_PAGES", 1)
    incremental = {"cursor_path": "at", "start_param": "since", "scope": "parent"}
    made = comments(nested, incremental=incremental, primary_key="id")
    arrived = list(read(nested, made, local, cursor=Cursor("at"), parents=PARENTS))

    for after, batch in enumerate(arrived, 1):
        again = read(nested, made, local, cursor=Cursor("at"), resume=batch.resume, parents=PARENTS)
        assert ids(again) == ids(arrived[after:])


def test_a_failed_page_of_a_parent_can_be_asked_for_again(nested, local):
    spec = {"paginator": {"type": "page_number", "base_page": 1, "total_path": None}, "retry": {"max_attempts": 1}}
    pages = lambda api, asked: ({"data": [{"id": int(asked.params["page"])}] if asked.params["page"] < "4" else []}, {})  # noqa: E731 - short
    nested.routes = dict.fromkeys(nested.routes, pages)
    nested.always["2"] = (500,)
    made = comments(nested, include_from_parent="name", **spec)

    arrived = list(read(nested, made, local, parents=PARENTS[:1]))

    (dead,) = [one for one in arrived if isinstance(one, Dead)]
    nested.always.clear()
    again = rest.read_request(made, json.loads(json.dumps(dead.request)), local=local, clock=nested.clock.clock())
    assert again.rows.to_pylist() == [{"id": 2, "_posts_name": "p1"}]


def test_a_request_is_made_for_each_value_of_a_list(api, local):
    made = stream_of(api, params={"q": "x:{for_each.value}"}, for_each={"values": ["a", "b"], "param": "region", "column": "region"})  # fmt: skip

    arrived = list(read(api, made, local))

    assert sorted((asked.params for asked in api.journal), key=str) == [
        {"q": "x:a", "region": "a"},
        {"q": "x:b", "region": "b"},
    ]
    assert [row for batch in arrived for row in batch.rows["region"].to_pylist()] == ["a"] * 25 + ["b"] * 25


@pytest.mark.parametrize(
    ("start", "end", "step", "form", "expected"),
    [
        ("2024-01-01", "2024-01-20", "7d", None, ["2024-01-01", "2024-01-08", "2024-01-15", "2024-01-20"]),
        ("2024-01-01", "2024-01-03", "1d", "%d.%m.%Y", ["01.01.2024", "02.01.2024", "03.01.2024"]),
        ("2024-01-01T00:00:00Z", "2024-01-01T03:00:00Z", 7200, "epoch", ["1704067200", "1704074400", "1704078000"]),
        ("2025-12-31", None, "1d", None, ["2025-12-31", "2026-01-01"]),
        ("100", "250", 100, None, ["100", "200", "250"]),
    ],
)
def test_a_range_is_read_in_windows(api, local, start, end, step, form, expected):
    incremental = {"cursor_path": "id", "initial_value": start, "end_value": end, "step": step, "format": form}
    made = stream_of(api, incremental={**incremental, "start_param": "from", "end_param": "to"})

    list(read(api, made, local, cursor=Cursor("id")))

    ranges = [(asked.params["from"], asked.params["to"]) for asked in api.journal]
    assert sorted(ranges) == list(itertools.pairwise(expected))


def test_windows_are_gone_on_with_after_the_last_one_that_is_safe(api, local, monkeypatch):
    monkeypatch.setattr(rest, "_PAGES", 1)
    incremental = {"cursor_path": "id", "initial_value": "2025-12-20", "step": "3d", "start_param": "f", "end_param": "t"}  # fmt: skip
    made = stream_of(api, incremental=incremental)
    arrived = list(read(api, made, local, cursor=Cursor("id")))
    api.journal.clear()

    list(read(api, made, local, cursor=Cursor("id"), resume=json.loads(json.dumps(arrived[1].resume))))

    assert sorted(asked.params["f"] for asked in api.journal) == ["2025-12-26", "2025-12-29"]


def test_a_step_from_what_is_no_time_is_refused(api, local):
    made = stream_of(api, incremental={"cursor_path": "id", "initial_value": "abc", "end_value": "abd", "step": 1})

    with pytest.raises(ConfigInvalid, match="'step' leads from 'abc' to 'abd'"):
        list(read(api, made, local, cursor=Cursor("id")))


def test_dlts_incremental_parameter_is_the_streams_incremental(api, local):
    param = {"type": "incremental", "cursor_path": "id", "initial_value": "7"}

    list(read(api, stream_of(api, params={"since": param, "a": 1}), local, cursor=Cursor("id")))

    assert api.journal[0].params == {"since": "7", "a": "1"}


def test_paging_that_begins_again_does_so_from_the_highest_cursor(api, local):
    def route(api, asked):
        since, start = int(asked.params.get("since", 0)), int(asked.params["offset"])
        rows = [row for row in api.records if row["id"] > since][start : start + 5]
        return ({"error": "too deep"}, {}, 422) if start >= 10 else ({"data": rows}, {})

    api.routes["/single_page"] = route
    made = stream_of(
        api,
        paginator={"type": "offset", "limit": 5},
        data_selector="data",
        incremental={"cursor_path": "id", "start_param": "since", "initial_value": 0},
        response_actions=[{"status_code": 422, "action": "reset_pagination"}],
    )

    assert ids(read(api, made, local, cursor=Cursor("id"))) == list(range(1, 26))


def test_paging_that_begins_again_without_getting_further_stops(api, local):
    api.always["first"] = (422,)
    actions = [{"status_code": 422, "action": "reset_pagination"}]

    with pytest.raises(PagingStuck, match="no cursor says from where"):
        list(read(api, stream_of(api, response_actions=actions), local))


BODIES = {
    "jsonl": ('{"id": 1, "n": "x"}\n{"id": 2, "n": null}\n', None),
    "csv": ("id,n\n1,x\n2,\n", None),
    "xml": ("<all><row><id>1</id><n>x</n></row><row><id>2</id><n/></row></all>", "all.row"),
    "json": ('[{"id": 1, "n": "x"}, {"id": 2, "n": null}]', None),
}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", BODIES)
def test_bodies_of_other_kinds_are_read_as_records(api, local, kind, packed):
    text, selector = BODIES[kind]
    data = gzip.compress(text.encode()) if packed else text.encode()
    api.routes["/single_page"] = lambda api, asked: (data, {})
    made = stream_of(api, decoder=kind, data_selector=selector, columns={"id": "bigint"})

    (batch,) = read(api, made, local)

    assert batch.rows.to_pylist() == [{"id": 1, "n": "x"}, {"id": 2, "n": None}]


@pytest.mark.parametrize(("kind", "text"), [("csv", "a,b\n1,2,3\n"), ("xml", "<a><b></a>"), ("xml", '<!DOCTYPE a SYSTEM "x"><a/>'), ("jsonl", "{")])  # fmt: skip
def test_a_body_of_another_kind_than_was_said_is_an_error(api, local, kind, text):
    api.routes["/single_page"] = lambda api, asked: (text.encode(), {})

    with pytest.raises(RequestFailed, match="the body"):
        list(read(api, stream_of(api, decoder=kind, retry={"max_attempts": 1}), local))


CSVS = [
    ('id;n\n1;"a;b"\n2;1,5\n', {}),
    ("id\tn\n1\ta;b\n2\t1,5\n", {}),
    ("id::n\n1::a;b\n2::1,5\n", {"delimiter": "::"}),
    ("id,n\n1,'a;b'\n2,'1,5'\n", {"quote": "'"}),
    ('\nid,n\n1,a;b\n2,"1,5"\n', {}),
]


@pytest.mark.parametrize(("text", "said"), CSVS)
def test_csv_is_read_by_the_signs_that_are_said_or_found(api, local, text, said):
    api.routes["/single_page"] = lambda api, asked: (text.encode(), {})
    made = stream_of(api, decoder="csv", columns={"id": "bigint"}, **said)

    (batch,) = read(api, made, local)

    assert batch.rows.to_pylist() == [{"id": 1, "n": "a;b"}, {"id": 2, "n": "1,5"}]


@pytest.mark.parametrize(
    ("written", "header", "said"),
    [("cp1252", "", {}), ("utf-16-le", "", {}), ("utf-16", "", {}), ("cp1252", "; charset=windows-1252", {}),
     ("utf-8-sig", "; charset=latin-1", {}), ("cp437", "; charset=utf-8", {"encoding": "cp437"})],
)  # fmt: skip
def test_csv_is_decoded_as_is_said_or_found(api, local, written, header, said):
    body = "id,n\n1,Müller\n".encode(written)
    api.routes["/single_page"] = lambda api, asked: (body, {"Content-Type": f"text/csv{header}"})

    (batch,) = read(api, stream_of(api, decoder="csv", **said), local)

    assert batch.rows.to_pylist() == [{"id": "1", "n": "Müller"}]


def test_pages_of_csv_are_read_as_the_first_one_was_also_by_who_goes_on(api, local, monkeypatch):
    monkeypatch.setattr(rest, "_PAGES", 1)
    pages = {"1": b"id;n\n1;x\n2;y\n", "2": b"id;n|o|p\n3;z|z|z\n", "3": b"id;n\n"}
    api.routes["/paged"] = lambda api, asked: (pages[asked.params["page"]], {})
    paging = {"type": "page_number", "base_page": 1, "total_path": None}
    made = stream_of(api, path="paged", decoder="csv", paginator=paging)

    first, second, *_ = read(api, made, local)
    again = next(iter(read(api, made, local, resume=first.resume)))

    assert first.rows.to_pylist() == [{"id": "1", "n": "x"}, {"id": "2", "n": "y"}]
    assert second.rows.to_pylist() == again.rows.to_pylist() == [{"id": "3", "n_o_p": "z|z|z"}]


@pytest.mark.parametrize(
    ("said", "what"),
    [({"delimiter": ";"}, "`delimiter:` is of CSV, and the body is json"), ({"encoding": "latin-99"}, "there is no encoding 'latin-99'")],
)  # fmt: skip
def test_signs_of_csv_for_another_body_and_encodings_that_there_are_not_are_refused(said, what):
    with pytest.raises(ValueError, match=what):
        RestStream.model_validate({"path": "x", **said})


def test_a_graphql_query_pages_by_its_variables(api, local):
    def route(api, asked):
        start = int(asked.body["variables"].get("after") or 0)
        page = {"endCursor": str(start + 10), "hasNextPage": start + 10 < 25}
        return {"data": {"orders": {"nodes": api.records[start : start + 10], "pageInfo": page}}}, {}

    api.routes["/graphql"] = route
    made = stream_of(
        api,
        "graphql",
        method="POST",
        json={"query": "query($after: String) {…}", "variables": {"first": 10}},
        data_selector="data.orders.nodes",
        paginator={
            "type": "cursor",
            "cursor_path": "data.orders.pageInfo.endCursor",
            "has_more_path": "data.orders.pageInfo.hasNextPage",
            "cursor_body_path": "variables.after",
        },
    )

    assert ids(read(api, made, local)) == list(range(1, 26))
    assert api.journal[1].body["variables"] == {"first": 10, "after": "10"}


@pytest.fixture
def jobs(api):
    """A job that is done at the third time of asking."""
    api.made, api.polls = [], 0

    def poll(api, asked):
        api.polls += 1
        done = api.polls >= 3
        return {"state": "Done" if done else "running", "file": f"{api.url}/file" if done else None}, {}

    api.routes = {
        "/jobs": lambda api, asked: (api.made.append(asked.body) or {"job": {"id": 7}}, {}),
        "/jobs/7": poll,
        "/file": lambda api, asked: (b"id,name\n1,a\n2,b\n", {}),
    }
    return api


JOB = {
    "create": {"path": "jobs", "json": {"what": "orders"}, "id_path": "job.id"},
    "poll": {"path": "jobs/{job.id}", "status_path": "state", "interval": "10s", "timeout": "1m"},
    "download": {"url_path": "file"},
}


def test_a_job_is_begun_waited_for_and_downloaded(jobs, local, tmp_path):
    made = stream_of(jobs, "", job=JOB, decoder="csv")

    (batch,) = read(jobs, made, local, scratch=tmp_path)

    assert batch.rows["name"].to_pylist() == ["a", "b"]
    assert jobs.made == [{"what": "orders"}]
    assert [asked.at for asked in jobs.journal if asked.path == "/jobs/7"] == [0.0, 10.0, 20.0]


def test_a_job_that_was_begun_by_a_run_that_died_is_waited_for_again(jobs, local, tmp_path):
    made = stream_of(jobs, "", job={**JOB, "poll": {**JOB["poll"], "timeout": 5}}, decoder="csv")
    with pytest.raises(RequestFailed, match="the job 7 was not done after 5 seconds, but still running"):
        list(read(jobs, made, local, scratch=tmp_path))
    jobs.polls = 9

    (batch,) = read(jobs, made, local, scratch=tmp_path)

    assert batch.rows.num_rows == 2
    assert len(jobs.made) == 1


def test_a_job_that_failed_says_so(jobs, local, tmp_path):
    jobs.routes["/jobs/7"] = lambda api, asked: ({"state": "Failed"}, {})

    with pytest.raises(RequestFailed, match="the API says of its job 7: failed"):
        list(read(jobs, stream_of(jobs, "", job=JOB), local, scratch=tmp_path))


def test_a_job_whose_status_is_elsewhere_says_so(jobs, local):
    made = stream_of(jobs, "", job={**JOB, "poll": {**JOB["poll"], "status_path": "status", "timeout": 5}})

    with pytest.raises(RequestFailed, match="not done after 5 seconds, and the answer has nothing at 'status'"):
        list(read(jobs, made, local))


@pytest.mark.parametrize("ended", [({"state": "failed", "why": "quota"}, {}), ({"error": "no such job"}, {}, 404)])
def test_a_job_that_failed_or_is_not_known_any_more_is_begun_anew_by_the_next_run(jobs, local, tmp_path, ended):
    works, jobs.routes["/jobs/7"] = jobs.routes["/jobs/7"], lambda api, asked: ended
    made = stream_of(jobs, "", job=JOB, decoder="csv", retry={"max_attempts": 1})
    with pytest.raises(RequestFailed, match=r"quota|no such job"):
        list(read(jobs, made, local, scratch=tmp_path))
    jobs.routes["/jobs/7"] = works

    (batch,) = read(jobs, made, local, scratch=tmp_path)

    assert batch.rows.num_rows == 2
    assert len(jobs.made) == 2


@pytest.mark.parametrize("paginator", [{"type": "json_link"}, {"type": "page_number", "base_page": 1, "parallel": 3}])
@pytest.mark.parametrize("died_after", [1, 2, 4])
def test_no_page_that_arrived_is_asked_for_again(api, local, tmp_path, paginator, died_after):
    path = paginator["type"]
    made = stream_of(api, path, paginator=paginator, data_selector="data", on_page_error="fail", retry={"max_attempts": 1})  # fmt: skip
    key = str(died_after * 5 if path == "json_link" else died_after + 1)
    api.always[key] = (500,)
    with pytest.raises(RequestFailed):
        list(read(api, made, local, scratch=tmp_path))
    api.always.clear()

    arrived = list(read(api, made, local, scratch=tmp_path))

    assert ids(arrived) == list(range(1, 26))
    asked = api.keys()
    assert [one for one in asked if asked.count(one) > 1] in ([key, key], [])
    assert list(tmp_path.iterdir()) == []


def test_a_page_that_was_cut_off_on_disk_is_asked_for_again(api, local, tmp_path):
    made = stream_of(api, "json_link", paginator="json_link", data_selector="data", retry={"max_attempts": 1})
    api.always["15"] = (500,)
    with pytest.raises(RequestFailed):
        list(read(api, made, local, scratch=tmp_path))
    api.always.clear()
    (pages,) = tmp_path.iterdir()
    pages.write_bytes(pages.read_bytes()[:-20])

    arrived = list(read(api, made, local, scratch=tmp_path))

    assert ids(arrived) == list(range(1, 26))
    assert api.keys().count("10") == 2


def test_what_sql_in_flight_has_to_see_first_is_never_kept_on_disk(api, local, tmp_path):
    made = stream_of(api, "json_link", paginator="json_link", data_selector="data", transform="select id from input")

    arrived = []
    for one in read(api, made, local, scratch=tmp_path):
        arrived.append(one)
        assert list(tmp_path.iterdir()) == []

    assert [len(one.rows) for one in arrived if isinstance(one, Batch)] == [5] * 5
