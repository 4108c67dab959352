"""Bodies that are not JSON documents, as JSON texts: lines of JSON, and XML."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


def _as_it_is(body: str) -> str:
    return body


def _jsonl(body: str) -> str:
    return "[" + ",".join(line for line in body.split("\n") if line.strip()) + "]"


def _xml(body: str) -> str:
    """An element is an object: attributes under `@name`, children by name (a list where there are several), text under `#text`."""
    if "<!DOCTYPE" in body[:1000]:
        raise ValueError("the body has a document type, which may name other files")
    try:
        root = ET.fromstring(body)  # noqa: S314 - no document type, hence no entities
    except ET.ParseError as error:
        raise ValueError(f"the body is not XML: {error}") from None
    return json.dumps({_bare(root.tag): _element(root)})


def _element(node: ET.Element) -> Any:
    attributes = {_bare(name): value for name, value in node.attrib.items()}
    return folded(attributes, [(_bare(child.tag), _element(child)) for child in node], node.text or "")


def folded(attributes: Mapping[str, str], children: Sequence[tuple[str, Any]], text: str) -> Any:
    """An element as JSON has it: the text alone where there is nothing else, else an object."""
    made: dict[str, Any] = {f"@{name}": value for name, value in attributes.items()}
    inside: dict[str, list[Any]] = {}
    for name, child in children:
        inside.setdefault(name, []).append(child)
    made |= {name: found[0] if len(found) == 1 else found for name, found in inside.items()}
    bare = text.strip()
    if not made:
        return bare or None
    return {**made, "#text": bare} if bare else made


def _bare(name: str) -> str:
    return name.rpartition("}")[2]


DECODERS: Mapping[str, Callable[[str], str]] = {"json": _as_it_is, "jsonl": _jsonl, "xml": _xml}
"""Each `decoder:` but csv, of which more has to be known. They raise ValueError where a body is of another kind."""
