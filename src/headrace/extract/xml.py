"""XML as a stream of its records: an element is an object as in `bodies`, and only one record of the file is held at a time."""

from __future__ import annotations

import json
from typing import IO, TYPE_CHECKING, Any
from xml.parsers import expat

from headrace.errors import FileUnreadable, RecordsNotFound, StatementFailed
from headrace.extract.bodies import folded
from headrace.extract.documents import records_batch, shape_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from headrace.batch import Batch
    from headrace.extract.found import Found
    from headrace.project.file_sources import FilesStream
    from headrace.warehouse.embedded import Embedded

_BLOCK = 1 << 18
_HEAD = 1 << 20
_BATCH = 8_000_000


class _DocumentType(Exception):
    """The file has a document type, which may name other files or make much of little."""


class _Records:
    """Elements at a path, as they end: the objects they are, by the calls of a parser."""

    def __init__(self, path: tuple[str, ...]) -> None:
        self.path = path
        self.found: list[Any] = []
        self._open: list[str] = []
        self._frames: list[tuple[dict[str, str], list[tuple[str, Any]], list[str]]] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._open.append(_bare(name))
        if self._frames or tuple(self._open) == self.path:
            self._frames.append((attributes, [], []))

    def end(self, name: str) -> None:
        self._open.pop()
        if not self._frames:
            return
        attributes, children, texts = self._frames.pop()
        made = folded({_bare(key): value for key, value in attributes.items()}, children, "".join(texts))
        if self._frames:
            self._frames[-1][1].append((_bare(name), made))
        else:
            self.found.append(made)

    def text(self, piece: str) -> None:
        if self._frames:
            self._frames[-1][2].append(piece)


def batches(
    file: Found, spec: FilesStream, local: Embedded, start: Mapping[str, Any]
) -> Iterator[tuple[Batch, Mapping[str, Any], bool]]:
    """The records of a file from a place on; the file's selector is the path of their element. Raises FileUnreadable, RecordsNotFound."""
    path = _path(file.selector) if file.selector else _likely(file)
    shape = shape_of(spec, "$")
    before = start.get("row", 0)
    pages = _pages(file, path, before)
    held = next(pages, None)
    if held is None and not before:
        raise RecordsNotFound(f"{file.key} has no element /{'/'.join(path)}", hint="say which with `data_selector:`")
    while held is not None:
        following = next(pages, None)
        numbers = range(before + 1, before + len(held) + 1)
        try:
            batch = records_batch(file.key, held, numbers, shape, local)
        except StatementFailed as error:
            raise FileUnreadable(f"{file.key} cannot be read: {str(error)[:200]}") from error
        before += len(held)
        yield batch, {"row": before}, following is None
        held = following


def _pages(file: Found, path: tuple[str, ...], start: int) -> Iterator[list[str]]:
    """Records as JSON, in lists of some megabytes."""
    records = _Records(path)
    parser = _parser()
    parser.StartElementHandler = records.start
    parser.EndElementHandler = records.end
    parser.CharacterDataHandler = records.text
    page: list[str] = []
    size = seen = 0
    with file.path.open("rb") as stream:
        for _ in _fed(file, parser, stream):
            for record in records.found:
                seen += 1
                if seen <= start:
                    continue
                # An element with text only is an object too, so that it can be a row.
                text = json.dumps(record if isinstance(record, dict) else {"#text": record}, ensure_ascii=False)
                page.append(text)
                size += len(text)
            records.found.clear()
            if size >= _BATCH:
                yield page
                page, size = [], 0
    if page:
        yield page


def _parser() -> expat.XMLParserType:
    parser = expat.ParserCreate()
    parser.buffer_text = True

    def refuse(*_: object) -> None:
        raise _DocumentType

    parser.StartDoctypeDeclHandler = refuse
    return parser


def _fed(file: Found, parser: expat.XMLParserType, stream: IO[bytes]) -> Iterator[None]:
    """A turn for each block that was parsed. Raises FileUnreadable."""
    try:
        while block := stream.read(_BLOCK):
            parser.Parse(block, False)
            yield
        parser.Parse(b"", True)
        yield
    except _DocumentType:
        raise FileUnreadable(f"{file.key} has a document type, which may name other files") from None
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise FileUnreadable(
            f"{file.key} is not XML: {error}", hint="it may not have been written to its end; nothing of it was loaded"
        ) from error


def _path(selector: str) -> tuple[str, ...]:
    """`/shop/order` or `shop.order` as the names from the outside in."""
    between = "/" if "/" in selector else "."
    return tuple(_bare(step) for step in selector.removeprefix("$").split(between) if step)


def _likely(file: Found) -> tuple[str, ...]:
    """The first element that comes again under the same parents; where none does, what the outermost holds, or that itself."""
    counts: dict[tuple[str, ...], int] = {}
    opened: list[str] = []

    def start(name: str, _: dict[str, str]) -> None:
        opened.append(_bare(name))
        counts[tuple(opened)] = counts.get(tuple(opened), 0) + 1

    parser = _parser()
    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _: opened.pop() and None
    with file.path.open("rb") as stream:
        for _ in _fed(file, parser, stream):
            if stream.tell() >= _HEAD and max(map(len, counts), default=0) > 1:
                break
    again = [path for path, number in counts.items() if number > 1]
    shallow = min(map(len, again), default=0)
    if again:
        return next(path for path in again if len(path) == shallow)
    inner = [path for path in counts if len(path) == 2]
    return inner[0] if len(inner) == 1 else next(iter(counts))


def _bare(name: str) -> str:
    return name.rpartition(":")[2]
