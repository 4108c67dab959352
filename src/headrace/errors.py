"""Every error a user can meet.

A class's docstring is its page in the documentation: `headrace explain CODE` prints it. Codes: HR0 usage, HR1 project files,
HR2 templates and references, HR3 extraction, HR4 loading, HR5 warehouses, HR6 runs.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable

_PASSING = frozenset(
    {"HR107", "HR210", "HR211", "HR301", "HR303", "HR304", "HR306", "HR320", "HR321", "HR322", "HR501", "HR502", "HR506", "HR602", "HR603"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """A spot in a file of the user: a path relative to the project, a 1-based line and column, and the text of that line."""

    path: str
    line: int | None = None
    column: int | None = None
    text: str | None = None

    def __str__(self) -> str:
        """`models/revenue.sql:3:13`, as editors understand it."""
        return ":".join(str(part) for part in (self.path, self.line, self.column) if part is not None)


class HeadraceError(Exception):
    """An error with a code, a sentence, a place and a remedy; `exit_code` is what the process returns for it."""

    code: ClassVar[str] = "HR000"
    exit_code: ClassVar[int] = 2
    transient: bool = False
    """Whether the same may well succeed when tried again: a lost connection, a conflict of transactions."""

    def __init__(self, what: str, *, where: Place | None = None, hint: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.hint = hint
        self.passes = self.code in _PASSING
        """Whether it may be otherwise at another time though nobody changes the project."""


class UsageError(HeadraceError):
    """The command line asks for something that does not exist or does not go together."""

    code = "HR001"


class ProjectNotFound(HeadraceError):
    """There is no `headrace.yml` (and no `dbt_project.yml`) in this folder or any folder above it.

    Make a project with `headrace init`, or name its folder with `--project-dir`.
    """

    code = "HR101"


class YamlInvalid(HeadraceError):
    """A YAML file cannot be read at all: the place is where the reader gave up, the cause is often the line before."""

    code = "HR102"


class ConfigInvalid(HeadraceError):
    """A key is unknown or a value is not of the kind its key takes.

    Keys are strict so that a misspelt one cannot be ignored in silence; free-form settings live under `meta:`.
    """

    code = "HR103"


class TargetUnknown(HeadraceError):
    """The target that was asked for is not among those of the project."""

    code = "HR104"


class SecretMissing(HeadraceError):
    """A `${NAME}`, `env_var('NAME')` or `secret:NAME` has no value: set the variable, or write it to `.env`."""

    code = "HR105"


class WarningRefused(HeadraceError):
    """Something was warned of while the project was read, and `--warn-error` makes errors of warnings."""

    code = "HR106"


class PlaceUnusable(HeadraceError):
    """The system refused to read or write a file that a command needs: the disk is full, or the folder is not yours to write to.

    What was committed stays; with room again, the same command goes on from there.
    """

    code = "HR107"
    exit_code = 1


class TextInvalid(HeadraceError):
    """A file of the project is not text in UTF-8: save it as that. The place is the first line that is not."""

    code = "HR108"


class TemplateInvalid(HeadraceError):
    """The Jinja of a model, macro or test cannot be rendered."""

    code = "HR201"


class RefUnknown(HeadraceError):
    """A `ref()` names a model, seed or snapshot that the project does not have, or that is disabled."""

    code = "HR202"


class SourceUnknown(HeadraceError):
    """A `source()` names a stream that neither `sources:` in headrace.yml nor a dbt `sources:` block declares."""

    code = "HR203"


class CycleFound(HeadraceError):
    """Models need each other in a circle, so none of them can be built first."""

    code = "HR204"


class SelectionEmpty(HeadraceError):
    """A name in `--select` or `--exclude` matches nothing in the project."""

    code = "HR205"


class MacroFailed(HeadraceError):
    """A macro of the project raised an error of its own, by `exceptions.raise_compiler_error`."""

    code = "HR206"


class NameTaken(HeadraceError):
    """Two nodes of the project would make the same table, or have the same name."""

    code = "HR207"


class PackagesMissing(HeadraceError):
    """The project needs packages that are not installed: run `headrace deps`, which puts them into `dbt_packages/`."""

    code = "HR208"


class AccessDenied(HeadraceError):
    """A model refers to one that is private to another group, or protected in another package.

    Make the model that is referred to `access: public`, or put both into one group.
    """

    code = "HR209"


class PythonFailed(HeadraceError):
    """A model or a source in Python raised an error, or a source yielded what is no row; the line is that of its file."""

    code = "HR210"
    exit_code = 1


class PackageUnavailable(HeadraceError):
    """A package that the project lists cannot be had: its folder, repository or archive is not there, or no version fits."""

    code = "HR211"


class RequestFailed(HeadraceError):
    """A request to a source failed, and went on failing for as often as its `retry:` allows."""

    code = "HR301"
    exit_code = 1


class RecordsNotFound(HeadraceError):
    """A response has no records where `data_selector` says they are."""

    code = "HR302"
    exit_code = 1


class FilesNotFound(HeadraceError):
    """A `path:` of a files source matches no file."""

    code = "HR303"
    exit_code = 1


class FileUnreadable(HeadraceError):
    """A file of a source is not of the format it is said to be, or is damaged."""

    code = "HR304"
    exit_code = 1


class PagingStuck(HeadraceError):
    """A paginator was handed the same page, link or cursor twice: going on would never end."""

    code = "HR305"
    exit_code = 1


class FileVanished(HeadraceError):
    """A file was there when the files of a stream were listed, and was gone or another one when it was to be read.

    Nothing of the load was kept. The next load lists the files again, and keeps what it has fetched of the others.
    """

    code = "HR306"
    exit_code = 1


class FileAltered(HeadraceError):
    """A file that was loaded has changed since, and the stream says `on_changed: error`.

    With `on_changed: load` it is loaded again: a merge replaces its rows, an append adds them. `ignore` leaves it alone.
    """

    code = "HR307"
    exit_code = 1


class SourceUnavailable(HeadraceError):
    """The database or the store of a source cannot be reached, or the connection to it was lost; what arrived before is kept.

    The next load goes on after the last range of the table that arrived whole, or in the middle of the file.
    """

    code = "HR320"
    exit_code = 1
    transient = True
    absent: bool = False
    """Whether nobody answered at all, so that there was nothing to lose."""


class SourceRefused(HeadraceError):
    """The database of a source refused a query, or a store refused a file or a login: its own message is given."""

    code = "HR321"
    exit_code = 1


class TapFailed(HeadraceError):
    """A Singer tap cannot be started, ended with an error, or wrote what is no message of Singer's; what it said last is given.

    What arrived before is loaded only as far as the tap's own STATE messages vouch for it; the next load goes on from there.
    """

    code = "HR322"
    exit_code = 1


class ChangeLossy(HeadraceError):
    """The type of a column changed in a way that cannot keep every value; nothing of the load was kept.

    Give the column a type under `columns:`, or set `schema_contract: {data_type: quarantine}` on the stream.
    """

    code = "HR401"
    exit_code = 1


class LedgerUnbalanced(HeadraceError):
    """The rows of a load do not add up, so the load was rolled back. This is a defect of headrace: please report it."""

    code = "HR402"
    exit_code = 1


class SchemaFrozen(HeadraceError):
    """The stream's contract is `freeze`, and what arrived has another table, column or type."""

    code = "HR403"
    exit_code = 1


