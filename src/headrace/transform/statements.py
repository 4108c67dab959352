"""Queries that macros run while a template is resolved: `run_query`, `statement` and `load_result`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from headrace.transform.adapter import Adapter
    from headrace.transform.grid import Grid


@dataclass(frozen=True, slots=True)
class Result:
    """A named statement's result: rows as lists in `data`, the same with names in `table`."""

    response: str
    data: list[list[Any]]
    table: Grid

    def __getitem__(self, key: str) -> Any:
        """`load_result('x')['data']`, which dbt allows beside the dot."""
        return getattr(self, key)


class Statements:
    """The statements of one node, whose results stay until the node is done."""

    def __init__(self, adapter: Adapter) -> None:
        self._adapter = adapter
        self._results: dict[str, Result] = {}

    def run_query(self, sql: str) -> Grid:
        """Run a statement at once; its result, which is empty where it has none."""
        return self._adapter.execute(sql, fetch=True)[1]

    def statement(
        self,
        name: str | None = None,
        fetch_result: bool = False,
        auto_begin: bool = True,
        language: str = "sql",
        caller: Callable[[], str] | None = None,
    ) -> str:
        """Run the body of a `call` block, and keep what came of it under a name."""
        response, grid = self._adapter.execute(caller() if caller else "", fetch=fetch_result)
        if name is not None:
            self.store_result(name, response, grid)
        return ""

    def load_result(self, name: str) -> Result | None:
        """What a statement of that name gave, or None where there was none."""
        return self._results.get(name)

    def store_result(self, name: str, response: Any, agate_table: Grid | None = None) -> str:
        """Keep a result under a name for `load_result`."""
        table = agate_table if agate_table is not None else _empty()
        self._results[name] = Result(str(response), [list(row) for row in table], table)
        return ""

    def store_raw_result(
        self,
        name: str,
        message: str | None = None,
        code: str | None = None,
        rows_affected: int | None = None,
        agate_table: Grid | None = None,
    ) -> str:
        """Keep a result that no statement had, as that of what a materialization does by other means."""
        return self.store_result(name, message, agate_table)


def _empty() -> Grid:
    from headrace.transform.grid import Grid

    return Grid((), ())
