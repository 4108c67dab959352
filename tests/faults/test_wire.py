"""What a server can do to an answer: it is tried again, kept to be asked for later, or an error that says what happened."""

import gzip

import pytest
from faults_wire import BODY, BROKEN, RESET, SECOND, Wire, answer, drip, page, zipped

from headrace.batch import Batch
from headrace.errors import PagingStuck, RequestFailed
from headrace.extract import connections, rest, turns
from headrace.extract.nesting import too_deep
from headrace.project.apis import Client
from headrace.project.rest_sources import RestStream
from headrace.project.sources import Stream
from headrace.retry import SYSTEM, Clock
from headrace.warehouse.embedded import Embedded

PAUSES = ["99999999999", "inf", "1e400", "nan", "-5", "soon", "Fri, 31 Dec 9999 23:59:59 GMT", "Fri, 99 Foo 99999", ""]


@pytest.fixture(scope="module")
def local():
    opened = Embedded.in_memory()
    yield opened
    opened.close()


@pytest.fixture
def wire():
    with Wire() as served:
        for number in (1, 3):
            served.answers[str(number)] = [answer(page(number))]
        yield served


class Impatient:
    """A clock on which pauses take no time, but are counted."""

    def __init__(self):
        self.slept = 0.0
        self.clock = Clock(SYSTEM.now, lambda: self.slept, self.sleep, lambda: 0.5)

    def sleep(self, seconds):
        self.slept += seconds


NUMBERED = {"type": "page_number", "base_page": 1, "total_path": None, "has_more_path": "more"}


def read(wire, local, clock=None, *, client=None, **spec):
    """Ids that arrived, and the reasons of requests that did not."""
    declared = RestStream.model_validate({"path": "orders", "paginator": NUMBERED, "data_selector": "data", **spec})
    shared = {"base_url": wire.url, "timeout": 0.4, "retry": {"max_attempts": 2}, **(client or {})}
    stream = Stream(source="api", name="orders", spec=declared, client=Client.model_validate(shared))
    ids, dead = [], []
    for one in rest.read(stream, cursor=None, resume={}, local=local, clock=clock or Impatient().clock):
        if isinstance(one, Batch):
            ids += one.rows["id"].to_pylist()
        else:
            dead.append(one.reason)
    return ids, dead


@pytest.mark.parametrize("fault", BROKEN)
def test_an_answer_that_is_broken_once_costs_another_try_and_nothing_else(wire, local, fault):
    wire.answers["2"] = [BROKEN[fault][0], answer(SECOND)]

    assert read(wire, local) == ([1, 2, 3, 4, 5, 6], [])


@pytest.mark.parametrize("fault", BROKEN)
def test_a_page_that_is_always_broken_is_kept_with_its_reason_and_the_others_arrive(wire, local, fault):
    wire.answers["2"] = [BROKEN[fault][0]]

    ids, (reason,) = read(wire, local)

    assert ids == [1, 2, 5, 6]
    assert "/orders?page=2 failed after 2 attempts: " in reason
    assert [one for one in BROKEN[fault][1].split("|") if one in reason], reason


@pytest.mark.parametrize("pause", PAUSES)
def test_a_pause_that_nobody_can_mean_is_not_kept_for_longer_than_an_hour(wire, local, pause):
    waited = Impatient()
    wire.answers["2"] = [answer(b"{}", f"Retry-After: {pause}", status="429 Slow")] * 4 + [answer(SECOND)]

    assert read(wire, local, waited.clock, client={"retry": {"max_attempts": 5}}) == ([1, 2, 3, 4, 5, 6], [])

    assert waited.slept <= 4 * 3600 + 4


@pytest.mark.parametrize("form", ["header", "file", "twice"])
def test_a_body_that_unpacks_without_end_is_given_up(wire, local, monkeypatch, form):
    monkeypatch.setattr(connections, "LARGEST", 1 << 20)
    bomb = gzip.compress(bytes(1 << 22))
    wire.answers["2"] = [{"header": zipped(bomb), "file": answer(bomb), "twice": zipped(gzip.compress(bomb))}[form]]

    ids, (reason,) = read(wire, local)

    assert ids == [1, 2, 5, 6]
    assert "the body is larger than 1 MB: ask for smaller pages" in reason


def test_a_body_without_end_is_given_up(wire, local, monkeypatch):
    monkeypatch.setattr(connections, "LARGEST", 1 << 20)
    wire.answers["2"] = [b"HTTP/1.1 200 OK\r\n\r\n" + b" " * (1 << 22)]

    assert "larger than 1 MB" in read(wire, local)[1][0]


def test_a_body_that_drips_is_given_up(wire, local):
    wire.answers["2"] = [(0.02, answer(b'{"data": [' + b" " * 200 + b"]}")), answer(SECOND)]

    assert read(wire, local, SYSTEM, client={"timeout": 0.05}) == ([1, 2, 3, 4, 5, 6], [])

    assert len([one for one in wire.asked if "page=2" in one[0]]) == 2


