"""`--warn-error`: what is a warning otherwise stops things."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from headrace.errors import UsageError, WarningRefused
from headrace.run.steps import BuildModel, LoadSeed, LoadStream, RunCheck

if TYPE_CHECKING:
    from headrace.cli.options import Asked
    from headrace.observe.results import Results
    from headrace.project.nodes import DataTest
    from headrace.run.plan import Plan
    from headrace.run.steps import Step


def refuse_warnings(asked: Asked, results: Results) -> bool:
    """Whether warnings are errors. Raises WarningRefused if there was one while the project was read."""
    if not _strict(asked):
        return False
    if results.warnings:
        first = results.warnings[0]
        where = f"{first.where}: " if first.where else ""
        more = f" (and {len(results.warnings) - 1} more)" if len(results.warnings) > 1 else ""
        raise WarningRefused(f"{where}{first.message}{more}", hint="--warn-error makes errors of warnings")
    return True


def _strict(asked: Asked) -> bool:
    if asked.warn_error:
        return True
    if not asked.warn_error_options:
        return False
    from headrace.cli.opening import mapping

    said = mapping(asked.warn_error_options, "--warn-error-options")
    unknown = said.keys() - {"include", "exclude", "error", "warn", "silence"}
    if unknown:
        raise UsageError(f"--warn-error-options has no {min(unknown)!r}", hint="error, warn and silence")
    named: Any = said.get("error", said.get("include")) or []
    # dbt's names of events are not ours: whoever names tests or everything is served, the rest is about dbt's inside.
    return named in ("all", "*") or "LogTestResult" in named or "all" in named


def without_mercy(plan: Plan) -> Plan:
    """The plan with tests that fail where they would have warned."""
    steps: dict[str, Step] = {}
    for one, step in plan.steps.items():
        match step:
            case LoadStream() | LoadSeed() | BuildModel() if step.checks:
                steps[one] = replace(step, checks=tuple(_strictly(check) for check in step.checks))
            case RunCheck():
                steps[one] = RunCheck(_strictly(step.node))
            case _:
                steps[one] = step
    return replace(plan, steps=steps)


def _strictly(check: DataTest) -> DataTest:
    return replace(check, severity="error", error_if=check.warn_if)
