"""What a source that is written in Python says of its streams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

Function = TypeVar("Function", bound="Callable[..., Iterator[Any]]")


@overload
def stream(function: Function, /) -> Function: ...


@overload
def stream(
    *,
    name: str | None = None,
    primary_key: str | Sequence[str] = (),
    incremental: str | Mapping[str, Any] | None = None,
    write_disposition: Literal["append", "replace", "merge"] | None = None,
    columns: Mapping[str, str] | None = None,
    table_name: str | None = None,
    nested: Literal["json", "flatten", "tables"] = "json",
    description: str = "",
) -> Callable[[Function], Function]: ...


def stream(  # noqa: PLR0913 - the keys of a stream
    function: Function | None = None,
    /,
    *,
    name: str | None = None,
    primary_key: str | Sequence[str] = (),
    incremental: str | Mapping[str, Any] | None = None,
    write_disposition: Literal["append", "replace", "merge"] | None = None,
    columns: Mapping[str, str] | None = None,
    table_name: str | None = None,
    nested: Literal["json", "flatten", "tables"] = "json",
    description: str = "",
) -> Function | Callable[[Function], Function]:
    """A generator as a stream of a source of type `python`; the keys are those of a stream in YAML, written as plain values.

    The function yields dicts, lists of dicts, or whatever speaks Arrow: tables, batches, readers, data frames of Polars and pandas. It
    takes what it names among `cursor` (the highest value of `incremental` that is stored, as text, or None), `config` and `secrets`
    (what the source in YAML says under these keys). The file is read without being run until a load asks for its rows.
    """
    del (
        name,
        primary_key,
        incremental,
        write_disposition,
        columns,
        table_name,
        nested,
        description,
    )  # read from the text
    return (lambda one: one) if function is None else function
