"""What a step comes to when its work is done."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from headrace.errors import HeadraceError
from headrace.run.session import Done

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from headrace.check.tests import CheckResult
    from headrace.run.session import Session


@contextmanager
def once() -> Iterator[None]:
    """A block after a commit: whatever fails in it, the step must not be done again, for that would do it twice."""
    try:
        yield
    except HeadraceError as error:
        error.transient = False
        raise


def settled(
    session: Session, rows: int | None, results: Sequence[CheckResult], otherwise: str = "readers keep what they had"
) -> Done:
    """What a step comes to, by its tests, and their failing rows kept where that is wanted; `otherwise` says what a failure means."""
    for result in results:
        session.checked[result.check.unique_id] = result
        if result.failing is not None:
            # The schema is made where threads wait for each other, and before the transaction that fills the table.
            schema = session.manifest.settings.target.schema
            from headrace.check.tests import kept_at, store

            session.relations.open(session.connection(), [kept_at(result.check, schema).space])
            store(session.connection(), result, schema)
    failing = [result.check.name for result in results if result.stops]
    if failing:
        return Done("error", rows, f"{_names(failing)} failed; {otherwise}")
    warned = [result.check.name for result in results if result.status == "warn"]
    return Done("warn", rows, f"{_names(warned)} warned") if warned else Done("success", rows)


def _names(checks: Sequence[str]) -> str:
    return ", ".join(checks[:3]) + (f" and {len(checks) - 3} more" if len(checks) > 3 else "")
