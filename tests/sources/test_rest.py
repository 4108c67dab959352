import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from email.utils import format_datetime

import pytest

from headrace.batch import Batch, Dead
from headrace.cursor import Cursor
from headrace.errors import ConfigInvalid, PagingStuck, RecordsNotFound, RequestFailed
from headrace.events import RequestRetried, Warned, listening
from headrace.extract import rest
from headrace.extract.gate import Gate
from headrace.project.apis import Client, RateLimit
from headrace.project.rest_sources import RestStream
from headrace.project.sources import Stream
from headrace.retry import SYSTEM

PAGINATORS = {
    "page_number": {"type": "page_number", "base_page": 1},
    "page_number in parallel": {"type": "page_number", "base_page": 1, "parallel": 3},
    "page_number without total": {"type": "page_number", "base_page": 1, "total_path": None},
    "offset": {"type": "offset", "limit": 5},
    "offset in parallel": {"type": "offset", "limit": 5, "parallel": 4},
    "json_link": {"type": "json_link"},
    "header_link": {"type": "header_link"},
    "cursor": {"type": "cursor"},
    "single_page": {"type": "single_page"},
    "json_link found": {"type": "auto"},
    "header_link found": {"type": "auto"},
    "cursor found": {"type": "auto"},
}


def stream(api, which, /, *, client=None, **spec):
    kind = which.split()[0]
    made = RestStream.model_validate({"path": kind, "paginator": PAGINATORS[which], **spec})
    shared = Client.model_validate({"base_url": api.url, "timeout": 0.3, **(client or {})})
    return Stream(source="api", name="orders", spec=made, client=shared)


def read(api, made, local, *, cursor=None, resume=None):
    return rest.read(made, cursor=cursor, resume=resume or {}, local=local, clock=api.clock.clock())


def ids(arrived):
    return [row for one in arrived if isinstance(one, Batch) for row in one.rows["id"].to_pylist()]


@pytest.mark.parametrize("paginator", PAGINATORS)
def test_every_page_is_fetched_once_and_every_record_arrives_in_order(api, local, paginator):
    arrived = list(read(api, stream(api, paginator), local))

    assert ids(arrived) == list(range(1, 26))
    assert len(api.keys()) == len(set(api.keys()))
    assert arrived[-1].resume == {"done": True}
    assert list(read(api, stream(api, paginator), local, resume=arrived[-1].resume)) == []


@pytest.mark.parametrize("paginator", [name for name in PAGINATORS if name != "single_page"])
def test_reading_goes_on_at_any_batch(api, local, monkeypatch, paginator):
    monkeypatch.setattr(rest, "_PAGES", 1)
    made = stream(api, paginator)
    arrived = list(read(api, made, local))

    for after, batch in enumerate(arrived, 1):
        resume = json.loads(json.dumps(batch.resume))
        assert ids(read(api, made, local, resume=resume)) == ids(arrived[after:])


@pytest.mark.parametrize("fault", ["drop", "cut", "hang", '[{"id": 1', "", (500,), (429,), (503, {"Retry-After": "0"})])
def test_a_fault_that_passes_changes_nothing(api, local, fault):
    api.faults["2"] = [fault, fault]

    arrived = list(read(api, stream(api, "page_number"), local))

    assert ids(arrived) == list(range(1, 26))
    assert api.keys().count("2") == 3


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_nothing_is_asked_before_the_server_said_to_come_back(api, local, form):
    value = "30" if form == "seconds" else format_datetime(api.clock.now() + timedelta(seconds=30), usegmt=True)
    api.faults["3"] = [(429, {"Retry-After": value})]
    events = []

    with listening(events.append):
        arrived = list(read(api, stream(api, "page_number"), local))

    assert ids(arrived) == list(range(1, 26))
    assert [(asked.params["page"], asked.at) for asked in api.journal] == [
        ("1", 0.0),
        ("2", 0.0),
        ("3", 0.0),
        ("3", 30.0),
        ("4", 30.0),
        ("5", 30.0),
        ("6", 30.0),  # the last page by the total is full: is there really none behind it?
    ]
    assert [event.delay for event in events if isinstance(event, RequestRetried)] == [30.0]


