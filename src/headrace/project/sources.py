"""Sources and their streams, as `sources:` in headrace.yml and the files in sources/ declare them."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import Field

from headrace.errors import Place, SecretMissing  # noqa: TC001 - pydantic reads the annotations
from headrace.project.apis import Client  # noqa: TC001
from headrace.project.config import Config
from headrace.project.database_sources import Database, DatabaseSource, DatabaseStream
from headrace.project.dispositions import Way  # noqa: TC001
from headrace.project.file_places import Access
from headrace.project.file_sources import FilesSource, FilesStream
from headrace.project.python_sources import PythonCode, PythonSource, PythonStream
from headrace.project.rest_sources import RestSource, RestStream
from headrace.project.singer_sources import SingerSource, SingerStream, Tap
from headrace.table import Table  # noqa: TC001

SourceSpec: TypeAlias = Annotated[
    RestSource | FilesSource | DatabaseSource | PythonSource | SingerSource, Field(discriminator="type")
]


class Stream(Config):
    """One stream with all that is known of it: what the later stages are handed.

    `source` and `name` make its id `source.PROJECT.SOURCE.NAME` and its dbt name `source('SOURCE', 'NAME')`.
    """

    source: str
    name: str
    spec: RestStream | FilesStream | DatabaseStream | PythonStream | SingerStream
    client: Client | None = None
    database: Database | None = None
    code: PythonCode | None = None
    tap: Tap | None = None
    access: Access = Access()
    folder: str = "."
    parallel_requests: int = 4
    table: Table | None = Field(default=None, description="its table, if that is not named after source and stream")
    place: Place | None = None
    missing: SecretMissing | None = Field(default=None, repr=False, exclude=True)

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
