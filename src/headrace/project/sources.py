"""Streams, as `sources:` in headrace.yml and the files in sources/ declare them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from headrace.errors import Place, SecretMissing
    from headrace.project.apis import Client
    from headrace.project.database_sources import Database, DatabaseStream
    from headrace.project.dispositions import Way
    from headrace.project.file_places import Access
    from headrace.project.file_sources import FilesStream
    from headrace.project.python_sources import PythonCode, PythonStream
    from headrace.project.rest_sources import RestStream
    from headrace.project.singer_sources import SingerStream, Tap
    from headrace.table import Table

    StreamSpec: TypeAlias = RestStream | FilesStream | DatabaseStream | PythonStream | SingerStream


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream with all that is known of it: what the later stages are handed.

    `source` and `name` make its id `source.PROJECT.SOURCE.NAME` and its dbt name `source('SOURCE', 'NAME')`. Of what the streams of a
    source share it has what its kind of source has: `client`, `database`, `code`, `tap` or `access`.
    """

    source: str
    name: str
    spec: StreamSpec
    client: Client | None = None
    database: Database | None = None
    code: PythonCode | None = None
    tap: Tap | None = None
    access: Access | None = None
    folder: str = "."
    parallel_requests: int = 4
    table: Table | None = None
    """Its table, if that is not named after source and stream."""
    place: Place | None = None
    missing: SecretMissing | None = field(default=None, repr=False)

    def ready(self) -> None:
        """Nothing, unless a secret that the stream needs has no value: then SecretMissing, as only a load needs it."""
        if self.missing is not None:
            raise self.missing

    @property
    def label(self) -> str:
        """`source.name`, as messages and selections write it."""
        return f"{self.source}.{self.name}"

    @property
    def disposition(self) -> Way:
        """How its rows join those of the table."""
        return self.spec.disposition

    @property
    def whole(self) -> bool:
        """Whether each load brings all that the source has: nothing that was read before is left out."""
        return self.disposition == "replace" or self.spec.sweeps
