"""Streams of Singer taps: RECORD lines as they come from the pipe go to DuckDB in blocks; only the other messages are Python's affair.

A STATE vouches for all rows before it. What arrived after the last STATE has no place to go on from, so it is given up where the tap
breaks off, and read again after the state that was committed; so nothing is lost, and nothing comes twice.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from headrace.batch import Batch
from headrace.errors import StatementFailed, TapFailed, did_you_mean
from headrace.events import Warned, emit
from headrace.extract.records import Shape, rows_of
from headrace.extract.tap import catalog_of, entry_of, read_lines, selected, started
from headrace.naming import distinct_names, written
from headrace.project.secrets import redact
from headrace.project.singer_sources import SingerStream
from headrace.schema import BIGINT, BOOLEAN, DATE, JSON, TIMESTAMPTZ, VARCHAR, Kind, Type, decimal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from headrace.project.singer_sources import Tap
    from headrace.project.sources import Stream
    from headrace.warehouse.embedded import Embedded

_CONTROL = re.compile(rb'"type"\s*:\s*"(?:SCHEMA|STATE|ACTIVATE_VERSION|BATCH)"')
_BYTES = 32_000_000
"""About as many as a batch has."""
_NAMED = 8
_FORMATS = {"date-time": TIMESTAMPTZ, "date": DATE, "time": Type(Kind.TIME), "uuid": Type(Kind.UUID)}


def read(stream: Stream, *, resume: Mapping[str, Any], local: Embedded, scratch: Path) -> Iterator[Batch]:
    """What the tap writes past the state in `resume`, in batches that say which state vouches for them.

    Raises TapFailed, and ConfigInvalid where the tap has no such stream.
    """
    del scratch  # the tap's files hold secrets, so they do not lie with what is landed
    spec, tap = _of(stream)
    entry = entry_of(stream, catalog_of(stream, tap), spec.stream or stream.name)
    files: dict[str, Any] = {"catalog": selected(entry, spec.incremental.cursor_path if spec.incremental else None)}
    if resume.get("state"):
        files["state"] = resume["state"]
    reading = _Reading(stream, spec, local, str(entry.get("stream") or entry["tap_stream_id"]), dict(resume))
    reading.describe(entry.get("schema") or {})
    with started(stream, tap, files) as blocks:
        for block in blocks:
            yield from reading.take(block)
    yield from reading.rest()


def reflected(stream: Stream) -> Stream:
    """The stream with the tap's `key_properties`, where it declares no key of its own."""
    spec, tap = _of(stream)
    if spec.primary_key or spec.write_disposition not in (None, "merge"):
        return stream
    entry = entry_of(stream, catalog_of(stream, tap), spec.stream or stream.name)
    top: Mapping[str, Any] = next(
        (one.get("metadata", {}) for one in entry.get("metadata") or () if not one.get("breadcrumb")), {}
    )
    key = entry.get("key_properties") or top.get("table-key-properties") or ()
    named = tuple(written(str(one), spec.convention) for one in key)
    return replace(stream, spec=spec.model_copy(update={"primary_key": named}))


def _of(stream: Stream) -> tuple[SingerStream, Tap]:
    if not isinstance(stream.spec, SingerStream) or stream.tap is None:
        raise TypeError(f"{stream.label} is not a stream of a tap")
    return stream.spec, stream.tap


