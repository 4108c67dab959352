"""JSON lines that DuckDB reads where they lie: their columns by a sample, and what the read itself cannot prove by a look at the bytes."""

from __future__ import annotations

import json
import re
from typing import IO, TYPE_CHECKING, Any

from headrace.batch import Scan
from headrace.errors import StatementFailed
from headrace.extract.nesting import too_deep
from headrace.extract.records import Known, Shape, known_of
from headrace.schema import JSON, VARCHAR, Kind
from headrace.sql.lines import KEPT, LONGEST

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from headrace.extract.found import Found
    from headrace.schema import Type
    from headrace.warehouse.embedded import Embedded

_HEAD = 512 * 1024
_PIECE = 256 * 1024
_BLOCK = 1_000_000
_STRIDE = 4
_FEW = 50
_FEW_LINES = 500
_WHOLE = 2**53
_NUMERIC = bytes(100 if chr(byte) in "0123456789." else 32 for byte in range(256))
_LONG = re.compile(rb"[0-9.]{16,}[eE]?")


def scan_of(
    file: Found, columns: dict[str, Type], local: Embedded, *, flatten: bool, before: Scan | None = None
) -> Scan | None:
    """The file as a Scan; None where its lines are better read as Batches. `before` is the Scan of the file before it."""
    try:
        sample = _sample(file)
        body = "[" + "\n,".join(sample) + "]"
        if too_deep(body):
            return None
        few = before is not None and len(sample) <= _FEW_LINES
        if before and few and _alike(sample, before.options, flatten=flatten) and not _has_long_numbers(file, KEPT):
            return Scan(str(file.path), "jsonl", before.options, file.stamp, file.member, file.key)
        known = known_of(body, Shape("$", columns, flatten), local)
    except (StatementFailed, UnicodeDecodeError):
        return None
    if known is None:
        return None
    compact = not any(one.declared for one in known) and _is_compact(sample[:_FEW])
    if not compact and _has_long_numbers(file, KEPT if any(map(_shows_digits, known)) else LONGEST):
        return None
    fields = [one.told() for one in known]
    return Scan(str(file.path), "jsonl", {"fields": fields, "compact": compact}, file.stamp, file.member, file.key)


def _sample(file: Found) -> list[str]:
    """Lines of the beginning, of the middle and of the end."""
    with file.path.open("rb") as stream:
        head = stream.read(_HEAD)
        pieces = [head if len(head) < _HEAD else head[: head.rfind(b"\n") + 1]]
        if len(head) == _HEAD:
            size = stream.seek(0, 2)
            for at in (size // 2, size - _PIECE):
                if at > _HEAD:
                    stream.seek(at)
                    whole = stream.read(_PIECE)
                    pieces.append(whole[whole.find(b"\n") + 1 : whole.rfind(b"\n") + 1])
    return [line for piece in pieces for line in piece.decode("utf-8-sig").split("\n") if line.strip()]


def _alike(lines: list[str], options: Mapping[str, Any], *, flatten: bool) -> bool:
    """Whether lines, all there are of a file, can be read as those before them: to ask the engine costs more than they do."""
    fields = {field["key"]: field for field in options["fields"]}
    if None in fields or any(field["declared"] for field in options["fields"]):
        return False
    try:
        records = [json.loads(line) for line in lines]
    except ValueError:
        return False
    if not all(isinstance(record, dict) and record.keys() <= fields.keys() for record in records):
        return False
    told = {key for record in records for key, value in record.items() if value is not None}
    if told != {key for key, one in fields.items() if one["type"]}:
        return False
    if flatten and any(isinstance(value, dict) for record in records for value in record.values()):
        return False
    if bool(options["compact"]) != _is_compact(lines[:_FEW]):
        return False
    return all(_fits(value, fields[key]["type"]) for record in records for key, value in record.items())


def _fits(value: Any, of: str | None) -> bool:
    """Whether a value is what a column of the type would have been made for."""
    match value:
        case None:
            return True
        case bool():
            return of == "boolean"
        case int():
            return of in ("bigint", "double") and abs(value) <= _WHOLE
        case float():
            return of == "double"
        case str():
            return of == "varchar"
    return of == "json"


def _is_compact(lines: list[str]) -> bool:
    """Whether most of the lines are written as short as can be: their length then proves them."""
    short = [line == json.dumps(json.loads(line), separators=(",", ":"), ensure_ascii=False) for line in lines]
    return sum(short) * 2 > len(lines)


def _shows_digits(one: Known) -> bool:
    """Whether a column holds numbers as they are written, and not as doubles."""
    return one.type in (JSON, VARCHAR) or (one.type is not None and one.type.kind is Kind.DECIMAL)


def _has_long_numbers(file: Found, most: int) -> bool:
    """Whether there may be a number of more digits than `most`: parsing JSON would round it, and nothing would tell."""
    with file.path.open("rb") as stream:
        return any(_is_long(block, most) for block in _blocks(stream))


def _is_long(block: bytes, most: int) -> bool:
    # A run of so many digits shows in each sample of every fourth byte, and such a sample is looked through in no time.
    sample = block[::_STRIDE].translate(_NUMERIC)
    at = sample.find(b"dddd")
    while at >= 0:
        start = max(0, at * _STRIDE - 64)
        for run in _LONG.findall(block, start, at * _STRIDE + 256):
            digits = len(run.replace(b".", b"").rstrip(b"eE").lstrip(b"0"))
            if digits > most and (b"." in run or run[-1:] in b"eE"):
                return True
        at = sample.find(b"dddd", at + 48)
    return False


def _blocks(stream: IO[bytes]) -> Iterator[bytes]:
    """The bytes in blocks that share some, so that no number is cut in all of them."""
    tail = b""
    while block := stream.read(_BLOCK):
        yield tail + block
        tail = block[-128:]