def test_at_most_so_many_calls_start_in_a_period(api, local):
    limited = {"rate_limit": {"calls": 2, "period": 10}}

    arrived = list(read(api, stream(api, "page_number", client=limited), local))

    assert ids(arrived) == list(range(1, 26))
    assert [asked.at for asked in api.journal] == [0.0, 0.0, 10.0, 10.0, 20.0, 20.0]


def test_the_rate_limit_and_the_servers_pause_hold_for_all_threads_together():
    gate = Gate(RateLimit(calls=3, period=0.1, concurrency=2), SYSTEM)
    gate.close_for(0.2)
    began = SYSTEM.monotonic()
    inside = []

    def enter(_):
        with gate.enter(threading.Event()):
            inside.append(SYSTEM.monotonic() - began)

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(enter, range(9)))

    assert min(inside) >= 0.19
    assert max(inside) >= 0.39


@pytest.mark.parametrize("paginator", ["page_number", "page_number in parallel", "page_number without total"])
def test_a_failed_page_is_kept_with_its_request_and_the_others_arrive(api, local, paginator):
    api.always["3"] = (500,)
    made = stream(api, paginator, retry={"max_attempts": 2})

    arrived = list(read(api, made, local))

    (dead,) = [one for one in arrived if isinstance(one, Dead)]
    assert ids(arrived) == [*range(1, 11), *range(16, 26)]
    assert ids(read(api, made, local, resume=json.loads(json.dumps(dead.resume)))) == list(range(16, 26))
    api.always.clear()
    again = rest.read_request(made, json.loads(json.dumps(dead.request)), local=local, clock=api.clock.clock())
    assert again.rows["id"].to_pylist() == list(range(11, 16))
    assert again.cursor is None


def test_a_failed_page_without_which_the_next_is_unknown_stops_the_reading(api, local):
    api.always["10"] = (500,)

    with pytest.raises(RequestFailed, match=r"after 5 attempts: status 500: \{\"error\": \"try later\"\}"):
        list(read(api, stream(api, "cursor"), local))


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_is_not_tried_again_and_no_page_is_left_out(api, local, status):
    api.always["3"] = (status,)

    with pytest.raises(RequestFailed, match=f"after 1 attempt: status {status}") as refused:
        list(read(api, stream(api, "page_number"), local))

    assert "`auth:`" in refused.value.hint


@pytest.mark.parametrize(
    ("auth", "where"),
    [
        ({"type": "bearer", "token": "s3cr3t!"}, lambda asked: asked.headers["authorization"] == "Bearer s3cr3t!"),
        ({"type": "api_key", "api_key": "s3cr3t!", "name": "X-Key"}, lambda asked: asked.headers["x-key"] == "s3cr3t!"),
        (
            {"type": "api_key", "api_key": "s3cr3t!", "name": "k", "location": "query"},
            lambda asked: asked.params["k"] == "s3cr3t!",
        ),
        (
            {"type": "api_key", "api_key": "s3cr3t!", "name": "k", "location": "cookie"},
            lambda asked: asked.headers["cookie"] == "k=s3cr3t!",
        ),
        (
            {"type": "http_basic", "username": "u", "password": "s3cr3t!"},
            lambda asked: asked.headers["authorization"] == "Basic dTpzM2NyM3Qh",
        ),
    ],
)
def test_credentials_are_sent_with_each_request_and_shown_in_no_message(api, local, auth, where):
    api.always["3"] = "s3cr3t!"
    made = stream(api, "page_number", client={"auth": auth}, on_page_error="fail")

    with pytest.raises(RequestFailed) as raised:
        list(read(api, made, local))

    assert all(where(asked) for asked in api.journal)
    assert "s3cr3t" not in str(raised.value)
    assert "***" in str(raised.value)
    assert "the body is not JSON" in str(raised.value)


