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
    text = f"type: rest\nclient: {{base_url: http://127.0.0.1:1{client}}}\nstreams:\n  orders: {{path: orders, {stream}}}\n"
    with pytest.raises(ConfigInvalid) as raised:
        load_streams(write({"sources/shop.yml": text}), None, {})
    return raised.value


@pytest.mark.parametrize("span", ["1 month", "1mo", "5ms", "1y", "soon", "1h 30"])
def test_what_is_no_span_of_time_is_refused_and_not_taken_for_another(
    write: Callable[[dict[str, str]], Path], span: str
):
    told = refused(write, f"cache: {span}")

    assert "cache: it takes a number, or a span of time such as 30s, 15m, 6h, 7d or 2w" in told.what
    assert str(told.where) == "sources/shop.yml:4:33"


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
