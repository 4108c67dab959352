"""Have other tools read a project's manifest.json, and say what they see of it.

Each tool wants an environment of its own:

    uv run --isolated --no-project --with astronomer-cosmos --with 'apache-airflow==2.11.*' scripts/other_tools.py cosmos PROJECT
    uv run --isolated --no-project --with dagster-dbt --with dbt-duckdb scripts/other_tools.py dagster PROJECT
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path


def cosmos(project: Path) -> list[str]:
    """The ids of the nodes that astronomer-cosmos makes tasks of."""
    os.environ.setdefault("AIRFLOW_HOME", tempfile.mkdtemp())
    from cosmos.config import ExecutionConfig, ProfileConfig, ProjectConfig, RenderConfig
    from cosmos.constants import LoadMode
    from cosmos.dbt.graph import DbtGraph

    manifest = project / "target" / "manifest.json"
    name = json.loads(manifest.read_text())["metadata"]["project_name"]
    graph = DbtGraph(
        project=ProjectConfig(manifest_path=manifest, project_name=name),
        render_config=RenderConfig(load_method=LoadMode.DBT_MANIFEST),
        execution_config=ExecutionConfig(dbt_project_path=project),
        profile_config=ProfileConfig(
            profile_name=name, target_name="dev", profiles_yml_filepath=project / "profiles.yml"
        ),
    )
    graph.load(method=LoadMode.DBT_MANIFEST)
    return sorted(graph.filtered_nodes)


def dagster(project: Path) -> list[str]:
    """The assets and asset checks that dagster-dbt makes."""
    from dagster_dbt import dbt_assets

    @dbt_assets(manifest=project / "target" / "manifest.json")
    def assets(_: object) -> None: ...

    names = [f"{key.to_user_string()} <- {len(needs)}" for key, needs in assets.asset_deps.items()]
    return sorted([*names, *(f"check {check.name}" for check in assets.check_specs)])


if __name__ == "__main__":
    tool, folder = sys.argv[1:]
    for line in {"cosmos": cosmos, "dagster": dagster}[tool](Path(folder).resolve()):
        print(line)
