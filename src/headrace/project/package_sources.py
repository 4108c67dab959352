"""Where packages come from: a folder, a git repository, an archive, or dbt's hub."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import URLError
from urllib.request import urlopen

from headrace.errors import ConfigInvalid, PackageUnavailable, did_you_mean
from headrace.project.package_versions import newest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headrace.errors import Place

HUB = "https://hub.getdbt.com"
_KINDS: Mapping[str, set[str]] = {
    "local": {"name"},
    "git": {"revision", "subdirectory", "warn-unpinned", "warn_unpinned", "name"},
    "tarball": {"name"},
    "package": {"version", "install_prerelease", "install-prerelease", "name"},
}
_PATIENCE = 60.0
"""Seconds that a server may be silent."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A package as a project asks for it: `kind` is local, git, tarball or package, `name` its path, URL or name on the hub."""

    kind: str
    name: str
    options: Mapping[str, Any]
    place: Place

    @property
    def rules(self) -> list[str]:
        """The versions that are allowed."""
        version = self.options.get("version")
        return [str(one) for one in (version if isinstance(version, list) else [version]) if one is not None]


@dataclass(frozen=True, slots=True)
class Fetched:
    """A package in a folder. `pin` is what package-lock.yml keeps of it; `linked` means that it is used where it is."""

    folder: Path
    version: str
    pin: Mapping[str, Any]
    linked: bool = False


def read_wanted(entry: Any, place: Place) -> Wanted:
    """An entry of packages.yml. Raises ConfigInvalid."""
    kind = next((one for one in _KINDS if isinstance(entry, dict) and one in entry), None)
    if kind is None:
        known = ", ".join(_KINDS)
        close = did_you_mean(str(next(iter(entry), "")), _KINDS) if isinstance(entry, dict) else None
        raise ConfigInvalid(f"a package is one of {known}", where=place, hint=close)
    options = {key: value for key, value in entry.items() if key != kind}
    unknown = next((key for key in options if key not in _KINDS[kind]), None)
    if unknown is not None:
        raise ConfigInvalid(f"unknown key {unknown!r}", where=place, hint=did_you_mean(str(unknown), _KINDS[kind]))
    wanted = Wanted(kind, str(entry[kind]), options, place)
    if kind == "package" and not wanted.rules:
        raise ConfigInvalid(f"the package {wanted.name} needs a version", where=place)
    return wanted


def fetch(wanted: Wanted, root: Path, scratch: Path, environ: Mapping[str, str]) -> Fetched:
    """Bring a package into a folder. `root` is the project, `scratch` an empty folder. Raises PackageUnavailable."""
    match wanted.kind:
        case "local":
            return _local(wanted, root)
        case "git":
            return _git(wanted, scratch)
        case "tarball":
            pin = {"tarball": wanted.name, **({"name": wanted.options["name"]} if "name" in wanted.options else {})}
            return Fetched(_archive(wanted, wanted.name, scratch), "", pin)
    return _hub(wanted, scratch, environ)


def _local(wanted: Wanted, root: Path) -> Fetched:
    folder = (root / wanted.name).resolve()
    if not (folder / "dbt_project.yml").is_file():
        raise PackageUnavailable(f"there is no dbt_project.yml in {wanted.name}", where=wanted.place)
    return Fetched(folder, "", {"local": wanted.name}, linked=True)


def _git(wanted: Wanted, scratch: Path) -> Fetched:
    revision = str(wanted.options.get("revision") or "HEAD")
    folder = scratch / "repository"
    folder.mkdir(parents=True)
    for command in (
        ("init", "--quiet"),
        ("fetch", "--quiet", "--depth", "1", "--", wanted.name, revision),
        ("checkout", "--quiet", "FETCH_HEAD"),
    ):
        failed = _run(wanted, folder, *command)
        if failed and command[0] == "fetch":
            # Some servers do not hand out single commits: then the history is needed.
            failed = _run(
                wanted, folder, "fetch", "--quiet", "--tags", "--", wanted.name, "+refs/heads/*:refs/remotes/origin/*"
            )
            failed = failed or _run(wanted, folder, "checkout", "--quiet", "--detach", revision)
            if not failed:
                break
        if failed:
            raise PackageUnavailable(f"git cannot get {revision} of {wanted.name}: {failed}", where=wanted.place)
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    below = wanted.options.get("subdirectory")
    pin = {"git": wanted.name, "revision": commit, **({"subdirectory": below} if below else {})}
    shutil.rmtree(folder / ".git")
    return Fetched(folder / str(below or "."), revision, pin)


def _run(wanted: Wanted, folder: Path, *words: str) -> str | None:
    """What git complains of, or None."""
    try:
        done = subprocess.run(
            ["git", "-c", "advice.detachedHead=false", *words],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError as error:
        raise PackageUnavailable("git is not installed", where=wanted.place) from error
    return None if done.returncode == 0 else done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "failed"


def _archive(wanted: Wanted, url: str, scratch: Path) -> Path:
    scratch.mkdir(parents=True, exist_ok=True)
    packed, folder = scratch / "package.tar.gz", scratch / "archive"
    packed.write_bytes(_download(wanted, url))
    try:
        with tarfile.open(packed) as archive:
            archive.extractall(folder, filter="data")
    except (tarfile.TarError, OSError) as error:
        raise PackageUnavailable(f"{url} is not an archive that can be read: {error}", where=wanted.place) from error
    found = min(folder.rglob("dbt_project.yml"), key=lambda path: len(path.parts), default=None)
    if found is None:
        raise PackageUnavailable(f"there is no dbt_project.yml in {url}", where=wanted.place)
    return found.parent


def _download(wanted: Wanted, url: str) -> bytes:
    if not url.startswith(("https://", "http://", "file://")):
        path = Path(url)
        if path.is_file():
            return path.read_bytes()
        raise PackageUnavailable(f"{url} is neither a URL nor a file", where=wanted.place)
    try:
        with urlopen(url, timeout=_PATIENCE) as response:  # noqa: S310 - the scheme was looked at
            content: bytes = response.read()
    except (URLError, OSError) as error:
        reason = getattr(error, "reason", error)
        raise PackageUnavailable(
            f"{url} cannot be reached: {reason}",
            where=wanted.place,
            hint="a folder dbt_packages/ that is complete needs no network",
        ) from error
    return content


def _hub(wanted: Wanted, scratch: Path, environ: Mapping[str, str]) -> Fetched:
    hub = environ.get("DBT_PACKAGE_HUB_URL", HUB).rstrip("/")
    known = json.loads(_download(wanted, f"{hub}/api/v1/{wanted.name}.json"))
    versions = known.get("versions") or {}
    options = wanted.options
    early = bool(options.get("install_prerelease") or options.get("install-prerelease"))
    version = newest(versions, wanted.rules, prerelease=early)
    if version is None:
        hint = f"there are {', '.join(list(versions)[-5:])}" if versions else None
        rules = ", ".join(wanted.rules)
        raise PackageUnavailable(f"no version of {wanted.name} fits {rules}", where=wanted.place, hint=hint)
    folder = _archive(wanted, str(versions[version]["downloads"]["tarball"]), scratch)
    return Fetched(folder, version, {"package": wanted.name, "version": version})
