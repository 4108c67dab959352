"""What PostgreSQL refuses, as errors of ours that say whether to try again."""

from __future__ import annotations

from typing import NoReturn

import psycopg

from headrace.errors import StatementFailed, WarehouseUnavailable

_IN_THE_WAY = {"40P01", "40001", "55P03"}
"""Deadlock, serialisation failure, lock not available."""
_GONE = ("could not open relation with OID", "tuple concurrently updated", "cache lookup failed for")
"""What PostgreSQL says of a table that another session took away while this one was looking at it."""
_LOST_HINT = "what was committed stays, and the next run goes on from there"


def _lost(sqlstate: str | None) -> bool:
    """Whether an operational error means that there is no session any more: no answer, a restart, or somebody ended it."""
    return sqlstate is None or sqlstate.startswith("08") or sqlstate in ("57P01", "57P02", "57P03", "57P05")


def fail(sql: str, error: psycopg.Error) -> NoReturn:
    """PostgreSQL's own sentence, with its detail and its hint."""
    told = error.diag
    text = told.message_primary or str(error).strip()
    if told.message_detail:
        text = f"{text}: {told.message_detail}"
    hint = told.message_hint
    if isinstance(error, psycopg.errors.CharacterNotInRepertoire) and "0x00" in text:
        hint = "PostgreSQL's text cannot hold the character NUL: take it out in the stream's `transform:`"
    if isinstance(error, psycopg.errors.DependentObjectsStillExist):
        hint = "views are made again by themselves; drop anything else that hangs on the relation, and make it again in a `post_hook`"
    if isinstance(error, psycopg.OperationalError) and _lost(told.sqlstate):
        gone = WarehouseUnavailable(f"the connection to PostgreSQL was lost: {text.splitlines()[0]}", hint=_LOST_HINT)
        # Nobody knows whether a commit was heard: the next run finds out, this one must not do the step twice.
        gone.transient = sql != "COMMIT"
        raise gone from error
    failed = StatementFailed(text, hint=hint)
    # Another step was in the way: the transaction is rolled back, and the step is done again.
    failed.transient = error.sqlstate in _IN_THE_WAY or text.startswith(_GONE)
    if told.statement_position:
        before = sql[: int(told.statement_position) - 1]
        failed.at = before.count("\n") + 1, len(before) - before.rfind("\n")
    failed.add_note(sql if len(sql) < 4000 else sql[:4000] + " …")
    raise failed from error
