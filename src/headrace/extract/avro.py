"""Avro: block by block, each logical type as the type it means."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headrace.arrow import pa
from headrace.errors import DriverMissing, FileUnreadable, StatementFailed
from headrace.extract.columnar import batch_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from headrace.batch import Batch
    from headrace.extract.found import Found
    from headrace.project.file_sources import FilesStream
    from headrace.warehouse.embedded import Embedded

_ROWS = 20_000
_DIGITS = 76
_PLAIN = {
    "null": pa.null(),
    "boolean": pa.bool_(),
    "int": pa.int32(),
    "long": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "bytes": pa.binary(),
    "string": pa.string(),
    "enum": pa.string(),
}
_LOGICAL = {
    "date": pa.date32(),
    "time-millis": pa.time64("us"),
    "time-micros": pa.time64("us"),
    "timestamp-millis": pa.timestamp("us", "UTC"),
    "timestamp-micros": pa.timestamp("us", "UTC"),
    "timestamp-nanos": pa.timestamp("ns", "UTC"),
    "local-timestamp-millis": pa.timestamp("us"),
    "local-timestamp-micros": pa.timestamp("us"),
    "local-timestamp-nanos": pa.timestamp("ns"),
}


@dataclass(frozen=True, slots=True)
class _Made:
    """An Arrow type, and what makes its values of those that the reader gives, if they are others."""

    type: pa.DataType
    of: Callable[[Any], Any] | None = None


def batches(
    file: Found, spec: FilesStream, local: Embedded, start: Mapping[str, Any]
) -> Iterator[tuple[Batch, Mapping[str, Any], bool]]:
    """The rows of a file from a place on. Raises FileUnreadable and DriverMissing."""
    try:
        import fastavro
    except ImportError:
        raise DriverMissing(
            f"{file.key}: Avro needs a library that is not installed", hint="pip install 'headrace[avro]'"
        ) from None
    try:
        with file.path.open("rb") as stream:
            reader = fastavro.block_reader(stream)
            fields = _fields(reader.writer_schema)
            found = _pages(reader, start.get("row", 0))
            held = next(found, None)
            while held is not None:
                following = next(found, None)
                before, records = held
                batch = batch_of(_table(records, fields), file.key, before + 1, local, flatten=spec.flattens)
                yield batch, {"row": before + len(records)}, following is None
                held = following
    except (FileUnreadable, GeneratorExit):
        raise
    except StatementFailed as error:
        raise FileUnreadable(f"{file.key} cannot be read: {str(error)[:200]}") from error
    except Exception as error:
        # Of bytes that are not Avro, the library raises whatever their decoding came to.
        raise FileUnreadable(
            f"{file.key} cannot be read as Avro: {type(error).__name__} {str(error)[:200]}",
            hint="it may not have been written to its end",
        ) from error


def _pages(reader: Any, start: int) -> Iterator[tuple[int, list[Any]]]:
    """Records in lists that are not too long, each with how many records were before it; blocks before `start` are not decoded."""
    seen, before, page = 0, start, []
    for block in reader:
        seen += block.num_records
        if seen <= start:
            continue
        skip = max(start - (seen - block.num_records), 0)
        for at, record in enumerate(block):
            if at < skip:
                continue
            page.append(record)
            if len(page) == _ROWS:
                yield before, page
                before, page = before + len(page), []
    if page:
        yield before, page


def _table(records: list[Any], fields: Mapping[str, _Made]) -> pa.Table:
    if "" in fields:  # a file of values that are no records
        records, fields = [{"value": record} for record in records], {"value": fields[""]}
    columns = []
    for name, made in fields.items():
        values = [record[name] for record in records]
        if made.of is not None:
            make = made.of
            values = [None if value is None else make(value) for value in values]
        if str(made.type) == "extension<arrow.uuid>":
            columns.append(pa.ExtensionArray.from_storage(made.type, pa.array(values, pa.binary(16))))
        else:
            columns.append(pa.array(values, made.type))
    return pa.Table.from_arrays(columns, names=list(fields))


def _fields(schema: Any) -> dict[str, _Made]:
    """The columns of a schema, by name."""
    named: dict[str, Any] = {}
    _collect(schema, named)
    if isinstance(schema, dict) and schema.get("type") == "record":
        return {field["name"]: _top(field["type"], named) for field in schema["fields"]}
    return {"": _top(schema, named)}


def _collect(schema: Any, named: dict[str, Any]) -> None:
    """Types by their names, which other types may say instead of them."""
    if isinstance(schema, list):
        for one in schema:
            _collect(one, named)
    elif isinstance(schema, dict):
        if "name" in schema:
            named[schema["name"]] = schema
        for field in schema.get("fields", ()):
            _collect(field["type"], named)
        for key in ("items", "values", "type"):
            if isinstance(schema.get(key), (dict, list)):
                _collect(schema[key], named)


def _top(schema: Any, named: Mapping[str, Any]) -> _Made:
    bare = _resolved(_without_null(schema), named)
    if isinstance(bare, dict) and bare.get("logicalType") == "uuid":
        return _Made(pa.uuid(), lambda value: value.bytes)
    return _made(schema, named, ())


def _without_null(schema: Any) -> Any:
    if not isinstance(schema, list):
        return schema
    rest = [one for one in schema if one != "null"]
    return rest[0] if len(rest) == 1 else rest or "null"


def _resolved(schema: Any, named: Mapping[str, Any]) -> Any:
    return named.get(schema, schema) if isinstance(schema, str) else schema


def _made(schema: Any, named: Mapping[str, Any], within: tuple[str, ...]) -> _Made:
    schema = _resolved(_without_null(schema), named)
    if isinstance(schema, list):
        return _AS_JSON
    if isinstance(schema, str):
        return _Made(_PLAIN[schema])
    kind, logical = schema["type"], schema.get("logicalType")
    if isinstance(kind, (dict, list)):
        return _made(kind, named, within)
    if logical in _LOGICAL:
        return _Made(_LOGICAL[logical])
    if logical == "uuid":
        return _Made(pa.string(), str)
    if logical == "decimal":
        return _decimal(schema)
    if kind == "record":
        return _record(schema, named, within)
    if kind == "array":
        item = _made(schema["items"], named, within)
        return item if item is _AS_JSON else _list(item)
    if kind == "map":
        value = _made(schema["values"], named, within)
        return value if value is _AS_JSON else _map(value)
    if kind == "fixed":
        return _Made(pa.binary(schema["size"]))
    return _Made(_PLAIN[kind])


def _decimal(schema: Mapping[str, Any]) -> _Made:
    digits, scale = schema["precision"], schema.get("scale", 0)
    if digits > _DIGITS:
        return _Made(pa.string(), lambda value: format(value, "f"))
    return _Made(pa.decimal128(digits, scale) if digits <= 38 else pa.decimal256(digits, scale))


def _record(schema: Mapping[str, Any], named: Mapping[str, Any], within: tuple[str, ...]) -> _Made:
    if schema["name"] in within or not schema["fields"]:
        return _AS_JSON  # it holds itself, or nothing
    inside = {field["name"]: _made(field["type"], named, (*within, schema["name"])) for field in schema["fields"]}
    if any(made is _AS_JSON for made in inside.values()):
        return _AS_JSON
    kind = pa.struct([(name, made.type) for name, made in inside.items()])
    makers = {name: made.of for name, made in inside.items() if made.of}
    if not makers:
        return _Made(kind)

    def make(value: Mapping[str, Any]) -> dict[str, Any]:
        return {name: one if one is None or name not in makers else makers[name](one) for name, one in value.items()}

    return _Made(kind, make)


def _list(item: _Made) -> _Made:
    kind, make = pa.list_(item.type), item.of
    if make is None:
        return _Made(kind)
    return _Made(kind, lambda values: [None if one is None else make(one) for one in values])


def _map(value: _Made) -> _Made:
    make = value.of or (lambda one: one)
    return _Made(
        pa.map_(pa.string(), value.type),
        lambda pairs: [(key, None if one is None else make(one)) for key, one in pairs.items()],
    )


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_in_json)


def _in_json(value: Any) -> Any:
    return value.hex() if isinstance(value, bytes) else str(value)


_AS_JSON = _Made(pa.json_(), _json)
"""What may be of several types, or holds itself, is JSON text; numbers of exact digits and times are texts in it."""