@dataclass(slots=True)
class _Reading:
    """One run of the tap: records that wait for a batch of their own, and the last state.

    The first `vouched` of the pieces that wait lie before that state; it is written with them, and alone where they are written already.
    """

    stream: Stream
    spec: SingerStream
    local: Embedded
    name: str
    resume: dict[str, Any]
    columns: dict[str, Type] = field(default_factory=dict)
    waiting: list[bytes] = field(default_factory=list)
    vouched: int = 0
    state: Any = None
    owed: bool = False
    """Whether the state is not written yet."""
    came: bool = False
    """Whether any message was of this stream."""
    others: set[str] = field(default_factory=set)
    """The streams that other messages were of."""

    def take(self, block: bytes) -> Iterator[Batch]:
        """A block of whole lines: records up to the next message of another kind are one piece."""
        done = 0
        for match in _CONTROL.finditer(block):
            begin = block.rfind(b"\n", 0, match.start()) + 1
            if begin < done:
                continue
            end = block.find(b"\n", match.end()) + 1 or len(block)
            message = self._message(block[begin:end])
            if message is None:
                continue  # a record that holds such words
            self._records(block[done:begin])
            yield from self._control(message)
            done = end
        self._records(block[done:])
        if sum(map(len, self.waiting)) >= _BYTES:
            yield from self._written(all_of_it=not self.vouched)

    def rest(self) -> Iterator[Batch]:
        """What waits at the tap's end, which vouches for all of it."""
        self.vouched = len(self.waiting)
        yield from self._written()
        if self.owed:
            yield self._with_state(Batch(_nothing(), 0))
        if self.others and not self.came:
            self._tell_of_others()

    def _tell_of_others(self) -> None:
        known = sorted(self.others)
        sent = ", ".join(f"'{one}'" for one in known[:_NAMED]) + (" and others" if len(known) > _NAMED else "")
        meant = did_you_mean(self.name, known)
        told = (
            f"{self.stream.label}: the tap sent nothing of '{self.name}', but messages of {sent}: one of these has to be `stream` in the "
            f"catalog, of which `catalog:` names a file{f'; {meant}' if meant else ''}"
        )
        emit(Warned(told, where=str(self.stream.place) if self.stream.place else None))

    def describe(self, schema: Mapping[str, Any]) -> bool:
        """Take the types of a JSON schema, over which goes what YAML declares; whether they are others than before."""
        properties = (schema.get("properties") or {}).items()
        names = distinct_names([(name,) for name, _ in properties])
        found = {names[name,]: kind for name, of in properties if (kind := type_of(of))}
        before, self.columns = self.columns, {**found, **self.spec.column_types}
        return before != self.columns

    def _message(self, line: bytes) -> dict[str, Any] | None:
        try:
            found = json.loads(line)
        except ValueError:
            return None
        control = isinstance(found, dict) and found.get("type") in ("SCHEMA", "STATE", "ACTIVATE_VERSION", "BATCH")
        return found if control else None

    def _control(self, message: dict[str, Any]) -> Iterator[Batch]:
        if message["type"] == "STATE":
            self.state, self.owed, self.vouched = message.get("value"), True, len(self.waiting)
        elif not self._is_mine(message):
            return
        elif message["type"] == "SCHEMA":
            before = self.columns
            if self.describe(message.get("schema") or {}) and self.waiting:
                after, self.columns = self.columns, before
                yield from self._written(all_of_it=True)
                self.columns = after
        elif message["type"] == "BATCH":
            yield from self._written(all_of_it=True)
            yield from self._files(message)
        elif self.stream.disposition != "replace":
            told = f"{self.stream.label}: the tap began a new version of the table; rows of earlier ones stay"
            emit(Warned(told, where=str(self.stream.place) if self.stream.place else None))

    def _is_mine(self, message: Mapping[str, Any]) -> bool:
        if message.get("stream") == self.name:
            self.came = True
            return True
        self.others.add(str(message.get("stream")))
        return False

    def _records(self, lines: bytes) -> None:
        mine = self._mine(lines)
        if mine.strip():
            self.came = True
            self.waiting.append(mine)

    def _mine(self, lines: bytes) -> bytes:
        """The lines of this stream; where all of them name it, as they are."""
        named = re.compile(rb'"stream"\s*:\s*' + re.escape(json.dumps(self.name).encode()))
        if len(named.findall(lines)) == lines.count(b"\n") + (not lines.endswith(b"\n") and bool(lines)):
            return lines
        kept = []
        for line in lines.splitlines(keepends=True):
            if not line.strip():
                continue
            try:
                message = json.loads(line)
            except ValueError:
                raise self._garbage(line) from None
            if not isinstance(message, dict) or "type" not in message:
                raise self._garbage(line)
            if message["type"] == "RECORD" and self._is_mine(message):
                kept.append(line)
        return b"".join(kept)

    def _written(self, *, all_of_it: bool = False) -> Iterator[Batch]:
        """The records that a state vouches for, and if all of it is asked for, those behind it, which have no place to go on from."""
        before, behind = self.waiting[: self.vouched], self.waiting[self.vouched :]
        self.waiting, self.vouched = behind, 0
        if before:
            yield self._with_state(self._batch(b"".join(before), "$[*].record"))
        if behind and all_of_it:
            self.waiting = []
            yield self._loose(self._batch(b"".join(behind), "$[*].record"))

    def _with_state(self, batch: Batch) -> Batch:
        self.owed = False
        if self.state is not None:
            self.resume["state"] = self.state
        state = self.resume.get("state")
        return replace(batch, resume={} if state is None else {"state": state})

    def _loose(self, batch: Batch) -> Batch:
        # The state, which may be written by now, does not vouch for these rows; the next one or the tap's end will.
        self.owed = True
        return replace(batch, resume={**self.resume, "anew": True})

    def _files(self, message: Mapping[str, Any]) -> Iterator[Batch]:
        encoding = message.get("encoding") or {}
        if encoding.get("format", "jsonl") != "jsonl":
            raise TapFailed(
                f"{self.stream.label}: the tap wrote a batch of {encoding.get('format')}; JSON lines are read",
                where=self.stream.place,
            )
        for path in message.get("manifest") or ():
            try:
                lines = read_lines(str(path))
            except (OSError, ValueError) as error:
                raise TapFailed(
                    f"{self.stream.label}: a batch of the tap cannot be read: {error}", where=self.stream.place
                ) from error
            yield self._loose(self._batch(lines, "$[*]"))

    def _batch(self, lines: bytes, selector: str) -> Batch:
        incremental = self.spec.incremental
        shape = Shape(
            selector,
            self.columns,
            self.spec.flattens,
            incremental.cursor_path if incremental else None,
            incremental.on_cursor_value_missing if incremental else "include",
        )
        try:
            text = lines.decode()
            body = "[" + ",".join(text.strip().split("\n")) + "]"
            rows = rows_of([(self.name, body)], shape, self.local)
        except (UnicodeDecodeError, StatementFailed) as error:
            raise self._garbage(_bad(lines)) from error
        return Batch(rows.rows, rows.read, rows.rejected, rows.cursor, origin=self.name)

    def _garbage(self, line: bytes) -> TapFailed:
        shown = redact(line[:120].decode(errors="replace").strip())
        return TapFailed(
            f"{self.stream.label}: the tap wrote a line that is no message of Singer's: {shown}",
            where=self.stream.place,
            hint="messages go to stdout, and everything else a tap says to stderr",
        )


