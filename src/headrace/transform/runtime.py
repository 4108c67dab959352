"""What all nodes of a run share, beside the manifest."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from headrace.project.manifest import Manifest
    from headrace.table import Table
    from headrace.transform.batches import Rest


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """What all nodes of a run share. `flags` are dbt's, in capitals; `selected` the ids the run was asked for."""

    manifest: Manifest
    started: dt.datetime
    invocation: str
    flags: Mapping[str, Any] = field(default_factory=dict)
    selected: tuple[str, ...] = ()
    rests: Mapping[str, Rest] = field(default_factory=dict)
    """What an earlier run left of microbatch models, by id: the only windows to build of them."""
    until: dt.datetime | None = None
    """When the run began that this one repeats, whose windows it builds."""
    deferred: Mapping[str, Table] = field(default_factory=dict)
    """Where nodes stand, by id, that are not built here."""
    shown: dict[str, Any] = field(default_factory=dict)
    """The parts of `graph` that a template has asked for."""

    @property
    def full_refresh(self) -> bool:
        """Whether the command line asks for every incremental model to be built anew."""
        return bool(self.flags.get("FULL_REFRESH"))
