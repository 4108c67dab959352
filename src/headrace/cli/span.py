"""The range of a cursor that is asked for on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.cli.options import shared
from headrace.errors import UsageError

if TYPE_CHECKING:
    from headrace.cli.options import Asked, Command
    from headrace.run.backfill import Span

_FROM = shared("--from", "range_start", text="Read from this value of the cursor on.", metavar="VALUE")
_TO = shared("--to", "range_end", text="Read before this value of the cursor.", metavar="VALUE")


def span_options(command: Command) -> Command:
    """`--from` and `--to`."""
    return _FROM(_TO(command))


def span_of(asked: Asked) -> Span | None:
    """The range that is asked for. Raises UsageError where the options do not go together."""
    from headrace.run.backfill import Span

    if asked.range_start is None:
        if asked.range_end is not None:
            raise UsageError("--to goes with --from")
        return None
    if asked.full_refresh:
        raise UsageError("--full-refresh reads all there is, and --from a range of it")
    return Span(asked.range_start, asked.range_end)
