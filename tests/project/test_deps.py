from __future__ import annotations

import io
import json
import subprocess
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from headrace.errors import ConfigInvalid, HeadraceError, NameTaken, PackageUnavailable
from headrace.project.deps import install
from headrace.project.package_versions import newest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def _package(folder: Path, name: str, files: dict[str, str] | None = None) -> Path:
    for path, text in {"dbt_project.yml": f"name: {name}\nversion: '1.0'\n", **(files or {})}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return folder


def _packed(name: str, files: dict[str, str] | None = None) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for path, text in {"dbt_project.yml": f"name: {name}\n", **(files or {})}.items():
            entry = tarfile.TarInfo(f"{name}-1.0/{path}")
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return packed.getvalue()


def _names(root: Path) -> list[str]:
    return sorted(path.name for path in (root / "dbt_packages").iterdir())


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return _package(tmp_path / "shop", "shop")


def test_a_folder_is_used_where_it_is(root: Path):
    _package(root.parent / "lib", "helper", {"models/m.sql": "select 1"})
    (root / "packages.yml").write_text("packages: [{local: ../lib}]", encoding="utf-8")

    (installed,) = install(root, environ={})

    assert (installed.name, installed.source) == ("helper", "../lib")
    assert (root / "dbt_packages/helper/models/m.sql").read_text(encoding="utf-8") == "select 1"


def test_what_packages_need_is_installed_too_and_what_nobody_needs_goes(root: Path):
    _package(root.parent / "a", "a", {"packages.yml": "packages: [{local: ../b}]"})
    _package(root.parent / "b", "b")
    _package(root / "dbt_packages/old", "old")
    (root / "dependencies.yml").write_text("packages: [{local: ../a}]", encoding="utf-8")

    install(root, environ={})

    assert _names(root) == ["a", "b"]


def test_a_repository_is_had_at_its_revision_and_below_its_folder(root: Path):
    repository = root.parent / "repository"
    _package(repository / "sub", "ours", {"macros/m.sql": "first"})
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "one"], ["tag", "v1"]):
        subprocess.run([*git, *words], cwd=repository, check=True)
    (repository / "sub/macros/m.sql").write_text("second", encoding="utf-8")
    subprocess.run([*git, "commit", "-qam", "two"], cwd=repository, check=True)
    entry = f"packages: [{{git: 'file://{repository}', revision: v1, subdirectory: sub}}]"
    (root / "packages.yml").write_text(entry, encoding="utf-8")

    install(root, environ={})

    assert (root / "dbt_packages/ours/macros/m.sql").read_text(encoding="utf-8") == "first"
    first = subprocess.run(["git", "rev-parse", "v1"], cwd=repository, check=True, capture_output=True, text=True)
    assert f"revision: {first.stdout.strip()}" in (root / "package-lock.yml").read_text(encoding="utf-8")


@pytest.fixture
def hub() -> Iterator[tuple[str, list[str]]]:
    """A hub with one package in several versions, and the paths it was asked for."""
    asked: list[str] = []

    class Hub(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            if self.path == "/api/v1/dbt-labs/tools.json":
                versions = ("1.0.0", "1.9.0", "1.10.0", "2.0.0-rc1")
                address = f"http://127.0.0.1:{self.server.server_address[1]}"
                listed = {one: {"downloads": {"tarball": f"{address}/{one}.tar.gz"}} for one in versions}
                body = json.dumps({"versions": listed}).encode()
            elif self.path.endswith(".tar.gz"):
                body = _packed("tools", {"macros/m.sql": self.path})
            else:
                self.send_error(404)
                return
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", asked
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_hub_gives_the_newest_version_that_fits(root: Path, hub: tuple[str, list[str]]):
    entry = "packages: [{package: dbt-labs/tools, version: ['>=1.0.0', '<2.0.0']}]"
    (root / "packages.yml").write_text(entry, encoding="utf-8")

    (installed,) = install(root, environ={"DBT_PACKAGE_HUB_URL": hub[0]})

    assert (installed.name, installed.version) == ("tools", "1.10.0")
    assert (root / "dbt_packages/tools/macros/m.sql").read_text(encoding="utf-8") == "/1.10.0.tar.gz"


def test_a_lock_holds_until_the_list_changes_or_an_upgrade_is_asked_for(root: Path, hub: tuple[str, list[str]]):
    environ = {"DBT_PACKAGE_HUB_URL": hub[0]}
    packages, lock = root / "packages.yml", root / "package-lock.yml"
    packages.write_text("packages: [{package: dbt-labs/tools, version: '<2.0.0'}]", encoding="utf-8")
    install(root, environ=environ)
    lock.write_text(lock.read_text(encoding="utf-8").replace("1.10.0", "1.9.0"), encoding="utf-8")

    (locked,) = install(root, environ=environ)
    (upgraded,) = install(root, environ=environ, upgrade=True)

    assert (locked.version, upgraded.version) == ("1.9.0", "1.10.0")


def test_an_archive_is_unpacked_wherever_its_project_is(root: Path):
    (root.parent / "tools.tar.gz").write_bytes(_packed("tools"))
    entry = f"packages: [{{tarball: 'file://{root.parent}/tools.tar.gz', name: tools}}]"
    (root / "packages.yml").write_text(entry, encoding="utf-8")

    install(root, environ={})

    assert _names(root) == ["tools"]


@pytest.mark.parametrize(
    ("entry", "kind", "word"),
    [
        ("{local: ../nowhere}", PackageUnavailable, "dbt_project.yml"),
        ("{tarball: file:///nowhere.tar.gz, name: x}", PackageUnavailable, "cannot be reached"),
        ("{tarball: nowhere.tar.gz, name: x}", PackageUnavailable, "neither"),
        ("{git: file:///nowhere, revision: v1}", PackageUnavailable, "git cannot get v1"),
        ("{package: a/b}", ConfigInvalid, "needs a version"),
        ("{pakage: a/b, version: 1.0.0}", ConfigInvalid, "is one of"),
        ("{local: ../lib, revison: 1}", ConfigInvalid, "revison"),
    ],
)
def test_a_failure_leaves_the_packages_that_were_there(root: Path, entry: str, kind: type[HeadraceError], word: str):
    _package(root / "dbt_packages/old", "old")
    (root / "packages.yml").write_text(f"packages:\n- {entry}\n", encoding="utf-8")

    with pytest.raises(kind, match=word) as caught:
        install(root, environ={})

    assert str(caught.value.where).startswith("packages.yml:2")
    assert _names(root) == ["old"]


def test_two_packages_of_one_name_are_refused(root: Path):
    _package(root.parent / "a", "same")
    _package(root.parent / "b", "same")
    (root / "packages.yml").write_text("packages: [{local: ../a}, {local: ../b}]", encoding="utf-8")

    with pytest.raises(NameTaken, match="same"):
        install(root, environ={})


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (["1.0.0"], "1.0.0"),
        (["=1.0.0"], "1.0.0"),
        ([">=1.0.0,<1.10.0"], "1.9.0"),
        ([">1.0.0", "<=1.9.0"], "1.9.0"),
        ([">=1.0.0"], "1.10.0"),
        ([">=2.0.0-rc1"], "2.0.0-rc1"),
        ([">=3.0.0"], None),
    ],
)
def test_the_newest_version_is_by_numbers_and_no_pre_release_unless_asked_for(rules: list[str], expected: str | None):
    assert newest(["1.0.0", "1.10.0", "1.9.0", "2.0.0-rc1"], rules) == expected
