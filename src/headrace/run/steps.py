"""What a plan is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from headrace.project.nodes import DataTest, Model, Seed, SourceTable


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
    """In one transaction: run a model's query, check the result, and publish it. A failed check leaves what readers had."""

    node: Model
    checks: tuple[DataTest, ...] = ()


@dataclass(frozen=True, slots=True)
class RunCheck:
    """A test that reads several published tables, or one of a table that this run does not build."""

    node: DataTest


@dataclass(frozen=True, slots=True)
class ReplayStream:
    """Try again what a stream has in quarantine: all of it, or what has one of the ids."""

    node: SourceTable
    ids: tuple[str, ...] = ()


Step: TypeAlias = LoadStream | LoadSeed | BuildModel | RunCheck | ReplayStream
