"""From a target's URL to its warehouse. An engine's driver is imported only when a URL asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.errors import ConfigInvalid, DriverMissing, did_you_mean
from headrace.project.setup import Setup

if TYPE_CHECKING:
    from collections.abc import Collection

    from headrace.warehouse.base import Warehouse

SCHEMES = ("duckdb", "postgresql", "postgres", "parquet", "csv", "jsonl", "delta")


def open_warehouse(
    url: str, schemas: Collection[str] = (), setup: Setup | None = None, *, little: bool = False
) -> Warehouse:
    """The warehouse of a URL such as `duckdb:///shop.duckdb` or `postgresql://user@host/database`.

    Three slashes lead to a relative path, four to an absolute one, `duckdb://` into memory.
    `schemas` are those that will be made: a DuckDB database must not go by the name of one. `setup` is what its sessions need.
    With `little`, rows are only loaded: an engine of this process then holds little memory.
    Raises ConfigInvalid, DriverMissing or WarehouseUnavailable.
    """
    scheme, found, rest = url.partition("://")
    if found and scheme == "duckdb":
        from headrace.warehouse.duckdb import open_duckdb

        return open_duckdb(url, rest.removeprefix("/") or ":memory:", schemas, setup or Setup(), little=little)
    if found and scheme in ("parquet", "csv", "jsonl"):
        from headrace.warehouse.folder import open_folder

        return open_folder(url)
    if found and scheme in ("postgresql", "postgres"):
        try:
            from headrace.warehouse.postgres import open_postgres
        except ImportError as error:
            raise DriverMissing(
                f"the driver for PostgreSQL cannot be imported: {error}", hint="pip install 'headrace[postgres]'"
            ) from error
        return open_postgres(url)
    if found and scheme == "delta":
        try:
            from headrace.warehouse.delta import open_delta
        except ImportError as error:
            raise DriverMissing(
                f"the library for Delta Lake cannot be imported: {error}", hint="pip install 'headrace[delta]'"
            ) from error
        return open_delta(url)
    raise ConfigInvalid(
        f"no engine reads a URL that starts with '{scheme}'" if found else "a target's URL is written engine://place",
        hint=did_you_mean(scheme, SCHEMES) or f"engines: {', '.join(one for one in SCHEMES if one != 'postgres')}",
    )
