"""What a server can lie of about its pages: the rows arrive, or what may be missing is said; nothing is lost in silence."""

import pytest
from faults_wire import Wire, answer

from headrace.batch import Batch
from headrace.errors import PagingStuck
from headrace.events import Warned, listening
from headrace.extract import rest
from headrace.project.apis import Client
from headrace.project.rest_sources import RestStream
from headrace.project.sources import Stream
from headrace.retry import SYSTEM, Clock
from headrace.warehouse.embedded import Embedded

SIZE = 2


@pytest.fixture(scope="module")
def local():
    opened = Embedded.in_memory()
    yield opened
    opened.close()


@pytest.fixture
def wire():
    with Wire() as served:
        yield served


def records(*ids):
    return [{"id": one} for one in ids]


def whole(number, *, of=3, last=SIZE):
    """The records of a page of an API that has so many pages, the last of which is so full."""
    ids = range(SIZE * (number - 1) + 1, SIZE * number + 1)
    return records(*ids[: last if number == of else SIZE]) if number <= of else []


PAGES = {"type": "page_number", "base_page": 1, "total_path": "pages"}
OFFSETS = {"type": "offset", "limit": SIZE, "total_path": "total"}


def read(wire, local, paginator, resume=None):
    """Ids that arrived, what was warned of, and where the last batch says to go on."""
    spec = RestStream.model_validate({"path": "orders", "paginator": paginator, "data_selector": "data"})
    client = Client.model_validate({"base_url": wire.url, "timeout": 2, "retry": {"max_attempts": 2}})
    stream = Stream(source="api", name="orders", spec=spec, client=client)
    clock = Clock(SYSTEM.now, SYSTEM.monotonic, lambda _: None, lambda: 0.5)
    ids, said, states = [], [], []
    with listening(said.append):
        for one in rest.read(stream, cursor=None, resume=resume or {}, local=local, clock=clock):
            if isinstance(one, Batch):
                ids += one.rows["id"].to_pylist()
                states.append(one.resume)
    return ids, [one.message for one in said if isinstance(one, Warned)], states


