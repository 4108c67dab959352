"""The small results that macros read: dbt hands them agate tables, this is the part of agate that templates use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.events import Said, emit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class Row:
    """One row: values by position, slice or name."""

    __slots__ = ("_names", "_values")

    def __init__(self, names: Sequence[str], values: Sequence[Any]) -> None:
        self._names = names
        self._values = tuple(values)

    def __getitem__(self, key: int | slice | str) -> Any:
        if isinstance(key, str):
            return self._values[_position(self._names, key)]
        return self._values[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __eq__(self, other: object) -> bool:
        return tuple(self) == tuple(other) if isinstance(other, (Row, tuple, list)) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._values)

    def get(self, key: str, default: Any = None) -> Any:
        """The value of a column, or the default where there is no such column."""
        return self[key] if key.lower() in (name.lower() for name in self._names) else default

    def keys(self) -> tuple[str, ...]:
        """The columns' names."""
        return tuple(self._names)

    def values(self) -> tuple[Any, ...]:
        """The values in order."""
        return self._values

    def items(self) -> tuple[tuple[str, Any], ...]:
        """Names with values."""
        return tuple(zip(self._names, self._values, strict=True))

    def dict(self) -> dict[str, Any]:
        """Values by name."""
        return dict(self.items())


class GridColumn:
    """One column of a result: its values by position."""

    __slots__ = ("_values", "name")

    def __init__(self, name: str, values: Sequence[Any]) -> None:
        self.name = name
        self._values = tuple(values)

    def values(self) -> tuple[Any, ...]:
        """The values from the first row to the last."""
        return self._values

    def values_distinct(self) -> tuple[Any, ...]:
        """Each value once, in the order of its first row."""
        return tuple(dict.fromkeys(self._values))

    def values_without_nulls(self) -> tuple[Any, ...]:
        """The values that are there."""
        return tuple(value for value in self._values if value is not None)

    def __getitem__(self, position: int | slice) -> Any:
        return self._values[position]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


class Named:
    """An ordered collection that answers to positions and to names."""

    __slots__ = ("_items", "_names")

    def __init__(self, names: Sequence[str], items: Sequence[Any]) -> None:
        self._names = names
        self._items = tuple(items)

    def __getitem__(self, key: int | slice | str) -> Any:
        return self._items[_position(self._names, key)] if isinstance(key, str) else self._items[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def get(self, key: str, default: Any = None) -> Any:
        """The item of that name, or the default."""
        return self[key] if key.lower() in (name.lower() for name in self._names) else default

    def keys(self) -> tuple[str, ...]:
        """The names in order."""
        return tuple(self._names)

    def values(self) -> tuple[Any, ...]:
        """The items in order."""
        return self._items

    def items(self) -> tuple[tuple[str, Any], ...]:
        """Names with items."""
        return tuple(zip(self._names, self._items, strict=True))


class Grid:
    """A result with its columns and rows, as `run_query` returns it."""

    __slots__ = ("column_names", "columns", "rows")

    def __init__(self, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        self.column_names = tuple(names)
        self.rows = tuple(Row(self.column_names, row) for row in rows)
        self.columns = Named(
            self.column_names,
            [GridColumn(name, [row[at] for row in self.rows]) for at, name in enumerate(self.column_names)],
        )

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def select(self, names: Sequence[str]) -> Grid:
        """Only these columns, in this order."""
        return Grid(names, [[row[name] for name in names] for row in self.rows])

    def exclude(self, names: Sequence[str]) -> Grid:
        """All columns but these."""
        return self.select([name for name in self.column_names if name not in names])

    def rename(self, column_names: Sequence[str] | dict[str, str]) -> Grid:
        """The same rows under other column names."""
        if isinstance(column_names, dict):
            return Grid([column_names.get(name, name) for name in self.column_names], [tuple(row) for row in self.rows])
        return Grid(column_names, [tuple(row) for row in self.rows])

    def limit(self, start_or_stop: int, stop: int | None = None) -> Grid:
        """The first rows, or those from a start to a stop."""
        chosen = self.rows[:start_or_stop] if stop is None else self.rows[start_or_stop:stop]
        return Grid(self.column_names, [tuple(row) for row in chosen])

    def print_table(self, max_rows: int = 20, max_columns: int = 6, **_: Any) -> None:
        """Say the result as lines of text, with a rule under the names."""
        emit(Said(self.as_text(max_rows, max_columns), shown=True))

    def as_text(self, max_rows: int, max_columns: int) -> str:
        """The first rows and columns as lines of text, with a rule under the names."""
        names = self.column_names[:max_columns]
        cells = [["" if row[at] is None else str(row[at]) for at in range(len(names))] for row in self.rows[:max_rows]]
        widths = [max([len(name), *(len(line[at]) for line in cells)]) for at, name in enumerate(names)]
        ruled = [list(names), ["-" * width for width in widths], *cells]
        return "\n".join(
            "| " + " | ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)) + " |"
            for line in ruled
        )


def _position(names: Sequence[str], key: str) -> int:
    """Where a name stands; agate is exact, but dbt's results are lower case on some engines and not on others."""
    if key in names:
        return names.index(key)
    folded = [name.lower() for name in names]
    if key.lower() in folded:
        return folded.index(key.lower())
    raise KeyError(key)
