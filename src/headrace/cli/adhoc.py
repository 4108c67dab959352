"""`headrace load SOURCE TARGET`: a load without a project, by the same run as one of a project."""

from __future__ import annotations

import os
import shlex
import sys
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.errors import UsageError

if TYPE_CHECKING:
    from headrace.cli.options import Asked
    from headrace.observe.results import Results
    from headrace.project.settings import Settings


@dataclass(frozen=True, slots=True)
class Given:
    """What the options say that only a load without a project has."""

    table: str | None
    write_disposition: str | None
    primary_key: tuple[str, ...]
    incremental: str | None
    columns: str | None
    keys: tuple[str, ...]
    state_dir: str | None

    def refuse(self) -> None:
        """Raise UsageError if any is given: the streams of a project say these things themselves."""
        for one in fields(self):
            if getattr(self, one.name):
                option = "set" if one.name == "keys" else one.name.replace("_", "-")
                raise UsageError(
                    f"--{option} goes with a source and a target",
                    hint="headrace load SOURCE TARGET …; in a project it is a key of the stream",
                )


def load_adhoc(asked: Asked, source: str, target: str, given: Given) -> int:
    """Load one source into one target; the exit code."""
    from headrace.project.adhoc import Wanted, adhoc_settings, columns_of, keys_of

    if asked.select or asked.exclude or asked.selector:
        raise UsageError("-s selects streams of a project; a source that is named is all there is")
    shared, keys = keys_of(given.keys)
    key = [one.strip() for part in given.primary_key for one in part.split(",") if one.strip()]
    said = {
        "write_disposition": given.write_disposition,
        "primary_key": key,
        "incremental": given.incremental,
        "columns": columns_of(given.columns) if given.columns else None,
    }
    wanted = Wanted(
        source, target, given.table, {**keys, **{name: value for name, value in said.items() if value}}, shared
    )
    state = Path(given.state_dir) if given.state_dir else None
    settings = adhoc_settings(wanted, asked.start.resolve(), state, os.environ)
    asked.root = settings.root
    from headrace.cli.running import run_all

    return run_all(asked, "load", settings, lambda results: _following(settings, results))


def _following(settings: Settings, results: Results) -> list[str]:
    """Where the rows are now, or how to go on."""
    from headrace.project.loading import FILE_TARGETS
    from headrace.project.secrets import redact
    from headrace.sql.dialect import relation

    if results.status != "success":
        # The words as they were typed, without what they hold in secret.
        line = " ".join(redact(shlex.quote(word)) for word in sys.argv[1:])
        return [f"headrace {line}     goes on with what is not done"]
    table, place = next(iter(settings.streams)).table, settings.target.database
    if table is None or settings.target.url.startswith(FILE_TARGETS):
        return []
    kept = results.quarantined or results.dead
    told = [f"SELECT * FROM headrace.quarantine     in {place}: what was kept out"] if kept else []
    return [*told, f"SELECT * FROM {relation(table)}     in {place}"]
