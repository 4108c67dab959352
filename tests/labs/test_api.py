import http.client
import json
import re
from collections import Counter
from urllib.parse import urlencode

import pytest

from headrace.labs.api import Api
from headrace.labs.misbehaviour import WELL_BEHAVED, Misbehaviour
from headrace.labs.realism import CALM, Realism
from headrace.labs.shop import Shop

SHOP = Shop(1, 450, CALM)


def get(api, path, token="open-sesame"):  # noqa: S107 - guards nothing
    connection = http.client.HTTPConnection(api.url.removeprefix("http://"), timeout=5)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read()
    finally:
        connection.close()


def body(api, path):
    status, _, text = get(api, path)
    assert status == 200
    return json.loads(text)


def orders(api, **query):
    found, page, pages = [], 1, 1
    while page <= pages:
        answer = body(api, f"/orders?{urlencode({**query, 'page': page})}")
        found, page, pages = found + answer["data"], page + 1, answer["pages"]
    return found


@pytest.fixture
def kind():
    with Api(SHOP, WELL_BEHAVED) as api:
        yield api


def test_without_the_token_nothing_is_told(kind):
    status, headers, text = get(kind, "/orders", token="wrong")

    assert (status, headers["WWW-Authenticate"]) == (401, "Bearer")
    assert b"data" not in text


def test_an_unknown_path_is_404_and_a_bad_parameter_400(kind):
    assert get(kind, "/nothing")[0] == 404
    assert get(kind, "/orders?page=0")[0] == 400
    assert get(kind, "/orders?page=one")[0] == 400


def test_numbered_pages_come_to_the_table(kind):
    found = orders(kind, page_size=70)

    assert sorted(found, key=lambda row: row["order_id"]) == kind.expected("orders")
    assert len(found) == 450
    assert len(kind.journal) == 7


def test_pages_are_in_the_order_of_updates(kind):
    times = [row["updated_at"] for row in orders(kind)]

    assert times == sorted(times)


def test_cursor_pages_come_to_the_table(kind):
    found, cursor = [], ""
    while cursor is not None:
        answer = body(kind, f"/customers?limit=40&cursor={cursor}")
        found, cursor = found + answer["customers"], answer["next_cursor"]

    assert sorted(found, key=lambda row: row["customer_id"]) == kind.expected("customers")


def test_link_headers_come_to_the_table(kind):
    found, path = [], "/products?limit=5"
    while path:
        _, headers, text = get(kind, path)
        found += json.loads(text)
        link = re.fullmatch(r'<(.*)>; rel="next"', headers.get("Link", ""))
        path = link[1].removeprefix(kind.url) if link else None

    assert sorted(found, key=lambda row: row["product_id"]) == kind.expected("products")
    assert len(kind.journal) == 4


def test_links_in_the_body_come_to_the_table_and_keep_the_filter(kind):
    since = kind.expected("items")[500]["updated_at"]
    found, path = [], f"/items?{urlencode({'limit': 100, 'updated_since': since})}"
    while path:
        answer = body(kind, path)
        found += answer["results"]
        path = answer["next"].removeprefix(kind.url) if answer["next"] else None

    wanted = [row for row in kind.expected("items") if row["updated_at"] >= since]
    assert sorted(found, key=lambda row: row["item_id"]) == wanted


def test_offset_pages_come_to_the_table(kind):
    first = body(kind, "/refunds?limit=30")
    found = first["refunds"]
    while len(found) < first["total"]:
        found += body(kind, f"/refunds?limit=30&offset={len(found)}")["refunds"]

    assert sorted(found, key=lambda row: row["refund_id"]) == kind.expected("refunds")


def test_the_next_day_brings_only_what_changed_since(kind):
    before = orders(kind)
    last = max(row["updated_at"] for row in before)

    kind.day = 2
    new = orders(kind, updated_since=last)

    merged = {row["order_id"]: row for row in before} | {row["order_id"]: row for row in new}
    assert [merged[key] for key in sorted(merged)] == kind.expected("orders")
    assert 0 < len(new) < len(before) / 4


def test_too_many_requests_are_refused_by_number_and_a_second_is_enough():
    with Api(SHOP, Misbehaviour(too_many_every=3, too_many_at_most=2, error_every=None)) as api:
        answers = [get(api, "/products") for _ in range(9)]

    assert [status for status, _, _ in answers] == [200, 200, 429, 200, 200, 429, 200, 200, 200]
    assert answers[2][1]["Retry-After"] == "1"


def test_some_pages_fail_when_first_asked_for_on_a_day():
    with Api(SHOP, Misbehaviour(too_many_every=None, error_every=2)) as api:
        first = [get(api, f"/refunds?limit=10&offset={start}")[0] for start in (0, 10, 20, 10)]
        api.day = 2
        next_day = [get(api, "/refunds?limit=10&offset=10")[0] for _ in range(2)]

    assert first == [200, 500, 200, 200]
    assert next_day == [500, 200]


def test_the_third_page_of_orders_breaks_off_once():
    with Api(SHOP, Misbehaviour(too_many_every=None, error_every=None)) as api:
        with pytest.raises(http.client.IncompleteRead):
            get(api, "/orders?page=3")
        again = body(api, "/orders?page=3")

    assert again["page"] == 3


def test_a_row_is_repeated_across_the_border_of_pages():
    with Api(SHOP, Misbehaviour(too_many_every=None, error_every=None, truncated=False)) as api:
        one, two = (body(api, f"/orders?page={page}&page_size=50")["data"] for page in (1, 2))
        everything = Counter(row["order_id"] for row in orders(api, page_size=50))

    assert two[0] == one[-1]
    assert len(everything) == 450
    assert sum(everything.values()) == 458


def test_one_order_has_a_total_that_is_no_number_and_the_oracle_leaves_it_out():
    with Api(SHOP, Misbehaviour(too_many_every=None, error_every=None, truncated=False)) as api:
        bad = [row for row in orders(api, page_size=500) if row["total"] == "12,50 EUR"]
        expected = {row["order_id"] for row in api.expected("orders")}

    assert [row["order_id"] for row in bad] == [api.bad_order]
    assert expected == set(range(1, 451)) - {api.bad_order}


def test_a_dead_page_stays_dead_until_the_api_is_healed():
    with Api(SHOP, Misbehaviour(too_many_every=None, error_every=None, dead_page=("orders", 2))) as api:
        dead = [get(api, "/orders?page=2")[0] for _ in range(4)]
        api.heal()
        healed = get(api, "/orders?page=2")[0]

    assert (dead, healed) == ([500] * 4, 200)


def test_the_journal_keeps_each_request_with_its_time_and_status():
    with Api(SHOP, Misbehaviour(too_many_every=2, error_every=None)) as api:
        get(api, "/products?limit=5")
        get(api, "/customers")
        get(api, "/orders", token="wrong")

    assert [(path, status) for _, path, status in api.journal] == [
        ("/products?limit=5", 200),
        ("/customers", 429),
        ("/orders", 401),
    ]
    assert [entry.at for entry in api.journal] == sorted(entry.at for entry in api.journal)


def test_what_is_late_broken_or_deleted_in_the_shop_is_served_as_the_oracle_has_it():
    with Api(Shop(2, 300, Realism(hard_deletes=0.05)), WELL_BEHAVED) as api:
        api.day = 6
        found = sorted(orders(api, page_size=500), key=lambda row: row["order_id"])

    assert found == Shop(2, 300, Realism(hard_deletes=0.05)).snapshot(6)["orders"]
