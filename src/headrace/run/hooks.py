"""on-run-start and on-run-end: statements before the first step of a run and after its last."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from headrace.errors import HeadraceError
from headrace.events import StepFinished, StepStarted, emit
from headrace.project.nodes import DataTest, Exposure, Model, Relational, SavedQuery, Seed, Snapshot, UnitTest
from headrace.project.shown import node_dict
from headrace.transform.context import Scene, names_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headrace.project.nodes import Hook
    from headrace.run.session import Session


class ResultView(dict[str, Any]):
    """A step's result as `results` shows it to a hook, with `node`, `status`, `execution_time`, `message` and `failures`; or its node."""

    def to_dict(self, omit_none: bool = False) -> dict[str, Any]:  # noqa: FBT001, FBT002 - dbt's signature
        """The same as a plain mapping, without what is nothing where that is asked."""
        return {key: value for key, value in self.items() if value is not None or not omit_none}


def run_hooks(
    session: Session, when: Literal["on-run-start", "on-run-end"], ended: Sequence[StepFinished]
) -> list[StepFinished]:
    """Run the hooks of one moment, those of packages first; how each ended. The first that fails is the last that runs."""
    told: list[StepFinished] = []
    made = [session.manifest.nodes.get(key) for key in session.runtime.selected]
    # Hooks may write to the schemas of the run, which are there before the first of them, as under dbt.
    session.relations.open(
        session.connection(), {one.table.space for one in made if isinstance(one, Model | Seed | Snapshot)}
    )
    for hook in session.manifest.hooks:
        if hook.when == when:
            told.append(_run(session, hook, ended))
            if told[-1].status == "error":
                break
    return told


def _run(session: Session, hook: Hook, ended: Sequence[StepFinished]) -> StepFinished:
    started = time.perf_counter()
    emit(StepStarted(hook.unique_id))
    finished = StepFinished(hook.unique_id, "success", 0.0)
    try:
        _execute(session, hook, ended)
    except HeadraceError as error:
        error.where = error.where or hook.place
        finished = replace(
            finished,
            status="error",
            message=error.what,
            code=error.code,
            where=str(error.where),
            hint=error.hint,
            passes=error.passes,
        )
    finished = replace(finished, seconds=time.perf_counter() - started)
    emit(finished)
    return finished


def _execute(session: Session, hook: Hook, ended: Sequence[StepFinished]) -> None:
    manifest, connection = session.manifest, session.connection()
    relations = session.relations.open(connection, ())
    names = names_for(Scene(node=hook, runtime=session.runtime, connection=connection, known=relations, ephemeral=_cte))
    places = dict.fromkeys(
        (one.table.database or names["database"], one.table.schema)
        for one in (manifest.nodes.get(step.step) for step in ended if step.status in ("success", "warn"))
        if isinstance(one, Model | Seed | Snapshot)
    )
    names.update(
        results=results_of(session, ended),
        schemas=list(dict.fromkeys(schema for _, schema in places)),
        database_schemas=list(places),
    )
    sql = manifest.templates.render(hook.raw, names, hook.place, package=hook.package).strip()
    if sql:
        connection.execute(sql)


def _cte(model: Model) -> str:
    return f"__dbt__cte__{model.name}"


def results_of(session: Session, ended: Sequence[StepFinished]) -> list[ResultView]:
    """Dbt's `results`: one for each step and for each test that was asked inside one, with dbt's words for how they ended."""
    manifest = session.manifest
    found = []
    for one in ended:
        node = manifest.nodes.get(one.step)
        if isinstance(node, Relational):
            # A table that its tests held back was made, and its tests say what is wrong.
            status = {"success": "success", "warn": "success"}.get(one.status, one.status)
            said = one.message or ("OK" if status == "success" else None)
            found.append(_view(node_dict(node, manifest.settings), status, one.seconds, said, None, one.rows))
        elif isinstance(node, DataTest | UnitTest) and one.step not in session.checked:
            found.append(_view(node_dict(node, manifest.settings), one.status, one.seconds, one.message, None, None))
    for key in session.runtime.selected:
        node = manifest.nodes.get(key)
        if isinstance(node, Exposure | SavedQuery):
            found.append(_view(node_dict(node, manifest.settings), "no-op", 0.0, "NO-OP", 0, None))
    for key, result in session.checked.items():
        found.append(
            _view(
                node_dict(manifest.nodes[key], manifest.settings),
                result.status,
                result.seconds,
                result.message,
                result.failures,
                None,
            )
        )
    return found


def _view(
    node: dict[str, Any], status: str, seconds: float, message: str | None, failures: int | None, rows: int | None
) -> ResultView:
    response = {} if rows is None else {"rows_affected": rows, "_message": "OK", "code": "OK"}
    return ResultView(
        node=ResultView(node), unique_id=node["unique_id"], status=status, execution_time=seconds, message=message, failures=failures,
        adapter_response=response, timing=[], thread_id="Thread-1", batch_results=None, compiled=True, compiled_code=None,
        relation_name=node.get("relation_name"),
    )  # fmt: skip
