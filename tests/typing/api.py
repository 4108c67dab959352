"""Public names keep their types: checked by mypy, never run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import assert_type

from headrace import stream


@stream
def plain() -> Iterator[dict[str, int]]:
    yield {"id": 1}


@stream(primary_key="id", incremental={"cursor_path": "at", "lag": "1h"}, columns={"id": "bigint"})
def orders(cursor: str | None, secrets: Mapping[str, str]) -> Iterator[list[dict[str, str]]]:
    yield [{"id": cursor or secrets["token"]}]


assert_type(plain(), Iterator[dict[str, int]])
assert_type(orders("1", {}), Iterator[list[dict[str, str]]])
stream(primary_key=1)  # type: ignore[call-overload]
