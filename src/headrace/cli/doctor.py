"""`headrace doctor`: whether all that a project needs is there."""

from __future__ import annotations

import os
import shutil
import sys
import time
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import click

from headrace.cli.options import Asked, Verb, everywhere, output
from headrace.cli.terminal import document, result
from headrace.counting import count
from headrace.errors import HeadraceError, RunBusy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from headrace.project.settings import Settings

LITTLE_SPACE = 1 << 30
"""Bytes of free disk below which loads of any size are at risk."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: `status` is ok, warn or fix; `fix` is what to do."""

    about: str
    status: str
    found: str
    fix: str | None = None


@click.command(cls=Verb)
@click.option("--connection", is_flag=True, expose_value=False, hidden=True)
@click.option("--config-dir", is_flag=True, expose_value=False, hidden=True)
@everywhere
@output("table", "json")
@click.pass_obj
def doctor(asked: Asked) -> int:
    """Check that all a project needs is there: versions, settings, secrets, folders, disk, clock, the target, the lock.

    Secrets are looked for and never printed.

    Examples:
    headrace doctor
    headrace doctor -t prod                  whether another target can be reached
    headrace doctor -o json
    """
    from headrace.cli.opening import warnings_said
    from headrace.observe.wording import status, utf8

    with warnings_said(asked):
        findings = list(_examine(asked))
    if asked.json:
        document("doctor", {"findings": [asdict(one) for one in findings]})
    else:
        for one in findings:
            word = status(one.status, ascii_only=not utf8(sys.stdout), width=4)
            result(asked, f"{word}  {one.about:<10} {one.found}")
            if one.fix:
                result(asked, f"{'':<19}{one.fix}")
    return 1 if any(one.status == "fix" for one in findings) else 0


def _examine(asked: Asked) -> Iterator[Finding]:
    from headrace.cli.opening import read_settings

    yield _python()
    yield _versions()
    yield _clock()
    settings: Settings | None = None
    try:
        settings = read_settings(asked)
        yield Finding(
            "settings",
            "ok",
            f"project {settings.name} in {settings.root}, target {settings.target.name}; every secret has a value",
        )
    except HeadraceError as error:
        yield _failing("settings", error)
    if settings is not None:
        yield _writable(settings.folder)
        yield _disk(settings.root)
        yield _lock(settings)
        yield _attempt("target", settings, _reach)
        yield _attempt("project", settings, _parse)


def _python() -> Finding:
    found = f"{sys.version.split()[0]} on {sys.platform}"
    if sys.version_info < (3, 11):  # noqa: UP036 - somebody may run a copied package on an old Python
        return Finding("python", "fix", found, "headrace needs Python 3.11 or newer")
    return Finding("python", "ok", found)


def _versions() -> Finding:
    found = [f"headrace {version('headrace')}"]
    for name in ("duckdb", "pyarrow", "psycopg"):
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"{name} not installed")
    return Finding("versions", "ok", ", ".join(found))


def _clock() -> Finding:
    now = time.time()
    shown = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now))
    if not 1_735_689_600 < now < 4_102_444_800:  # 2025 and 2100
        return Finding("clock", "fix", shown, "set the machine's clock: loads are dated and ordered by it")
    return Finding("clock", "ok", shown)


def _writable(folder: Path) -> Finding:
    probe = folder / f"doctor-{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_text("", encoding="utf-8")
        probe.unlink()
    except OSError as error:
        return Finding("folder", "fix", f"{folder}: {error.strerror}", "let this user write there")
    return Finding("folder", "ok", f"{folder} can be written")


def _disk(root: Path) -> Finding:
    free = shutil.disk_usage(root).free
    found = f"{free / (1 << 30):,.1f} GiB free"
    if free < LITTLE_SPACE:
        return Finding("disk", "warn", found, "what is loaded waits on disk first: make room")
    return Finding("disk", "ok", found)


def _lock(settings: Settings) -> Finding:
    from headrace.run.lock import locked

    try:
        with locked(settings.folder, settings.target.name):
            return Finding("lock", "ok", "no run is at work on this target")
    except RunBusy as busy:
        return Finding("lock", "warn", busy.what, busy.hint)


def _attempt(about: str, settings: Settings, look: Callable[[Settings], str]) -> Finding:
    try:
        return Finding(about, "ok", look(settings))
    except HeadraceError as error:
        return _failing(about, error)


def _reach(settings: Settings) -> str:
    from headrace.cli.opening import connected

    began = time.perf_counter()
    with connected(settings) as connection:
        ((answer,),) = connection.rows("SELECT version()")
        return f"{settings.target.name} answers in {1000 * (time.perf_counter() - began):.0f} ms: {str(answer)[:40]}"


def _parse(settings: Settings) -> str:
    from headrace.project.manifest import load_manifest

    return f"{count(len(load_manifest(settings).nodes), 'node')}, all sound"


def _failing(about: str, error: HeadraceError) -> Finding:
    where = f" {error.where}" if error.where else ""
    return Finding(
        about,
        "fix",
        f"{error.code}{where} {error.what}".partition("\n")[0],
        error.hint or f"headrace explain {error.code}",
    )
