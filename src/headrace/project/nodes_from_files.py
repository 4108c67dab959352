"""From files to nodes: seeds, snapshots, analyses and singular tests."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

from headrace.errors import ConfigInvalid, Place, did_you_mean
from headrace.project.nodes import Analysis, DataTest, Seed, Snapshot
from headrace.project.reading import (
    Draft,
    File,
    checksum,
    facts_of,
    failures_table,
    node_names,
    place_table,
    said_of,
)
from headrace.project.recording import Facts
from headrace.project.resolution import resolve_config, words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from headrace.project.properties import Properties
    from headrace.project.reading import Reading

TEST_DEFAULTS: Mapping[str, Any] = {
    "enabled": True,
    "materialized": "test",
    "severity": "ERROR",
    "warn_if": "!= 0",
    "error_if": "!= 0",
    "fail_calc": "count(*)",
}
"""A test's config where nothing is said."""

_SNAPSHOT = re.compile(
    r"\{#.*?#\}|\{%-?\s*snapshot\s+(?P<name>\w+)\s*-?%\}(?P<body>.*?)\{%-?\s*endsnapshot\s*-?%\}", re.DOTALL
)
_LARGE = 1 << 20
"""Seeds above this size are compared by their path, as by dbt."""


def read_seeds(reading: Reading) -> Iterator[Draft]:
    """The CSV files of a package."""
    for file in reading.files(reading.project.paths.seeds, ".csv"):
        name = file.file.stem
        said = reading.said("seed", name)
        fqn = (reading.package, *file.folders, name)
        own = said.config if said else {}
        config = resolve_config({"enabled": True, "materialized": "seed"}, reading.configured("seeds", fqn, own))
        node = node_names("seed", name, fqn, config, file.path)
        facts = reading.with_hooks(file, Facts(), config, node)
        seed = Seed(
            unique_id=str(node["unique_id"]),
            name=name,
            package=reading.package,
            place=Place(file.shown),
            path=file.path,
            fqn=fqn,
            tags=words(config.get("tags")),
            meta=config.get("meta") or {},
            config=config,
            unrendered=reading.written("seeds", fqn, said.unrendered if said else {}),
            checksum=_seed_checksum(file),
            file=file.file.as_posix(),
            table=place_table(reading, node, config),
            macros=tuple(facts.macros),
            reached=tuple(facts.reached),
            **said_of(reading, said),
        )
        yield Draft(seed, Facts())


def _seed_checksum(file: File) -> str:
    if file.file.stat().st_size >= _LARGE:
        return file.path
    return hashlib.sha256(file.file.read_bytes().strip()).hexdigest()


def read_snapshots(reading: Reading) -> Iterator[Draft]:
    """The snapshot blocks of a package, and the snapshots that its YAML declares. Raises ConfigInvalid."""
    for file in reading.files(reading.project.paths.snapshots, ".sql"):
        text = file.text()
        if "snapshot" not in text:
            continue
        for match in _SNAPSHOT.finditer(text):
            if match["name"] is not None:
                fqn = (reading.package, *file.folders, file.file.stem, match["name"])
                said = reading.said("snapshot", match["name"])
                yield _snapshot(
                    reading, file, match["body"], fqn, said, "\n" * text.count("\n", 0, match.start("body"))
                )
    for (kind, name), said in reading.properties.items():
        if kind == "snapshot" and said.relation is not None:
            reading.used.add((kind, name))
            file = yaml_file(reading, said.place)
            raw = f"select * from {{{{ {said.relation} }}}}"
            yield _snapshot(reading, file, raw, (reading.package, *file.folders, name), said, "")


def yaml_file(reading: Reading, place: Place) -> File:
    """The YAML file at a place, with the folders that count for `fqn`."""
    path = place.path.removeprefix(reading.project.prefix)
    return File(reading.project.root / path, place.path, path, tuple(path.split("/")[1:-1]))


