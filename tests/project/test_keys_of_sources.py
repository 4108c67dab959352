"""What the keys of a source take, and what is said of what they do not take."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from headrace.errors import ConfigInvalid
from headrace.project.stream_keys import Incremental
from headrace.project.streams import load_streams

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.mark.parametrize(
    ("span", "seconds"),
    [("90", 90), ("1.5h", 5400), ("2 days", 172800), ("1h30m", 5400), ("3 Weeks", 1814400), (" 10 min ", 600), (0.5, 0.5)],
)  # fmt: skip
def test_a_span_of_time_is_so_many_seconds(span: str, seconds: float):
    assert Incremental(cursor_path="at", lag=span).lag == seconds  # type: ignore[arg-type]


def refused(write: Callable[[dict[str, str]], Path], stream: str, client: str = "") -> ConfigInvalid:
    text = f"type: rest\nclient: {{base_url: http://127.0.0.1:1{client}}}\nstreams:\n  orders: {{{stream}}}\n"
    with pytest.raises(ConfigInvalid) as raised:
        load_streams(write({"sources/shop.yml": text}), None, {})
    return raised.value


@pytest.mark.parametrize("span", ["1 month", "1mo", "5ms", "1y", "soon", "1h 30"])
def test_what_is_no_span_of_time_is_refused_and_not_taken_for_another(
    write: Callable[[dict[str, str]], Path], span: str
):
    told = refused(write, f"cache: {span}")

    assert "cache: it takes a number, or a span of time such as 30s, 15m, 6h, 7d or 2w" in told.what
    assert str(told.where) == "sources/shop.yml:4:19"


@pytest.mark.parametrize(
    ("stream", "said"),
    [
        ("columns: {id: nope}", "type: 'nope' is not a type; types are boolean"),
        ("columns: {id: decimal(50)}", "a decimal has 1 to 38 digits"),
        ("cache: -1", "cache: input should be greater than or equal to 0"),
        ("incremental: {cursor_path: at, lag: -1}", "lag: input should be greater than or equal to 0"),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_meant_is_refused_at_its_place(write: Callable[[dict[str, str]], Path], stream: str, said: str):  # fmt: skip
    told = refused(write, stream)

    assert said in told.what
    assert str(told.where).startswith("sources/shop.yml:4:")


@pytest.mark.parametrize(
    ("stream", "said"),
    [
        ("response_actions: [{action: ignore}]", "it needs a `status_code:` or a `content:`"),
        ("retry: {retry_on: [429, five]}", "retry_on: 'five' is no status; write them as 429 or as 5xx"),
        ("paginator: {type: offset, limit: 0}", "limit: input should be greater than or equal to 1"),
        ("auth: {type: hmac, secret: s, message: '{when}{path}'}", "message: there is no {when}; there are {method}, {path}"),
        ("path: 'orders/{id}/lines'", "the path has {id}, which is neither one of `params:` nor an expression"),
    ],
)  # fmt: skip
def test_what_would_be_passed_over_in_silence_is_refused(write: Callable[[dict[str, str]], Path], stream: str, said: str):  # fmt: skip
    assert said in refused(write, stream).what


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("client: {base_url: http://x}\nresources: []\nstreams: {}\n", "what dlt calls resources is `streams:`"),
        ("client: {base_url: http://x}\nresource_defaults: {}\nstreams: {}\n", "it is `defaults:` here"),
        ("client: {base_url: http://x}\nstreams: {a: {endpoint: {path: a}}}\n", "stand beside those of the stream"),
        ("client: {base_url: http://x}\nstreams: {a: {path: a, processing_steps: [{filter: x}]}}\n", "`transform:`"),
        ("client: {base_url: http://x}\nstreams: {a: {path: a, parallelized: true}}\n", "`parallel_requests:` says"),
        ("client: {base_url: http://x}\nstreams: {a: {path: a, selected: false}}\n", "`enabled: false` leaves a stream out"),
        ("client: {base_url: http://x, paginator: {type: json_response}}\nstreams: {}\n", "dlt calls it `json_link` now"),
        ("client: {base_url: http://x, auth: {token: a}}\nstreams: {}\n", "auth has no 'type', which is one of bearer, api_key,"),
    ],
)  # fmt: skip
def test_a_key_of_dlts_that_is_called_otherwise_names_the_one_that_is_meant(write: Callable[[dict[str, str]], Path], text: str, said: str):  # fmt: skip
    with pytest.raises(ConfigInvalid) as raised:
        load_streams(write({"sources/shop.yml": f"type: rest\n{text}"}), None, {})

    assert said in f"{raised.value.what} {raised.value.hint}"