def _bad(lines: bytes) -> bytes:
    for line in lines.splitlines():
        try:
            json.loads(line)
        except ValueError:
            return line
    return lines


def _nothing() -> Any:
    from headrace.arrow import pa

    return pa.table({})


def type_of(schema: Any) -> Type | None:
    """The type that holds every value a JSON schema lets in; None where its values have to tell."""
    if not isinstance(schema, dict):
        return None
    options = [one for key in ("anyOf", "oneOf") for one in schema.get(key) or () if isinstance(one, dict)]
    said = [one for one in options if one.get("type") not in ("null", ["null"])]
    if said:
        found = {type_of(one) for one in said}
        return found.pop() if len(found) == 1 else None
    words = schema.get("type")
    kinds = {words} if isinstance(words, str) else set(words or ())
    kinds.discard("null")
    if len(kinds) != 1:
        return None
    match kinds.pop():
        case "string":
            return _text(schema)
        case "integer":
            return BIGINT if _fits(schema) else decimal(38, 0)
        case "number":
            return _number(schema)
        case "boolean":
            return BOOLEAN
        case "object" | "array":
            return JSON
    return None


def _text(schema: Mapping[str, Any]) -> Type | None:
    word = schema.get("format")
    if word in ("singer.decimal", "decimal"):
        about = schema.get("additionalProperties") or schema
        precision, scale = (about.get("precision"), about.get("scale")) if isinstance(about, dict) else (None, None)
        fits = isinstance(precision, int) and isinstance(scale, int) and 0 <= scale <= precision <= 38
        return decimal(precision, scale) if fits and precision and scale is not None else VARCHAR
    return _FORMATS.get(str(word), VARCHAR)


def _fits(schema: Mapping[str, Any]) -> bool:
    limits = (schema.get("minimum"), schema.get("maximum"))
    return all(not isinstance(one, int) or abs(one) < 1 << 63 for one in limits)


def _number(schema: Mapping[str, Any]) -> Type | None:
    step = schema.get("multipleOf")
    if not isinstance(step, int | float) or step <= 0:
        return None  # a double where that holds every digit, which only the values tell
    # As it is written, 0.01 is exact, which as a binary number it is not.
    exponent = Decimal(repr(step)).normalize().as_tuple().exponent
    return decimal(38, min(max(-exponent, 0), 38) if isinstance(exponent, int) else 0)
