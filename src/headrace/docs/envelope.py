"""What each artifact begins with, and how it gets to its place."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from headrace.project.names import DBT_VERSION, custom_environment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SCHEMAS = "https://schemas.getdbt.com/dbt"


@dataclass(frozen=True, slots=True)
class Invocation:
    """One call of a command: its id, when it began, and the words and flags it was called with."""

    id: str
    started: datetime
    command: str
    words: tuple[str, ...] = ()
    flags: Mapping[str, Any] = field(default_factory=dict)


def envelope(schema: str, invocation: Invocation) -> dict[str, Any]:
    """The head of an artifact; `schema` is such as `manifest/v12`."""
    return {
        "dbt_schema_version": f"{SCHEMAS}/{schema}.json",
        "dbt_version": DBT_VERSION,
        "generated_at": timestamp(datetime.now(UTC)),
        "invocation_id": invocation.id,
        "invocation_started_at": timestamp(invocation.started),
        "env": custom_environment(os.environ),
    }


def timestamp(at: datetime) -> str:
    """A time as the artifacts write it, in UTC with microseconds and a Z."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def write(folder: Path, name: str, document: Mapping[str, Any]) -> Path:
    """The artifact as a file, whole or not at all: who reads it meanwhile sees the one before."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    coming = path.with_name(f".{name}.{os.getpid()}")
    coming.write_text(json.dumps(document, default=_plain, ensure_ascii=False), encoding="utf-8")
    coming.replace(path)
    return path


def _plain(value: Any) -> Any:
    """Values of YAML and CSV that JSON does not have."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, set | frozenset):
        return sorted(value, key=str)
    return str(value)