class KeyMissing(HeadraceError):
    """A merge needs a `primary_key`, and the key's columns have to be in what arrived."""

    code = "HR404"


class RowsMultiplied(HeadraceError):
    """The SQL under `transform:` made more rows than it was given: it may filter and change rows, not multiply them."""

    code = "HR405"
    exit_code = 1


class TransformInvalid(HeadraceError):
    """The SQL under a stream's `transform:` does not run on what arrived."""

    code = "HR406"
    exit_code = 1


class StatementFailed(HeadraceError):
    """The warehouse refused a statement; its own message is given with the place in the file the statement came from."""

    code = "HR501"
    exit_code = 1
    at: tuple[int, int | None] | None = None
    """The 1-based line and column of the statement that the engine blames, where it says."""


class WarehouseUnavailable(HeadraceError):
    """The warehouse cannot be reached or opened, or the connection to it was lost.

    A run that had reached it waits a minute for it to come back and does the step again; what was committed stays. Only where the
    answer to a commit was lost is the step not done again: whether the commit was heard the next run finds out.
    """

    code = "HR502"
    exit_code = 1
    absent: bool = False
    """Whether nobody answered at all, so that there was nothing to lose."""


class DriverMissing(HeadraceError):
    """The library for an engine or a place is not installed: each is an extra, such as `pip install 'headrace[postgres]'`."""

    code = "HR503"


class NotSupported(HeadraceError):
    """The engine, or this version of headrace, does not do what the project asks for."""

    code = "HR504"


class ExtensionMissing(HeadraceError):
    """DuckDB lacks an extension that the target asks for, and a run downloads nothing: it has to be installed once beforehand."""

    code = "HR505"


class MemoryExhausted(HeadraceError):
    """DuckDB needs more memory than it may take; what its transaction did is rolled back.

    It may take what `memory_limit` in the target's `settings:` says, else four fifths of what the machine or the container has.
    """

    code = "HR506"
    exit_code = 1


class ContractBroken(HeadraceError):
    """A model's query gives other columns or types than its enforced contract says."""

    code = "HR601"
    exit_code = 1


class RunBusy(HeadraceError):
    """Another run is at work on this project and target: two at once would overwrite each other."""

    code = "HR602"
    exit_code = 1


class Interrupted(HeadraceError):
    """The run was stopped by Ctrl-C; what was committed stays, and the next run goes on from there."""

    code = "HR603"
    exit_code = 130


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """A hint naming the known word closest to a misspelt one, whatever its capitals, or None where nothing is close."""
    folded = {one.casefold(): one for one in reversed(list(known))}
    close = difflib.get_close_matches(word.casefold(), folded, n=1)
    return f"did you mean '{folded[close[0]]}'?" if close else None


def every_error() -> list[type[HeadraceError]]:
    """All error classes by code, for `headrace explain` and the reference pages."""
    return sorted(HeadraceError.__subclasses__(), key=lambda kind: kind.code)
