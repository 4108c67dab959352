"""The demo: a shop whose API misbehaves is built twice, and what came of it is compared with the oracle."""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from headrace.events import CheckFinished, Event, RequestRetried, RowsLoaded, SchemaChanged, StepFinished, listening
from headrace.labs import story
from headrace.labs.api import Api, Request
from headrace.labs.misbehaviour import Misbehaviour
from headrace.labs.realism import Realism
from headrace.labs.shop import Shop
from headrace.labs.template import copy_project
from headrace.labs.verdict import Verdict, compare
from headrace.labs.writers import write_csv

if TYPE_CHECKING:
    from collections.abc import Callable

Build: TypeAlias = "Callable[[Path], bool]"
"""Builds the project in a folder, from its sources to its tests, and says whether it succeeded."""
Say: TypeAlias = "Callable[[str], None]"

SHOP = Shop(
    seed=11,
    orders=400,
    realism=Realism(
        late=0,
        soft_deletes=0.03,
        slowly_changing=0.05,
        hard_deletes=0,
        duplicates=0,
        bad_types=0,
        bad_dates=0,
        bad_enums=0,
        null_burst_day=None,
        drift_day=2,
    ),
)
FAULTS = Misbehaviour(too_many_at_most=1)
E = TypeVar("E", bound=Event)


@dataclass(frozen=True, slots=True)
class Built:
    """One build: what happened in it, and what was asked of the API."""

    day: int
    ok: bool
    events: tuple[Event, ...]
    requests: tuple[Request, ...]

    def all(self, kind: type[E]) -> list[E]:
        """The events of a kind, in the order in which they happened."""
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def statuses(self) -> Counter[int]:
        """How often the API answered with which status."""
        return Counter(request.status for request in self.requests)


@dataclass(frozen=True, slots=True)
class Demo:
    """The project's folder, its builds, and the verdict of the oracle after the last one."""

    folder: Path
    builds: tuple[Built, ...]
    verdict: Verdict | None

    @property
    def ok(self) -> bool:
        """Whether all builds succeeded and the tables are what they should be."""
        return all(built.ok for built in self.builds) and self.verdict is not None and self.verdict.ok


def run_demo(folder: Path | None, say: Say, build: Build) -> Demo:
    """Make the demo's project in an empty, new or temporary folder, build it on two days, and say what there is to see.

    Raises UsageError where the folder is not empty. A build that fails ends the demo.
    """
    folder = folder or Path(tempfile.mkdtemp(prefix="headrace-demo-"))
    builds: list[Built] = []
    with Api(SHOP, FAULTS) as api:
        make_project(folder, api)
        _say(say, story.opening(folder, api.url))
        for day in (1, 2):
            api.day = day
            _say(say, story.morning(day))
            built = _build(day, folder, api, build)
            builds.append(built)
            _say(say, _told(built))
            if not built.ok:
                say(f"The build failed, so the demo ends here; the project is in {folder}")
                return Demo(folder, tuple(builds), None)
        verdict = compare(folder / "demo.duckdb", api, builds[-1].all(RowsLoaded))
    _say(say, story.verdict(verdict))
    _say(say, story.closing(folder))
    return Demo(folder, tuple(builds), verdict)


def make_project(folder: Path, api: Api) -> list[Path]:
    """The demo's project, its CSV file, and a `.env` that says where the API is."""
    written = copy_project("demo", folder, "demo")
    (folder / "data").mkdir()
    stores = [{key: row[key] for key in ("store_id", "name", "city")} for row in api.shop.snapshot(1)["stores"]]
    written.append(write_csv(folder / "data" / "stores.csv", stores))
    secrets = folder / ".env"
    secrets.write_text(f"SHOP_API={api.url}\nSHOP_TOKEN={api.token}\n", encoding="utf-8")
    return [*written, secrets]


def _build(day: int, folder: Path, api: Api, build: Build) -> Built:
    happened: list[Event] = []
    asked = len(api.journal)
    with listening(happened.append):
        ok = build(folder)
    return Built(day, ok, tuple(happened), tuple(api.journal[asked:]))


def _told(built: Built) -> list[str]:
    return [
        *story.requests(built.statuses, len(built.all(RequestRetried))),
        *story.ledger(built.all(RowsLoaded)),
        *story.changes(built.all(SchemaChanged)),
        *story.models(built.all(StepFinished)),
        *story.checks(built.all(CheckFinished)),
    ]


def _say(say: Say, lines: list[str]) -> None:
    for line in lines:
        say(line)
