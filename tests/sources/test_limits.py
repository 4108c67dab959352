import itertools

import pytest
from sources_reading import ids, read, stream_of

from headrace.extract import rest

NUMBERED = {"type": "page_number", "base_page": 1}


@pytest.fixture(autouse=True)
def _the_last_page_is_not_full(api):
    """So that nobody asks whether there is another page behind it."""
    api.records = api.records[:24]


def numbered(api, **spec):
    return stream_of(api, "page_number", paginator=NUMBERED, **spec)


def starts(api):
    return [asked.at for asked in api.journal]


@pytest.mark.parametrize("prefix", ["", "X-"])
@pytest.mark.parametrize("reset", ["20", "epoch", "epoch_ms"])
def test_a_server_that_has_no_calls_left_is_left_alone_until_its_reset(api, local, prefix, reset):
    seconds = api.clock.now().timestamp() + 20
    value = {"epoch": str(int(seconds)), "epoch_ms": str(int(seconds * 1000))}.get(reset, reset)

    def route(api, asked):
        page = int(asked.params["page"])
        left = "0" if page == 2 else "7"
        headers = {f"{prefix}RateLimit-Remaining": left, f"{prefix}RateLimit-Reset": value}
        return {"data": api.records[(page - 1) * 5 : page * 5], "total": 5}, headers

    api.routes["/page_number"] = route

    assert ids(read(api, numbered(api), local)) == list(range(1, 25))
    assert starts(api) == [0.0, 0.0, 20.0, 20.0, 20.0]


def test_streams_of_a_client_share_its_limit_and_each_endpoint_can_have_its_own(api, local):
    def all_starts(limit):
        api.journal.clear()
        api.clock.seconds = 0.0
        clock = api.clock.clock()
        for name in ("a", "b"):
            made = numbered(api, name=name, client={"rate_limit": limit})
            list(rest.read(made, cursor=None, resume={}, local=local, clock=clock))
        return starts(api)

    assert all_starts({"calls": 5, "period": "10s"}) == [0.0] * 5 + [10.0] * 5
    assert all_starts({"calls": 5, "period": "10s", "per": "endpoint"}) == [0.0] * 10


def test_a_stream_can_have_a_limit_of_its_own(api, local):
    list(read(api, numbered(api, rate_limit={"calls": 1, "period": 3}), local))

    assert starts(api) == [0.0, 3.0, 6.0, 9.0, 12.0]


def test_a_server_that_refuses_without_a_word_is_asked_less_often_for_a_while(api, local):
    api.records = [{"id": n} for n in range(1, 101)]
    api.faults["3"] = [(429,)]

    list(read(api, numbered(api, retry={"factor": 1}), local))

    times = starts(api)
    gaps = [round(later - earlier, 6) for earlier, later in itertools.pairwise(times[3:])]
    assert times[3] >= 1.0
    assert gaps[0] >= 0.09
    assert gaps[-1] < gaps[0]


@pytest.mark.parametrize(
    ("retry", "headers"),
    [
        ({"wait_time_header": "X-Wait"}, {"X-Wait": "40"}),
        ({"wait_until_header": "X-Until"}, {"X-Until": "2026-01-01T00:00:40Z"}),
    ],
)
def test_a_header_of_the_apis_own_says_how_long_to_wait(api, local, retry, headers):
    api.faults["2"] = [(503, headers)]

    assert ids(read(api, numbered(api, retry=retry), local)) == list(range(1, 25))
    assert starts(api) == [0.0, 0.0, 40.0, 40.0, 40.0, 40.0]


def test_a_response_action_can_call_a_response_a_limit(api, local):
    api.faults["2"] = [(403, {"Retry-After": "5"})]
    actions = [{"status_code": 403, "action": "rate_limited"}]

    assert ids(read(api, numbered(api, response_actions=actions), local)) == list(range(1, 25))
    assert starts(api) == [0.0, 0.0, 5.0, 5.0, 5.0, 5.0]