def test_a_server_that_repeats_a_page_does_not_keep_us_for_ever(api, local):
    api.routes["/page_number"] = lambda api, asked: ({"data": [{"id": 1}]}, {})

    with pytest.raises(PagingStuck):
        list(read(api, stream(api, "page_number"), local))


def test_a_server_whose_links_go_in_a_circle_does_not_keep_us_for_ever(api, local):
    api.routes["/json_link"] = lambda api, asked: ({"data": [{"id": 1}], "next": "/json_link?after=1"}, {})

    with pytest.raises(PagingStuck):
        list(read(api, stream(api, "json_link"), local))


def test_a_first_response_that_fits_no_paginator_is_the_only_page_and_that_is_said(api, local):
    events = []

    with listening(events.append):
        arrived = list(read(api, stream(api, "single_page", paginator={"type": "auto"}), local))

    assert ids(arrived) == list(range(1, 26))
    assert [type(event) for event in events if isinstance(event, Warned)] == [Warned]


def test_a_response_action_ends_the_paging_or_keeps_the_request(api, local):
    api.always["3"] = (404,)
    ended = stream(api, "page_number", response_actions=[{"status_code": 404, "action": "ignore"}])
    kept = stream(api, "page_number", response_actions=[{"content": "try later", "action": "quarantine"}])

    assert ids(read(api, ended, local)) == list(range(1, 11))
    assert [type(one) for one in read(api, kept, local)] == [Batch, Dead, Batch]


def test_the_cursor_and_its_lag_stand_in_parameters_and_expressions(api, local):
    incremental = {
        "cursor_path": "updated",
        "initial_value": "2020-01-01T00:00:00Z",
        "start_param": "since",
        "lag": 3600,
    }
    api.records = [{"id": n, "updated": f"2024-01-0{n}T00:00:00Z"} for n in (1, 3, 2)]
    made = stream(
        api,
        "single_page",
        incremental=incremental,
        params={"q": "from:{incremental.last_value}", "until": "{incremental.end_value}"},
    )

    (fresh,) = read(api, made, local)
    (again,) = read(api, made, local, cursor=Cursor("updated", "2024-01-03T00:00:00Z"))

    assert fresh.cursor == again.cursor == "2024-01-03T00:00:00Z"
    assert [asked.params for asked in api.journal] == [
        {"since": "2020-01-01T00:00:00Z", "q": "from:2020-01-01T00:00:00Z"},
        {"since": "2024-01-02T23:00:00Z", "q": "from:2024-01-03T00:00:00Z"},
    ]


def test_a_cursor_in_the_body_of_a_post_is_sent_back_where_it_belongs(api, local):
    paginator = {"type": "cursor", "cursor_body_path": "cursor"}
    made = stream(api, "cursor", method="POST", json={"filter": {"a": 1}}, paginator=paginator)

    assert ids(read(api, made, local)) == list(range(1, 26))
    assert [asked.body for asked in api.journal][:2] == [{"filter": {"a": 1}}, {"filter": {"a": 1}, "cursor": "5"}]


@pytest.mark.parametrize(
    ("paginator", "bodies"),
    [
        (
            {"type": "offset", "limit": 10, "offset_body_path": "page.skip", "limit_body_path": "page.take"},
            [{"page": {"skip": skip, "take": 10}} for skip in (0, 10, 20)],
        ),
        ({"type": "offset", "limit": 10, "offset_body_path": "skip"}, [{"skip": skip} for skip in (0, 10, 20)]),
        (
            {"type": "page_number", "base_page": 1, "page_body_path": "page.number", "total_path": None},
            [{"page": {"number": number}} for number in (1, 2, 3, 4)],
        ),
    ],
)
def test_numbers_of_pages_can_go_in_the_body_of_a_post(api, local, paginator, bodies):
    def route(api, asked):
        page = asked.body.get("page", asked.body)
        start = page.get("skip", 10 * (page.get("number", 1) - 1))
        return {"data": api.records[start : start + 10], "total": len(api.records)}, {}

    api.routes["/single_page"] = route
    made = stream(api, "single_page", method="POST", json={}, paginator=paginator, data_selector="data")

    assert ids(read(api, made, local)) == list(range(1, 26))
    assert [asked.body for asked in api.journal] == bodies
    assert [asked.params for asked in api.journal] == [{}] * len(bodies)


