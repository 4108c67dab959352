"""What a plan is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from headrace.project.nodes import DataTest, Model, Seed, Snapshot, SourceTable, UnitTest


@dataclass(frozen=True, slots=True)
class LoadStream:
    """Extract what is new of a stream, land it, and load it in one transaction; then ask the tests of its table."""

    node: SourceTable
    checks: tuple[DataTest, ...] = ()


@dataclass(frozen=True, slots=True)
class LoadSeed:
    """Load a CSV file of the project, check it, publish it."""

    node: Seed
    checks: tuple[DataTest, ...] = ()


@dataclass(frozen=True, slots=True)
class BuildModel:
    """In one transaction: run a model's or snapshot's query, check the result, and publish it.

    A failed check leaves what readers had.
    """

    node: Model | Snapshot
    checks: tuple[DataTest, ...] = ()


@dataclass(frozen=True, slots=True)
class RunCheck:
    """A test that reads several published tables, or one of a table that this run does not build."""

    node: DataTest


@dataclass(frozen=True, slots=True)
class RunUnit:
    """A unit test of a model, which runs when the model's inputs are there and before the model is built."""

    node: UnitTest


@dataclass(frozen=True, slots=True)
class ReplayStream:
    """Try again what a stream has in quarantine: all of it, or what has one of the ids."""

    node: SourceTable
    ids: tuple[str, ...] = ()


Step: TypeAlias = LoadStream | LoadSeed | BuildModel | RunCheck | RunUnit | ReplayStream
