"""The shop's rows as files."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from headrace.labs.shop import Row


def write_csv(path: Path, rows: Sequence[Row]) -> Path:
    """The rows as CSV in UTF-8 with a header; null is an empty field, truth is `true` or `false`. Columns that came later are last."""
    columns = list({column: None for row in rows for column in row})
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([_text(row.get(column)) for column in columns] for row in rows)
    return path


def write_jsonl(path: Path, rows: Iterable[Row]) -> Path:
    """The rows as one JSON object a line, in UTF-8."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    return path


def _text(value: object) -> object:
    return str(value).lower() if isinstance(value, bool) else value
