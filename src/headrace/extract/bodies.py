"""Bodies that are not JSON documents, as JSON texts: lines of JSON, CSV and XML."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from headrace.sql.dialect import name as quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from headrace.warehouse.embedded import Embedded


def _as_it_is(body: str, _: Embedded) -> str:
    return body


def _jsonl(body: str, _: Embedded) -> str:
    return "[" + ",".join(line for line in body.split("\n") if line.strip()) + "]"


def _csv(body: str, local: Embedded) -> str:
    """Every value as text: what it is, the declared columns say."""
    import pyarrow as pa
    import pyarrow.csv as pc

    if not body.strip():
        return "[]"
    try:
        options = pc.ParseOptions(newlines_in_values=True)
        names = pc.open_csv(pa.BufferReader(body.encode()), parse_options=options).schema.names
        table = pc.read_csv(
            pa.BufferReader(body.encode()),
            parse_options=options,
            convert_options=pc.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True, null_values=[""]
            ),
        )
    except pa.ArrowInvalid as error:
        raise ValueError(f"the body is not CSV: {str(error).splitlines()[0][:100]}") from None
    local.register("headrace_csv", table)
    try:
        listed = ", ".join(f"{quoted(name)} := {quoted(name)}" for name in names)
        ((text,),) = local.rows(
            f"SELECT CAST(coalesce(to_json(list(struct_pack({listed}))), '[]') AS VARCHAR) FROM headrace_csv"
        )
    finally:
        local.unregister("headrace_csv")
    return str(text)


def _xml(body: str, _: Embedded) -> str:
    """An element is an object: attributes under `@name`, children by name (a list where there are several), text under `#text`."""
    if "<!DOCTYPE" in body[:1000]:
        raise ValueError("the body has a document type, which may name other files")
    try:
        root = ET.fromstring(body)  # noqa: S314 - no document type, hence no entities
    except ET.ParseError as error:
        raise ValueError(f"the body is not XML: {error}") from None
    return json.dumps({_bare(root.tag): _element(root)})


def _element(node: ET.Element) -> Any:
    made: dict[str, Any] = {f"@{_bare(name)}": value for name, value in node.attrib.items()}
    children: dict[str, list[Any]] = {}
    for child in node:
        children.setdefault(_bare(child.tag), []).append(_element(child))
    made |= {name: found[0] if len(found) == 1 else found for name, found in children.items()}
    text = (node.text or "").strip()
    if not made:
        return text or None
    return {**made, "#text": text} if text else made


def _bare(name: str) -> str:
    return name.rpartition("}")[2]


DECODERS: Mapping[str, Callable[[str, Embedded], str]] = {
    "json": _as_it_is,
    "jsonl": _jsonl,
    "csv": _csv,
    "xml": _xml,
}
"""Each `decoder:`. They raise ValueError where a body is of another kind."""
