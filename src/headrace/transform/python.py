"""Models in Python: `def model(dbt, session)` gives a table, which then is what a query would have given."""

from __future__ import annotations

import sys
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from headrace.errors import ConfigInvalid, HeadraceError, Place, PythonFailed
from headrace.sql.dialect import name, relation
from headrace.sql.operations import Drop
from headrace.warehouse.embedded import Embedded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from headrace.project.nodes import Model
    from headrace.transform.compile import Compiled
    from headrace.warehouse.base import Connection


@contextmanager
def python_query(connection: Connection, node: Model, compiled: Compiled) -> Iterator[str]:
    """Call the model's function; a query for its rows, good inside the block. In DuckDB they stay where they are.

    Raises PythonFailed where the author's code raises, and ConfigInvalid where it gives no table.
    """
    if connection.capabilities.dialect == "duckdb":
        table = _called(
            node, compiled, connection.local, lambda one: connection.local.session.sql(f"SELECT * FROM {one}")
        )
        held = f"__headrace_python_{node.name}"
        connection.local.session.register(held, table)
        try:
            yield f"SELECT * FROM {name(held)}"
        finally:
            connection.local.session.unregister(held)
        return
    local = Embedded.in_memory()
    try:

        def read(asked: str) -> Any:
            arrived = connection.query(f"SELECT * FROM {asked}").read_all()
            local.register(asked, arrived)
            return local.session.table(name(asked))

        table = _arrow(node, _called(node, compiled, local, read))
        place = node.table.beside("python", max_name=connection.capabilities.max_name)
        connection.run(Drop(place))
        connection.load(place, table.to_reader())
        yield f"SELECT * FROM {relation(place)}"
        connection.run(Drop(place))
    finally:
        local.close()


class _Config:
    """`dbt.config`: calling it says nothing here, because it was read before; `get` reads the result."""

    def __init__(self, config: Any) -> None:
        self._config = config

    def __call__(self, **_: Any) -> None:
        """Nothing: configs were read with the project."""

    def get(self, key: str, default: Any = None) -> Any:
        """A config's value, or the default."""
        return self._config.get(key, default)


class _Dbt:
    """The `dbt` that a model's function is handed."""

    def __init__(self, compiled: Compiled, table: Callable[[str], Any]) -> None:
        self._names = compiled.names
        self._table = table
        self.config = _Config(compiled.names["config"])
        self.this = compiled.names["this"]
        self.is_incremental = compiled.incremental

    def ref(self, *names: str, version: Any = None, v: Any = None) -> Any:
        """The table of another model."""
        return self._table(str(self._names["ref"](*names, version=v if version is None else version)))

    def source(self, *names: str) -> Any:
        """A table of a source."""
        return self._table(str(self._names["source"](*names)))


def _called(node: Model, compiled: Compiled, local: Embedded, table: Callable[[str], Any]) -> Any:
    # As with dbt, the folders stay on the path: a module may be imported late, and other models import the same.
    sys.path += [path for path in compiled.setup.module_paths if path not in sys.path]
    space: dict[str, Any] = {"__name__": node.name, "__file__": node.place.path}
    from headrace.arrow import with_pandas

    with_pandas()
    try:
        exec(compile(node.raw, node.place.path, "exec"), space)  # noqa: S102 - the model is the author's program
        result = _function(node, space)(_Dbt(compiled, table), local.session)
    except HeadraceError:
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever the author's code raises is told with its line
        _tell(node, error)
    # A relation of DuckDB is a query that is not asked yet; the session has to be free for the statement that writes it.
    return result.to_arrow_table() if hasattr(result, "to_arrow_table") else _usable(node, result)


def _function(node: Model, space: dict[str, Any]) -> Callable[..., Any]:
    found: Callable[..., Any] | None = space.get("model")
    if not callable(found):
        raise ConfigInvalid(f"{node.name} has no function model(dbt, session)", where=node.place)
    return found


def _usable(node: Model, result: Any) -> Any:
    if hasattr(result, "to_arrow"):
        return result.to_arrow()
    if result is None or isinstance(result, str | int | float | list | dict):
        raise ConfigInvalid(
            f"{node.name}: model() gave {type(result).__name__}, not a table",
            where=node.place,
            hint="return a DuckDB relation, an Arrow table or a data frame",
        )
    return result


def _arrow(node: Model, result: Any) -> Any:
    from headrace.arrow import pa

    if isinstance(result, pa.RecordBatchReader):
        return result.read_all()
    if isinstance(result, pa.Table):
        return result
    local = Embedded.in_memory()
    try:
        local.session.register("given", result)
        return local.table("SELECT * FROM given")
    except Exception as error:
        raise ConfigInvalid(
            f"{node.name}: model() gave {type(result).__name__}, not a table", where=node.place
        ) from error
    finally:
        local.close()


def _tell(node: Model, error: Exception | SystemExit) -> NoReturn:
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == node.place.path]
    line = getattr(error, "lineno", None) if isinstance(error, SyntaxError) else (lines[-1] if lines else None)
    texts = node.raw.splitlines()
    shown = texts[line - 1] if line and line <= len(texts) else None
    raise PythonFailed(f"{type(error).__name__}: {error}", where=Place(node.place.path, line, None, shown)) from error