def test_a_token_in_a_header_is_sent_back(api, local):
    def route(api, asked):
        start = int(asked.params.get("from", 0))
        return api.records[start : start + 10], {"X-Next": str(start + 10)} if start < 20 else {}

    api.routes["/single_page"] = route
    paginator = {"type": "header_cursor", "cursor_key": "X-Next", "cursor_param": "from"}

    assert ids(read(api, stream(api, "single_page", paginator=paginator), local)) == list(range(1, 26))
    assert [asked.params.get("from") for asked in api.journal] == [None, "10", "20"]


def test_the_last_records_key_can_be_the_token(api, local):
    def route(api, asked):
        start = int(asked.params.get("after", 0))
        return {"data": api.records[start : start + 10]}, {}

    api.routes["/single_page"] = route
    paginator = {"type": "cursor", "cursor_path": "data[-1].id", "cursor_param": "after"}

    assert ids(read(api, stream(api, "single_page", paginator=paginator), local)) == list(range(1, 26))


def test_a_form_is_sent_as_one(api, local):
    list(read(api, stream(api, "single_page", method="POST", data={"a": [1, 2], "b": "x y"}), local))

    assert api.journal[0].body == {"a": "2", "b": "x y"}
    assert api.journal[0].headers["content-type"] == "application/x-www-form-urlencoded"


def test_a_response_without_records_where_they_should_be_is_an_error(api, local):
    with pytest.raises(RecordsNotFound, match="nothing at 'items'"):
        list(read(api, stream(api, "page_number", data_selector="items"), local))


def test_a_response_action_that_says_fail_fails_the_load(api, local):
    api.always["3"] = (500,)
    made = stream(api, "page_number", response_actions=[{"status_code": 500, "action": "fail"}])

    with pytest.raises(RequestFailed, match="page=3 failed after 1 attempt: status 500"):
        list(read(api, made, local))


@pytest.mark.parametrize(("initial", "end"), [("2026-13-01", "2026-01-04"), ("2026-01-01", "soon"), ("0", "2026-01-01")])  # fmt: skip
def test_windows_between_what_is_neither_two_numbers_nor_two_times_are_an_error(api, local, initial, end):
    incremental = {"cursor_path": "id", "initial_value": initial, "end_value": end, "start_param": "from", "step": "1d"}

    with pytest.raises(ConfigInvalid, match=f"leads from '{initial}' to '{end}'"):
        list(read(api, stream(api, "single_page", incremental=incremental), local))

    assert api.journal == []


@pytest.mark.parametrize(
    ("said", "written"),
    [("iso-8859-1", "iso-8859-1"), ('"Windows-1252"', "cp1252"), ("utf-16", "utf-16"), ("iso-8859-1", "utf-8"), ("utf-8", "utf-8-sig")],
)  # fmt: skip
def test_a_body_is_read_as_its_header_says_it_is_written_unless_it_is_utf_8(api, local, said, written):
    body = json.dumps([{"id": 1, "name": "Müller"}], ensure_ascii=False).encode(written)
    api.routes["/single_page"] = lambda api, asked: (body, {"Content-Type": f"application/json; charset={said}"})

    (batch,) = read(api, stream(api, "single_page"), local)

    assert batch.rows["name"].to_pylist() == ["Müller"]


def test_a_page_without_records_where_they_should_be_is_named(api, local):
    with pytest.raises(RecordsNotFound, match=r"^http://.*/page_number\?page=1: the response has nothing at 'items'$"):
        list(read(api, stream(api, "page_number", data_selector="items"), local))
