"""Sources that are files: dbt-duckdb's `external_location`, with the names of the source put into it."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING, Any

from headrace.errors import ConfigInvalid, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from headrace.errors import Place

_WAYS: Mapping[str, Callable[[str, Mapping[str, Any]], str]] = {
    "newstyle": lambda text, names: text.format_map(names),
    "oldstyle": lambda text, names: text % names,
    "template": lambda text, names: string.Template(text).substitute(names),
}
"""How `formatter` says that names are written: `{name}`, `%(name)s` or `$name`."""


def location_of(said: Mapping[str, Any], names: Mapping[str, Any], place: Place) -> str | None:
    """What a query reads in place of a table, as it stands after FROM; None for a source that is a table.

    `said` is the source's meta with its config over it, whose keys can be named as well as `names`. Raises ConfigInvalid.
    """
    written = said.get("external_location")
    if written is None or said.get("plugin"):
        return None
    word = str(said.get("formatter") or "newstyle")
    way = _WAYS.get(word)
    if way is None:
        hint = did_you_mean(word, _WAYS) or f"one of {', '.join(_WAYS)}"
        raise ConfigInvalid(f"formatter: {word!r} is not known", where=place, hint=hint)
    known = {**names, **said}
    try:
        location = way(str(written), known)
    except KeyError as error:
        missing = str(error.args[0])
        hint = did_you_mean(missing, known) or f"names: {', '.join(sorted(names))}, and the keys of `meta:`"
        raise ConfigInvalid(f"external_location: there is no name {missing!r}", where=place, hint=hint) from None
    except (ValueError, IndexError, TypeError) as error:
        raise ConfigInvalid(f"external_location cannot be read as {word}: {error}", where=place) from None
    return location if "(" in location or location.startswith("'") else f"'{location}'"
