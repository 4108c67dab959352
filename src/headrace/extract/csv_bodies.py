"""Answers of CSV as JSON texts, read by the same signs as files and by the same reader."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.counting import count
from headrace.errors import StatementFailed
from headrace.extract.dialects import keys_of, rows_of, signs_of
from headrace.sql.dialect import name as quoted
from headrace.sql.readers import reading

if TYPE_CHECKING:
    from headrace.extract.dialects import Signs
    from headrace.project.delimited import Delimited
    from headrace.warehouse.embedded import Embedded

_HEAD = 256 * 1024
_LINE = re.compile(r"CSV Error on Line: (\d+)")
_WIDTHS = re.compile(r"Expected Number of Columns: (\d+) Found: (\d+)")


def decoded(body: str, said: Delimited, known: Signs | None, local: Embedded) -> tuple[str, Signs | None]:
    """A body whose first line are names, as a JSON list of objects, and the signs it was read by; `known` are those of a body before it.

    Every value is text: what it is, the declared columns say. Raises ValueError.
    """
    text = body.lstrip("\r\n")
    if not text.strip():
        return "[]", known
    head = text if len(text) < _HEAD else text[:_HEAD].rpartition("\n")[0] or text
    signs = signs_of(head, said, known.written() if known else {})
    keys = keys_of(rows_of(head, signs)[0], header=True)
    options = {**signs.reader(), "header": True, "nullstr": [""], "columns": dict.fromkeys(keys, "VARCHAR")}
    listed = ", ".join(f"{quoted(key)} := {quoted(key)}" for key in keys)
    with tempfile.TemporaryDirectory(prefix="headrace-") as folder:
        file = Path(folder) / "body.csv"
        file.write_bytes(text.encode())
        records = reading("csv", [str(file)], options)
        try:
            ((found,),) = local.rows(
                f"SELECT CAST(coalesce(to_json(list(struct_pack({listed}))), '[]') AS VARCHAR) FROM {records}"
            )
        except StatementFailed as error:
            raise ValueError(f"the body is not CSV: {_complaint(str(error))}") from None
    return str(found), signs


def _complaint(said: str) -> str:
    """What the reader said, without the values of the line."""
    line, widths = _LINE.search(said), _WIDTHS.search(said)
    what = (
        f"{count(int(widths[2]), 'value')} where {count(int(widths[1]), 'is', 'are')} expected"
        if widths
        else " ".join(said.split())[:100]
    )
    return f"line {line[1]}: {what}" if line and widths else what
