"""Lines of fixed width: each field is what stands between two columns of a line, without the blanks around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headrace.arrow import pa
from headrace.extract.texts import LINE, Columns, Torn, batch_of
from headrace.naming import distinct_names
from headrace.schema import VARCHAR, parse_type
from headrace.sql.dialect import name as quoted
from headrace.sql.dialect import text as literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from headrace.batch import Batch
    from headrace.extract.found import Found
    from headrace.project.file_sources import FilesStream
    from headrace.warehouse.embedded import Embedded

_PIECE = 4_000_000


def batches(
    file: Found, spec: FilesStream, local: Embedded, start: Mapping[str, Any]
) -> Iterator[tuple[Batch, Mapping[str, Any], bool]]:
    """The rows of a file from a place on. A field has the type that is declared, else it is text."""
    names = distinct_names([(field.name,) for field in spec.fields])
    declared = {names.get((key,), key): of for key, of in spec.column_types.items()}
    own = {names[(field.name,)]: parse_type(field.type) for field in spec.fields if field.type}
    types = {name: declared.get(name) or own.get(name) or VARCHAR for name in names.values()}
    columns = Columns(types, tuple(types), (spec.decimal or ".", spec.thousands or ""))
    nulls = ", ".join(literal(one) for one in dict.fromkeys(("", *spec.null_tokens)))
    cuts, place = [], 1
    for field, name in zip(spec.fields, names.values(), strict=True):
        at = field.start or place
        place = at + field.width
        value = f"trim(substr(line, {at}, {field.width}))"
        cuts.append(f"CASE WHEN {value} NOT IN ({nulls}) THEN {value} END AS {quoted(name)}")
    query = f"SELECT {', '.join(cuts)}, {LINE} FROM headrace_fixed"
    for piece in _pieces(file, start.get("byte", 0), start.get("line", 0)):
        texts, numbers, torn = _readable(piece, header=bool(spec.header))
        lines = pa.table({"line": pa.array(texts, pa.string()), LINE: pa.array(numbers, pa.int64())})
        local.register("headrace_fixed", lines)
        try:
            cells = local.table(query)
        finally:
            local.unregister("headrace_fixed")
        yield batch_of(cells, columns, torn, file.key, {}, local), piece.after, piece.last


@dataclass(frozen=True, slots=True)
class _Piece:
    """Lines of a file, how many are before them, and the place after them."""

    raws: list[bytes]
    line: int
    after: Mapping[str, Any]
    last: bool


def _pieces(file: Found, start: int, line: int) -> Iterator[_Piece]:
    with file.path.open("rb") as stream:
        stream.seek(start)
        rest, end = b"", start
        block = stream.read(_PIECE)
        while block:
            following = stream.read(_PIECE)
            whole, newline, rest = (rest + block).rpartition(b"\n") if following else (rest + block, b"", b"")
            end += len(whole) + len(newline)
            raws = (whole if following else whole.removesuffix(b"\n")).split(b"\n")
            yield _Piece(raws, line, {"byte": end, "line": line + len(raws)}, not following)
            line += len(raws)
            block = following


def _readable(piece: _Piece, *, header: bool) -> tuple[list[str], list[int], list[Torn]]:
    """The lines of a piece that are text, their numbers, and those that are none. Lines of blanks only are no lines."""
    texts: list[str] = []
    numbers: list[int] = []
    torn: list[Torn] = []
    for number, raw in enumerate(piece.raws, piece.line + 1):
        bare = (raw.removeprefix(b"\xef\xbb\xbf") if number == 1 else raw).rstrip(b"\r\x1a")
        if not bare.strip() or (number == 1 and header):
            continue
        text = bare.decode("utf-8", "replace")
        if "\0" in text:
            torn.append(Torn(number, "a value holds the character zero", text.replace("\0", "\\0")))
        elif "\ufffd" in text and bare.decode("utf-8", "ignore") != text:
            torn.append(Torn(number, "bytes that are not in the encoding of the file", text))
        else:
            texts.append(text)
            numbers.append(number)
    return texts, numbers, torn
