"""What there is to see in the demo, in sentences and small tables."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from headrace.counting import count

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from headrace.events import CheckFinished, RowsLoaded, SchemaChanged, StepFinished
    from headrace.labs.verdict import Verdict

COUNTS = ("read", "inserted", "updated", "unchanged", "duplicate", "filtered", "quarantined")
ANSWERS = {200: "answered", 429: "refused: too many requests", 500: "failed", 401: "without a token"}


def opening(folder: Path, url: str) -> list[str]:
    """Where everything is."""
    return [
        f"A shop's API listens on {url}. It will refuse, fail, break off and repeat itself.",
        f"The project is in {folder}",
    ]


def morning(day: int) -> list[str]:
    """The headline of a day's build."""
    news = (
        "everything there is"
        if day == 1
        else "new orders, changed customers and prices, and a new column: only those are read"
    )
    return ["", f"Day {day}: headrace build   ({news})"]


def requests(statuses: Counter[int], retried: int) -> list[str]:
    """How the API answered."""
    told = ", ".join(f"{number} {ANSWERS.get(status, status)}" for status, number in sorted(statuses.items()))
    return [f"  {count(sum(statuses.values()), 'request')}: {told}; {retried} tried again"]


def ledger(loads: Sequence[RowsLoaded]) -> list[str]:
    """The row ledger: where each row that was read went."""
    rows = [
        [load.stream, *(str(getattr(load, one)) for one in COUNTS)]
        for load in sorted(loads, key=lambda load: load.stream)
    ]
    return [f"  {line}" for line in grid(["ledger", *COUNTS], rows)]


def changes(changed: Iterable[SchemaChanged]) -> list[str]:
    """Tables that made room for what arrived."""
    return [f"  {one.table}: {one.change}" for one in changed]


def models(steps: Iterable[StepFinished]) -> list[str]:
    """How the models ended."""
    ended = Counter(step.status for step in steps if step.step.startswith("model."))
    return [f"  {count(sum(ended.values()), 'model')}: {_counted(ended)}"]


def checks(found: Sequence[CheckFinished]) -> list[str]:
    """How the tests ended, and those that did not pass by name."""
    ended = Counter(check.status for check in found)
    named = [
        f"    {one.status} {_short(one.check)}: {count(one.failures, 'row')}" for one in found if one.status != "pass"
    ]
    return [f"  {count(sum(ended.values()), 'test')}: {_counted(ended)}", *named]


def verdict(given: Verdict) -> list[str]:
    """What is in quarantine, what the mart says, and whether the oracle agrees."""
    said = ["", "Quarantine: kept with the reason, and not lost"]
    said += [f"  {line}" for line in grid(["stream", "column", "reason", "detail"], given.quarantine)]
    said += ["", "The mart: revenue_by_store"]
    said += [f"  {line}" for line in grid(["store_id", "store_name", "orders", "gross", "revenue"], given.mart)]
    said += ["", "The oracle, which knows what the shop really holds:"]
    for one in given.compared:
        answer = (
            f"all {count(one.found, 'row is', 'rows are')} right"
            if not one.wrong
            else f"{one.wrong} of {count(one.expected, 'row')} wrong"
        )
        said.append(f"  {one.table}: {answer}")
    if given.personal:
        said.append(f"  customers: {', '.join(given.personal)} should not be here")
    else:
        said.append("  names, addresses and telephone numbers of customers never reached the warehouse")
    return said


def closing(folder: Path) -> list[str]:
    """What to do next."""
    return ["", f"Look around: cd {folder} && headrace show revenue_by_store"]


def grid(heads: Sequence[str], rows: Iterable[Sequence[str | None]]) -> list[str]:
    """Rows under their heads, columns side by side; numbers to the right."""
    cells = [[cell or "" for cell in row] for row in rows]
    widths = [max(len(line[place]) for line in (heads, *cells)) for place in range(len(heads))]
    right = [all(_number(row[place]) for row in cells) for place in range(len(heads))]
    return [
        "  ".join(
            cell.rjust(width) if numeric else cell.ljust(width)
            for cell, width, numeric in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in ([*heads], *cells)
    ]


def _short(check: str) -> str:
    """A test without what makes its id unique; more of it would not fit a line."""
    parts = check.split(".")
    return parts[2] if len(parts) > 2 else check


def _number(text: str) -> bool:
    return text.replace(".", "", 1).isdigit()


def _counted(ended: Counter[str]) -> str:
    return ", ".join(f"{number} {status}" for status, number in sorted(ended.items())) or "none"