@pytest.mark.parametrize("head", ["a status that drips", "a header that drips", "interim answers without end"])
def test_a_head_that_never_ends_is_given_up(wire, local, head):
    drops = {
        "a status that drips": b"HTTP/1.1 200 " + b"O" * 2000,
        "a header that drips": b"HTTP/1.1 200 OK\r\nX-Slow: " + b"a" * 2000,
        "interim answers without end": b"HTTP/1.1 100 Continue\r\n\r\n" * 2000,
    }[head]
    wire.answers["2"] = [drip(0.01, drops), answer(SECOND)]

    assert read(wire, local, SYSTEM, client={"timeout": 0.05}) == ([1, 2, 3, 4, 5, 6], [])

    assert len([one for one in wire.asked if "page=2" in one[0]]) == 2


def test_a_connection_that_is_kept_and_dropped_meanwhile_costs_another_try(wire, local):
    wire.answers["2"] = [RESET, RESET, answer(SECOND)]

    assert read(wire, local, client={"retry": {"max_attempts": 3}}) == ([1, 2, 3, 4, 5, 6], [])


def test_an_answer_that_ends_where_the_connection_does_is_whole_only_if_its_body_is(wire, local):
    wire.answers["2"] = [b"HTTP/1.0 200 OK\r\n\r\n" + BODY[:-9], b"HTTP/1.0 200 OK\r\n\r\n" + BODY]

    assert read(wire, local) == ([1, 2, 3, 4, 5, 6], [])


def test_a_value_of_a_hundred_megabytes_arrives(wire, local):
    long = "x" * 100_000_000
    wire.answers["2"] = [answer({"data": [{"id": len(long), "x": long}, {"id": 4}], "more": True})]

    assert read(wire, local, client={"timeout": 10}) == ([1, 2, 100_000_000, 4, 5, 6], [])


def test_credentials_and_bodies_do_not_follow_a_redirect_to_another_host(wire, local):
    auth = {"type": "api_key", "name": "X-Key", "api_key": "swordfish"}
    with Wire() as other:
        other.answers["else"] = [answer(SECOND)]
        moved = answer(b"", f"Location: {other.url}/elsewhere", status="307 Moved")
        wire.answers["2"] = [moved]
        client = {"auth": auth, "headers": {"X-Tenant": "shark"}}
        followed = read(wire, local, client=client)
        refused = read(wire, local, client=client, method="POST", json={"secret": "of the body"})

    assert followed == ([1, 2, 3, 4, 5, 6], [])
    assert "a request with a body is not sent on" in refused[1][0]
    assert len(other.asked) == 1
    assert not [word for word in ("swordfish", "shark", "of the body") if word in str(other.asked)]


def test_the_same_page_under_ever_new_cursors_is_an_error_and_not_for_ever(wire, local):
    wire.answers["else"] = [
        lambda params: answer({"data": [{"id": 1}], "next": f"c{int(params.get('cursor', 'c0')[1:]) + 1}"})
    ]
    wire.answers.pop("1")

    with pytest.raises(PagingStuck, match="once more, for the 11th time") as stuck:
        read(wire, local, paginator={"type": "cursor", "cursor_path": "next", "cursor_param": "cursor"})

    assert stuck.value.hint
    assert len(wire.asked) < 15


def test_nothing_under_ever_new_cursors_is_an_error_and_not_for_ever(wire, local, monkeypatch):
    monkeypatch.setattr(turns, "_EMPTY_IN_A_ROW", 30)
    wire.answers["else"] = [lambda params: answer({"data": [], "next": f"c{int(params.get('cursor', 'c0')[1:]) + 1}"})]
    wire.answers.pop("1")

    with pytest.raises(PagingStuck, match="for the 31th time"):
        read(wire, local, paginator={"type": "cursor", "cursor_path": "next", "cursor_param": "cursor"})


def test_a_server_that_always_has_more_and_repeats_its_last_page_is_stopped(wire, local):
    wire.answers["else"] = [answer({"data": [{"id": 7}], "more": True})]

    wire.answers |= {"2": [answer(SECOND)], "3": [answer({"data": [{"id": 7}], "more": True})]}

    with pytest.raises(PagingStuck, match="page=4 is the page before it once more"):
        read(wire, local)


@pytest.mark.parametrize("link", ["http://[::1", "//[", "http://h:abc/x"])
def test_a_link_that_is_no_url_is_an_error_that_says_so(wire, local, link):
    wire.answers["1"] = [answer({"data": [{"id": 1}], "next": link})]

    with pytest.raises(RequestFailed, match=r"no URL|failed after"):
        read(wire, local, paginator={"type": "json_link", "next_url_path": "next"})


@pytest.mark.parametrize(
    ("body", "deep"),
    [
        ("[" * 100 + "]" * 100, False),
        ("[" * 101 + "]" * 101, True),
        ('{"a":' * 101 + "1" + "}" * 101, True),
        ('["' + "[" * 5000 + '"]', False),
        (r'["\"' + "[" * 5000 + '"]', False),
        ('[{"a":[1]},' * 101 + "1" + "]" * 101, True),
        ("[" + ",".join(["[[[]]]"] * 1000) + "]", False),
        ("]" * 5000, False),
        ("", False),
    ],
)
def test_how_deep_a_body_is_nested_is_seen_whatever_its_texts_hold(body, deep):
    assert too_deep(body) is deep