def _snapshot(
    reading: Reading, file: File, raw: str, fqn: tuple[str, ...], said: Properties | None, above: str
) -> Draft:
    name = fqn[-1]
    own = said.config if said else {}
    node = node_names("snapshot", name, fqn, reading.configured("snapshots", fqn, own), file.path)
    facts = reading.recorded(file, above + raw, node, f":{name}")
    config = resolve_config(
        {"enabled": True, "materialized": "snapshot"}, reading.configured("snapshots", fqn, own, facts.config)
    )
    place = said.place if said is not None and said.relation is not None else Place(file.shown)
    facts = reading.with_hooks(file, facts, config, node)
    snapshot = Snapshot(
        unique_id=str(node["unique_id"]),
        name=name,
        package=reading.package,
        place=place,
        path=file.path,
        fqn=fqn,
        tags=words(config.get("tags")),
        meta=config.get("meta") or {},
        config=config,
        unrendered=reading.written("snapshots", fqn, said.unrendered if said else {}, facts.config),
        checksum=checksum(file.text()),
        raw=raw,
        table=place_table(reading, {**node, "config": config}, config),
        **said_of(reading, said),
        **facts_of(facts),
    )
    draft = Draft(snapshot, facts, above + raw)
    if draft.enabled:
        _complete(name, config, place)
    return draft


def _complete(name: str, config: Mapping[str, Any], place: Place) -> None:
    strategy = config.get("strategy")
    needed = {"timestamp": "updated_at", "check": "check_cols"}.get(str(strategy))
    missing = next((key for key in ("strategy", "unique_key", needed) if key and not config.get(key)), None)
    if missing is not None:
        hint = "strategies: timestamp, with updated_at; check, with check_cols"
        raise ConfigInvalid(f"the snapshot {name!r} needs {missing!r}", where=place, hint=hint)


def read_analyses(reading: Reading) -> Iterator[Draft]:
    """The queries of a package that are compiled and never run."""
    for file in reading.files(reading.project.paths.analyses, ".sql"):
        name, raw = file.file.stem, file.text()
        said = reading.said("analysis", name)
        fqn = (reading.package, "analysis", *file.folders, name)
        own = said.config if said else {}
        node = node_names("analysis", name, fqn, reading.configured("models", fqn, own), file.path)
        facts = reading.recorded(file, raw, node)
        config = reading.configured("models", fqn, own, facts.config)
        analysis = Analysis(
            unique_id=str(node["unique_id"]),
            name=name,
            package=reading.package,
            place=Place(file.shown),
            path=file.path,
            fqn=fqn,
            tags=words(config.get("tags")),
            meta=config.get("meta") or {},
            config={"enabled": True, "materialized": "view", **config},
            checksum=checksum(raw),
            raw=raw,
            **said_of(reading, said),
            **facts_of(facts),
        )
        yield Draft(analysis, facts, raw)


def read_singular_tests(reading: Reading) -> Iterator[Draft]:
    """The queries in the test folders, except those that define generic tests."""
    for file in reading.files(reading.project.paths.tests, ".sql"):
        if file.folders[:1] in (("generic",), ("fixtures",)):
            continue
        name, raw = file.file.stem, file.text()
        said = reading.said("test", name)
        fqn = (reading.package, *file.folders, name)
        own = said.config if said else {}
        node = node_names("test", name, fqn, reading.configured("data_tests", fqn, own), file.path)
        facts = reading.recorded(file, raw, node)
        config = reading.configured("data_tests", fqn, own, facts.config)
        test = DataTest(
            unique_id=str(node["unique_id"]),
            name=name,
            package=reading.package,
            place=Place(file.shown),
            path=file.path,
            fqn=fqn,
            tags=words(config.get("tags")),
            meta=config.get("meta") or {},
            config={**TEST_DEFAULTS, **config},
            unrendered=reading.written("data_tests", fqn, said.unrendered if said else {}, facts.config),
            checksum=checksum(raw),
            raw=raw,
            failures=failures_table(reading, node, {"alias": name, **config}),
            **judged_by(config, Place(file.shown)),
            **said_of(reading, said),
            **facts_of(facts),
        )
        yield Draft(test, facts, raw)


def judged_by(config: Mapping[str, Any], place: Place) -> dict[str, Any]:
    """How a test is judged, from its config. Raises ConfigInvalid."""
    severity = str(config.get("severity") or "error").lower()
    if severity not in ("error", "warn"):
        hint = did_you_mean(severity, ("error", "warn"))
        raise ConfigInvalid(f"severity {severity!r} is neither error nor warn", where=place, hint=hint)
    limit = config.get("limit")
    return {
        "severity": severity,
        "warn_if": str(config.get("warn_if") or "!= 0"),
        "error_if": str(config.get("error_if") or "!= 0"),
        "fail_calc": str(config.get("fail_calc") or "count(*)"),
        "where": None if config.get("where") is None else str(config["where"]),
        "limit": None if limit is None else int(limit),
    }
