"""Installing the packages that a project lists, and those that they list themselves."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from headrace.errors import ConfigInvalid, NameTaken, PackageUnavailable
from headrace.project.files import read_yaml
from headrace.project.package_sources import Fetched, Wanted, fetch, read_wanted
from headrace.project.package_versions import allows
from headrace.project.packages import LISTS, render_names
from headrace.project.rendering import render

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LOCK = "package-lock.yml"
"""Where the versions that were chosen are kept, as by dbt."""


@dataclass(frozen=True, slots=True)
class Installed:
    """A package that stands in the package folder now; `version` is empty for folders and archives."""

    name: str
    version: str
    source: str


def install(
    root: Path,
    *,
    environ: Mapping[str, str] = os.environ,
    variables: Mapping[str, Any] | None = None,
    folder: str = "dbt_packages",
    upgrade: bool = False,
    say: Callable[[Installed], None] | None = None,
) -> tuple[Installed, ...]:
    """Put the packages of packages.yml and dependencies.yml, and those they need, into the package folder; the old ones go.

    The versions of package-lock.yml are taken where the list is the one it was made from, unless `upgrade` is asked for. `say` is
    told of each package. Nothing is changed where one cannot be had. Raises ConfigInvalid, NameTaken and PackageUnavailable.
    """
    asked = _listed(root, root, environ, variables or {})
    mark = _mark(asked)
    pinned = [] if upgrade else _locked(root, mark)
    with tempfile.TemporaryDirectory(prefix="headrace-deps-") as scratch:
        found = _all(root, pinned or asked, Path(scratch), environ)
        installed = _place(found, root / folder, say)
    text = yaml.safe_dump(
        {"packages": [dict(one.pin) for one, _ in found.values()], "sha1_hash": mark}, sort_keys=False
    )
    if found:
        (root / LOCK).write_text(text, encoding="utf-8")
    return installed


def _listed(root: Path, home: Path, environ: Mapping[str, str], variables: Mapping[str, Any]) -> list[Wanted]:
    found: list[Wanted] = []
    for name in LISTS:
        path = home / name
        if not path.is_file():
            continue
        document = read_yaml(path, root, old=True)
        data = document.data or {}
        entries = data.get("packages") if isinstance(data, dict) else None
        if entries is None:
            continue
        if not isinstance(entries, list):
            raise ConfigInvalid("packages takes a list", where=document.key_place("packages"))
        # Of the two files, dbt renders Jinja in packages.yml alone.
        if name == "packages.yml":
            entries = render(entries, render_names(variables, environ, {}, None, ""), document, ("packages",))
        found += [read_wanted(entry, document.key_place("packages", at)) for at, entry in enumerate(entries)]
    return found


def _mark(asked: list[Wanted]) -> str:
    """A hash of what is asked for, by which dbt and headrace see that a lock still holds."""
    texts = sorted(json.dumps({one.kind: one.name, **one.options}, sort_keys=True, default=str) for one in asked)
    return hashlib.sha1("\n".join(texts).encode(), usedforsecurity=False).hexdigest()


def _locked(root: Path, mark: str) -> list[Wanted]:
    path = root / LOCK
    if not path.is_file():
        return []
    document = read_yaml(path, root, old=True)
    data = document.data if isinstance(document.data, dict) else {}
    if data.get("sha1_hash") != mark:
        return []
    return [
        read_wanted(entry, document.key_place("packages", at)) for at, entry in enumerate(data.get("packages") or [])
    ]


def _all(
    root: Path, asked: list[Wanted], scratch: Path, environ: Mapping[str, str]
) -> dict[str, tuple[Fetched, Wanted]]:
    """Every package by its name, with those that packages need themselves."""
    found: dict[str, tuple[Fetched, Wanted]] = {}
    names: dict[tuple[str, str], str] = {}
    waiting = _joined(asked)
    count = 0
    while waiting:
        wanted = waiting.pop(0)
        known = names.get((wanted.kind, wanted.name))
        if known is not None:
            _agrees(found[known][0], wanted)
            continue
        count += 1
        one = fetch(wanted, root, scratch / str(count), environ)
        name = _name(one, wanted)
        if name in found:
            raise NameTaken(
                f"two packages are called {name!r}", where=wanted.place, hint=f"the other: {found[name][1].name}"
            )
        found[name] = (one, wanted)
        names[wanted.kind, wanted.name] = name
        waiting += _listed(root, one.folder, environ, {})
    return found


def _joined(asked: list[Wanted]) -> list[Wanted]:
    """One entry for each package of the hub, with all rules that were said of it."""
    joined: dict[tuple[str, str], Wanted] = {}
    for one in asked:
        key = (one.kind, one.name)
        if key in joined and one.kind == "package":
            rules = [*joined[key].rules, *one.rules]
            joined[key] = replace(joined[key], options={**joined[key].options, "version": rules})
        else:
            joined.setdefault(key, one)
    return list(joined.values())


def _agrees(one: Fetched, wanted: Wanted) -> None:
    if wanted.kind == "package" and not allows(wanted.rules, one.version):
        rules = ", ".join(wanted.rules)
        raise PackageUnavailable(
            f"{wanted.name} {one.version} does not fit {rules}, which another package needs",
            where=wanted.place,
            hint="name a version in packages.yml that fits both",
        )


def _name(one: Fetched, wanted: Wanted) -> str:
    path = one.folder / "dbt_project.yml"
    if not path.is_file():
        raise PackageUnavailable(f"there is no dbt_project.yml in {wanted.name}", where=wanted.place)
    data = read_yaml(path, one.folder, old=True).data
    if not isinstance(data, dict) or not data.get("name"):
        raise PackageUnavailable(f"the dbt_project.yml of {wanted.name} has no name", where=wanted.place)
    return str(data["name"])


def _place(
    found: Mapping[str, tuple[Fetched, Wanted]], folder: Path, say: Callable[[Installed], None] | None
) -> tuple[Installed, ...]:
    """Fill a new folder beside the old one and change the two, so that a failure leaves what was there."""
    new = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    installed = []
    for name, (one, wanted) in found.items():
        if one.linked:
            _link(one.folder, new / name)
        else:
            shutil.copytree(one.folder, new / name, symlinks=True)
        installed.append(Installed(name, one.version, wanted.name))
        if say is not None:
            say(installed[-1])
    if folder.is_dir():
        shutil.rmtree(folder)
    new.replace(folder)
    return tuple(installed)


def _link(source: Path, target: Path) -> None:
    """A link, so that the package is used where it is; a copy where there are no links."""
    try:
        target.symlink_to(source, target_is_directory=True)
    except OSError:
        shutil.copytree(source, target, symlinks=True)
