"""Files of JSON lines that are all alike are read where they lie: two passes prove that a typed read of them loses nothing.

Whatever is out of line (an unknown key, a number among the flags, a number with more digits than a double keeps, a line that is no
object) makes the whole file go the way of batches, which accounts for every record.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from headrace.batch import Scan
from headrace.errors import StatementFailed
from headrace.extract.paths import distinct_names
from headrace.extract.records import MAY_BE_LONG
from headrace.schema import BIGINT, BOOLEAN, DOUBLE, VARCHAR, Type
from headrace.sql.exact import literal, quoted, spelled
from headrace.sql.scan import reading

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headrace.extract.found import Found
    from headrace.project.sources import FilesStream
    from headrace.warehouse.embedded import Embedded

SMALL = 8_000_000
"""Up to so many bytes a file is one batch, and not worth three readings."""
_HEAD = 1_000_000
_KINDS_OF_LINE = 1000
_OPTIONS = {"format": "newline_delimited", "auto_detect": False}
_NUMBERS = ("UBIGINT", "BIGINT", "HUGEINT", "DOUBLE")


def scan(file: Found, spec: FilesStream, local: Embedded) -> Scan | None:
    """The file to be read in place, or None where that cannot be shown to be the same as reading it record by record."""
    shaped = spec.columns or spec.incremental or spec.data_selector or spec.nested == "flatten"
    if shaped or file.path.suffix == ".gz" or file.path.stat().st_size <= SMALL:
        return None
    try:
        fields = _guessed(file, local)
        if not fields or len({key.lower() for key in fields}) < len(fields) or not _known(file, fields, local):
            return None
        types = _proven(file, fields, local)
    except (StatementFailed, UnicodeDecodeError):
        return None
    if types is None:
        return None
    names = {keys[0]: name for keys, name in distinct_names([(key,) for key in types]).items()}
    options: dict[str, Any] = {**_OPTIONS, "columns": {key: spelled(of) for key, of in types.items()}}
    if any(old != new for old, new in names.items()):
        options["rename"] = names
    return Scan(str(file.path), "jsonl", options, file.stamp, file.member, file.key)


def _guessed(file: Found, local: Embedded) -> dict[str, Any]:
    """The keys of the first lines, each with its structure as DuckDB tells it."""
    with file.path.open("rb") as stream:
        lines = [line for line in stream.read(_HEAD).rpartition(b"\n")[0].decode().split("\n") if line.strip()]
    sql = "SELECT CAST(json_group_structure(CAST(line AS JSON)) AS VARCHAR) FROM (SELECT unnest(?) AS line)"
    ((structure,),) = local.rows(sql, [lines])
    found = json.loads(structure or "null")
    return found if isinstance(found, dict) else {}


def _known(file: Found, fields: Mapping[str, Any], local: Embedded) -> bool:
    """Whether each line is an object of known keys, none of them twice."""
    sql = f"SELECT DISTINCT json_keys(json) FROM read_ndjson_objects({literal(str(file.path))}) LIMIT {_KINDS_OF_LINE + 1}"
    kinds = [keys for (keys,) in local.rows(sql)]
    return len(kinds) <= _KINDS_OF_LINE and all(
        keys and len(set(keys)) == len(keys) and fields.keys() >= set(keys) for keys in kinds
    )


def _proven(file: Found, fields: Mapping[str, Any], local: Embedded) -> dict[str, Type] | None:
    """The types that keep every value; None if there is a column for which there is none. What is always null is left out."""
    kinds = {key: _facts(key, of) for key, of in fields.items()}
    nested = {key for key, of in fields.items() if not isinstance(of, str)}
    read = {key: "JSON" if key in nested else "VARCHAR" for key in fields}
    source = reading("jsonl", str(file.path), {**_OPTIONS, "columns": read})
    asked = [f"coalesce(bool_and({fact}), TRUE)" for facts in kinds.values() for fact in facts.values()]
    (answers,) = local.rows(f"SELECT {', '.join(asked)} FROM {source}")
    types: dict[str, Type] = {}
    told = iter(answers)
    for key, facts in kinds.items():
        held = [of for of, holds in [(of, next(told)) for of in facts] if holds]
        if not held:
            return None
        if held[0] is not None:
            types[key] = held[0]
    return types


def _facts(key: str, of: Any) -> dict[Type | None, str]:
    """For each type that the column may have, a condition that must hold for each value (as text, or JSON where it is nested)."""
    text = quoted(key)
    if not isinstance(of, str):
        plain = f"CAST({text} AS VARCHAR)"
        return {
            VARCHAR: f"{text} IS NULL OR (ascii({plain}) IN (91, 123) AND NOT regexp_matches({plain}, '{MAY_BE_LONG}'))"
        }
    if of in _NUMBERS:
        # A flag would cast to a number, and 1.5 to a whole one; a text that comes back the same has lost nothing.
        whole = f"coalesce(CAST(try_cast({text} AS BIGINT) AS VARCHAR) = {text}, FALSE)"
        return {
            BIGINT: f"{text} IS NULL OR {whole}",
            DOUBLE: f"{text} IS NULL OR (length({text}) <= 15 AND try_cast({text} AS DOUBLE) IS NOT NULL)",
        }
    if of == "BOOLEAN":
        return {BOOLEAN: f"{text} IS NULL OR {text} IN ('true', 'false')"}
    if of == "VARCHAR":
        long_number = f"length({text}) > 15 AND try_cast({text} AS DOUBLE) IS NOT NULL"
        return {VARCHAR: f"{text} IS NULL OR NOT ({long_number} OR ascii({text}) IN (91, 123))"}
    return {None: f"{text} IS NULL"} if of == "NULL" else {VARCHAR: "FALSE"}
