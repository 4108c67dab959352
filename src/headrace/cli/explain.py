"""`headrace explain CODE`."""

from __future__ import annotations

import inspect

import click

from headrace.cli.options import Asked, Verb, everywhere, output
from headrace.cli.terminal import document, result
from headrace.errors import HeadraceError, UsageError, did_you_mean, every_error

AREAS = {
    "HR0": "Usage",
    "HR1": "Project files",
    "HR2": "Templates, references and selection",
    "HR3": "Extraction",
    "HR4": "Loading",
    "HR5": "Warehouses",
    "HR6": "Runs",
}


@click.command(cls=Verb)
@click.argument("code", required=False)
@everywhere
@output("table", "json")
@click.pass_obj
def explain(asked: Asked, code: str | None) -> None:
    """What an error code means; without a code, all of them.

    Examples:
    headrace explain HR203
    headrace explain
    """
    kinds = {kind.code: kind for kind in every_error()}
    if code is None:
        chosen = list(kinds.values())
    elif code.upper() in kinds:
        chosen = [kinds[code.upper()]]
    else:
        raise UsageError(
            f"there is no error code '{code}'", hint=did_you_mean(code.upper(), kinds) or "see `headrace explain`"
        )
    if asked.json:
        document("explain", {"errors": [_as_record(kind) for kind in chosen]})
    elif code is None:
        for area, title in AREAS.items():
            result(asked, click.style(title, bold=True))
            for kind in chosen:
                if kind.code.startswith(area):
                    result(asked, f"  {kind.code}  {meaning(kind).splitlines()[0]}")
    else:
        result(
            asked, f"{click.style(chosen[0].code, bold=True)}  {meaning(chosen[0])}\n\nexit code {chosen[0].exit_code}"
        )


def meaning(kind: type[HeadraceError]) -> str:
    """The page of an error: its class's docstring."""
    return inspect.cleandoc(kind.__doc__ or "")


def _as_record(kind: type[HeadraceError]) -> dict[str, object]:
    return {"code": kind.code, "name": kind.__name__, "exit_code": kind.exit_code, "meaning": meaning(kind)}
