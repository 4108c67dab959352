"""Keys that are twice in one object of a record: a reader of JSON takes one of the values, and which one nobody has said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.sql.dialect import text as literal
from headrace.warehouse.inference import pointer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headrace.warehouse.embedded import Embedded

_FEWER = "len(keys) > list_unique(keys)"
_AGAIN = "list_filter(keys, lambda key, place: list_position(keys, key) <> place)[1]"


def repeated(columns: Sequence[tuple[str, ...]], local: Embedded, relation: str) -> str | None:
    """An expression: the first key that is twice in the record `r`; None where no record of the relation has one.

    Looked at are the objects whose keys are columns, which are given as the keys that lead to each; `t` has their texts, and one
    more at most.
    """
    if not columns:
        return None
    within = dict.fromkeys(keys[:depth] for keys in columns for depth in range(len(keys)))
    places = ", ".join(literal(pointer(keys) if keys else "$") for keys in within)
    objects = f"json_keys(r, [{places}])"
    # A text that is there has a key, and so has an object within: a record that has no more keys than those has none twice. Many
    # records have the same keys, and to look for one that is twice costs more than to put those together. As a column and not as
    # a filter: a filter would take the keys of each record once more.
    texts = f"list_count(t) - CAST(t[{len(columns) + 1}] IS NOT NULL AS INTEGER)"
    more = f"CASE WHEN len(flatten(objects)) > {texts} + list_count(objects) - 1 THEN objects END AS objects"
    distinct = f"SELECT DISTINCT {more} FROM (SELECT t, {objects} AS objects FROM {relation}) AS keyed"
    ((found,),) = local.rows(
        f"SELECT count(*) FROM ({distinct}) AS several WHERE len(list_filter(objects, lambda keys: {_FEWER})) > 0"
    )
    if not found:
        return None
    firsts = f"list_transform(list_filter({objects}, lambda keys: {_FEWER}), lambda keys: {_AGAIN})"
    return f"({firsts})[1]"