def serving(wire, made, key="page", of=1):
    """Answer each page with what `made` gives for its number."""

    def respond(params):
        at = int(params.get(key, 0 if key == "offset" else 1))
        got = made(at // SIZE + 1 if key == "offset" else at)
        return got if isinstance(got, bytes) else answer(got)

    wire.answers["else"] = [respond] * of


def asked(wire):
    return len(wire.asked)


@pytest.mark.parametrize("parallel", [1, 4])
@pytest.mark.parametrize("told", [1, 2])
def test_a_total_of_pages_that_is_too_low_loses_no_page(wire, local, told, parallel):
    serving(wire, lambda number: {"data": whole(number, of=5, last=1), "pages": max(told, 2)})

    ids, said, _ = read(wire, local, {**PAGES, "parallel": parallel})

    assert ids == list(range(1, 10))
    assert said == ["api.orders: there are more pages than its total says; it is read until an empty page comes"]


@pytest.mark.parametrize("parallel", [1, 4])
@pytest.mark.parametrize("total", [2, 3, 4, 5])
def test_a_total_of_records_that_is_too_low_loses_none(wire, local, total, parallel):
    serving(wire, lambda number: {"data": whole(number), "total": total}, key="offset")

    ids, said, _ = read(wire, local, {**OFFSETS, "parallel": parallel})

    assert ids == [1, 2, 3, 4, 5, 6]
    assert len(said) == (1 if total < 5 else 0)


@pytest.mark.parametrize("parallel", [1, 4])
@pytest.mark.parametrize(
    ("paginator", "key", "lie"), [(PAGES, "page", {"pages": 90}), (OFFSETS, "offset", {"total": 90})]
)
def test_a_total_that_is_too_high_ends_with_an_empty_page_and_that_is_said(wire, local, paginator, key, lie, parallel):
    serving(wire, lambda number: {"data": whole(number), **lie}, key=key)

    ids, (said,), _ = read(wire, local, {**paginator, "parallel": parallel})

    assert ids == [1, 2, 3, 4, 5, 6]
    assert "an empty page came before the last one that its total knows of" in said
    assert asked(wire) < 20


BEHIND = {
    "nothing": lambda _: {"data": []},
    "not found": lambda _: answer({"detail": "Invalid page."}, status="404 Not Found"),
    "an error that is none": lambda _: {"detail": "Invalid page."},
    "the last page once more": lambda number: {"data": whole(3), "at": number},
    "the first page once more": lambda number: {"data": whole(1), "at": number},
}


@pytest.mark.parametrize("behind", BEHIND)
@pytest.mark.parametrize(
    ("paginator", "key", "told"), [(PAGES, "page", {"pages": 3}), (OFFSETS, "offset", {"total": 6})]
)
def test_a_total_that_is_right_costs_one_request_where_the_last_page_is_full_whatever_is_behind_it(
    wire, local, paginator, key, told, behind
):
    serving(wire, lambda number: {"data": whole(number), **told} if number <= 3 else {**told, **made} if isinstance(made := BEHIND[behind](number), dict) else made, key=key)  # fmt: skip

    assert read(wire, local, paginator)[:2] == ([1, 2, 3, 4, 5, 6], [])

    assert asked(wire) == 4


@pytest.mark.parametrize(
    ("paginator", "key", "told"), [(PAGES, "page", {"pages": 3}), (OFFSETS, "offset", {"total": 5})]
)
def test_a_total_that_is_right_costs_nothing_where_the_last_page_is_not_full(wire, local, paginator, key, told):
    serving(wire, lambda number: {"data": whole(number, last=1), **told}, key=key)

    assert read(wire, local, paginator)[:2] == ([1, 2, 3, 4, 5], [])

    assert asked(wire) == 3


def test_a_server_in_trouble_behind_the_total_leaves_open_whether_it_is_right_and_that_is_said(wire, local):
    serving(wire, lambda number: {"data": whole(number), "pages": 3} if number <= 3 else answer({}, status="503 Busy"))

    ids, (said,), _ = read(wire, local, PAGES)

    assert ids == [1, 2, 3, 4, 5, 6]
    assert "whether that is right is not known" in said
    assert "status 503" in said


def test_a_run_that_died_before_the_page_behind_the_total_knows_the_last_page_again(wire, local, monkeypatch):
    monkeypatch.setattr(rest, "_PAGES", 1)
    serving(wire, lambda number: {"data": whole(min(number, 3)), "pages": 3, "at": number})
    states = read(wire, local, PAGES)[2]

    ids, _, _ = read(wire, local, PAGES, resume=states[-1])

    assert states[-1]["state"]["page"] == 4
    assert ids == []


def test_a_total_that_grows_while_it_is_read_is_followed(wire, local):
    serving(wire, lambda number: {"data": whole(number, last=1), "pages": min(3, number + 1)})

    assert read(wire, local, PAGES)[:2] == ([1, 2, 3, 4, 5], [])


@pytest.mark.parametrize("parallel", [1, 4])
def test_a_total_that_falls_while_it_is_read_loses_no_page_that_is_there_and_is_said(wire, local, parallel):
    serving(wire, lambda number: {"data": whole(number, of=5), "pages": 5 if number == 1 else 2})

    ids, said, _ = read(wire, local, {**PAGES, "parallel": parallel})

    assert ids == list(range(1, 11))
    assert any("its total fell while it was read" in one for one in said)


def test_records_that_are_removed_while_offsets_are_read_are_said_to_have_moved_the_others(wire, local):
    left = [records(1, 2, 3, 4, 5, 6), records(2, 3, 4, 5, 6), records(2, 3, 4, 5, 6)]

    def respond(params):
        rows, at = left.pop(0) if len(left) > 1 else left[0], int(params.get("offset", 0))
        return answer({"data": rows[at : at + SIZE], "total": len(rows)})

    wire.answers["else"] = [respond]

    ids, (said,), _ = read(wire, local, OFFSETS)

    assert ids == [1, 2, 4, 5, 6]  # 3 went to where nobody asks any more
    assert "others may have been skipped" in said


def test_a_flag_that_says_more_is_believed_before_a_total_that_says_none(wire, local):
    serving(wire, lambda number: {"data": whole(number, last=1), "pages": 1, "more": number < 3})

    assert read(wire, local, {**PAGES, "has_more_path": "more"})[0] == [1, 2, 3, 4, 5]


def test_an_api_that_gives_less_than_the_limit_asks_for_is_found_out(wire, local):
    rows = records(*range(1, 9))
    wire.answers["else"] = [lambda params: answer({"data": rows[int(params["offset"]) :][:3], "total": 8})]

    ids, (said,), _ = read(wire, local, {**OFFSETS, "limit": 4})

    assert ids == [1, 2, 3, 5, 6, 7]
    assert "a page of 3 records was followed by more" in said
    assert "set `limit`" in said


def test_an_empty_page_in_the_middle_ends_no_reading_that_goes_by_cursors(wire, local):
    pages = {"1": (records(1), "b"), "b": ([], "c"), "c": (records(2), None)}
    for name, (rows, following) in pages.items():
        wire.answers[name] = [answer({"data": rows, "next": following})]

    assert read(wire, local, {"type": "cursor", "cursor_path": "next"})[:2] == ([1, 2], [])


def test_an_empty_page_in_the_middle_is_passed_over_where_that_is_asked_for(wire, local):
    serving(wire, lambda number: {"data": [] if number == 2 else whole(number, last=1), "pages": 3})

    assert read(wire, local, {**PAGES, "stop_after_empty_page": False})[:2] == ([1, 2, 5], [])


@pytest.mark.parametrize("round_of", [1, 2, 5])
def test_pages_that_go_in_a_circle_without_end_are_an_error(wire, local, round_of):
    serving(wire, lambda number: {"data": whole((number - 1) % round_of + 1, of=99)})

    with pytest.raises(PagingStuck) as stuck:
        read(wire, local, {**PAGES, "total_path": None})

    assert "circle" in stuck.value.what or "once more" in stuck.value.what
    assert asked(wire) <= round_of + 12


def test_cursors_that_are_ever_new_and_lead_to_the_same_pages_are_an_error(wire, local):
    wire.answers["else"] = [
        lambda params: answer(
            {"data": whole((at := int(params.get("cursor", 100)) + 1) % 3 + 1, of=9), "next": str(at)}
        )
    ]

    with pytest.raises(PagingStuck, match="the pages go in a circle"):
        read(wire, local, {"type": "cursor", "cursor_path": "next"})


@pytest.mark.parametrize("back", ["2", "3"])
def test_a_link_to_itself_or_to_an_earlier_page_is_an_error(wire, local, back):
    links = {"1": "2", "2": "3", "3": back}
    for name, following in links.items():
        wire.answers[name] = [answer({"data": records(int(name)), "next": f"/orders?page={following}"})]

    with pytest.raises(PagingStuck, match="led to the same page twice"):
        read(wire, local, {"type": "json_link", "next_url_path": "next"})


def test_a_page_that_is_shorter_when_it_is_asked_for_again_moves_no_other(wire, local):
    for number in (1, 3):
        wire.answers[str(number)] = [answer({"data": whole(number, last=1), "pages": 3})]
    wire.answers["2"] = [answer(b'{"data": [{"id": 3}, {"id"'), answer({"data": records(3), "pages": 3})]

    assert read(wire, local, PAGES)[0] == [1, 2, 3, 5]
