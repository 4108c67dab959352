"""Projects on disk, run as the command line runs them, on both engines."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from headrace.events import StepFinished, listening
from headrace.project.loading import load_settings
from headrace.project.manifest import load_manifest
from headrace.run.execute import Options, execute
from headrace.run.plan import make_plan
from headrace.warehouse.opening import open_warehouse

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class Works:
    """A project folder, its warehouse, and what the last run said."""

    root: Path
    url: str
    engine: str
    said: list = field(default_factory=list)

    def write(self, **files):
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def load(self, **vars_):
        return load_manifest(load_settings(self.root, environ={}, vars=vars_))

    def run(self, verbs=None, select=None, options=None, **vars_):
        """Build what is selected by name; the status of each step by the last word of its id."""
        manifest = self.load(**vars_)
        wanted = [key for key, node in manifest.nodes.items() if select is None or node.name in select]
        self.said.clear()
        with listening(self.said.append):
            execute(
                manifest, make_plan(manifest, wanted, verbs), command="build", options=options or Options(threads=1)
            )
        return {one.step: one.status for one in self.said if isinstance(one, StepFinished)}

    def why(self, step):
        return next(one for one in self.said if isinstance(one, StepFinished) and one.step == step)

    def sql(self, statement):
        with open_warehouse(self.url).connect() as connection:
            return connection.rows(statement)

    def do(self, statement):
        with open_warehouse(self.url).connect() as connection:
            connection.execute(statement)


HEADRACE = """name: shop
publish: always
seed_types: dbt
targets: {{dev: {{url: "{url}", schema: main}}}}
"""
"""A project that behaves as a dbt project does, on any engine."""


@pytest.fixture(params=["duckdb", "postgres"])
def works(request, tmp_path):
    url = f"duckdb:///{tmp_path}/w.duckdb" if request.param == "duckdb" else request.getfixturevalue("postgres_url")
    made = Works(tmp_path, url, request.param)
    made.write(**{"headrace.yml": HEADRACE.format(url=url)})
    return made
