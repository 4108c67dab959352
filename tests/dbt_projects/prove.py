"""Ask dbt itself: `python prove.py DBT [PROJECT…]` runs each project of `own/` with that dbt on DuckDB and writes its `expected.json`.

It needs dbt-core 1.11 and dbt-duckdb in an environment of their own, and is no part of the tests, which compare with what it wrote.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent


def _tools() -> object:
    spec = importlib.util.spec_from_file_location("corpus_tools", HERE / "conftest.py")
    tools = importlib.util.module_from_spec(spec)
    sys.modules["corpus_tools"] = tools
    spec.loader.exec_module(tools)
    return tools


def prove(dbt: str, project: Path) -> None:
    """Run the project's commands by dbt and keep what came of them."""
    tools = _tools()
    corpus = tools.Corpus()
    case = json.loads((project / "case.json").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "corpus.duckdb"
        copy = corpus.place(project, Path(folder), corpus.duckdb_profile("corpus", database))
        statuses: dict[str, str] = {}
        for command in case["commands"]:
            words = [dbt, "--no-use-colors", *tools.split(command), "--profiles-dir", "."]
            environ = {**os.environ, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
            results = copy / "target" / "run_results.json"
            results.unlink(missing_ok=True)
            ran = subprocess.run(words, cwd=copy, env=environ, capture_output=True, text=True, check=False)
            if not results.exists():
                raise SystemExit(f"{project.name}: dbt did not start\n{ran.stdout[-3000:]}{ran.stderr[-2000:]}")
            done = json.loads(results.read_text(encoding="utf-8"))["results"]
            statuses |= {one["unique_id"]: one["status"] for one in done}
            for one in done:
                if one["status"] in ("error", "fail", "runtime error"):
                    sys.stdout.write(f"  {one['unique_id']} {one['status']}: {str(one['message'])[:200]!r}\n")
        relations = corpus.masked(corpus.duckdb_relations(database), case.get("volatile", {}))
    written = {"statuses": dict(sorted(statuses.items())), "relations": relations}
    (project / "expected.json").write_text(dumped(written), encoding="utf-8")
    sys.stdout.write(f"{project.name}: {len(statuses)} nodes, {len(relations)} relations\n")


def dumped(written: dict[str, dict]) -> str:
    """The expectation as JSON that can be read: a line for each node, column and row."""
    lines = ['{"statuses": {']
    lines += [_lines(written["statuses"], "  "), '}, "relations": {']
    parts = []
    for name, said in written["relations"].items():
        columns = ", ".join(f"{json.dumps(key)}: {json.dumps(kind)}" for key, kind in said["columns"].items())
        rows = ",\n".join(f"    {json.dumps(row, ensure_ascii=False)}" for row in said["rows"])
        parts.append(
            f'  {json.dumps(name)}: {{"kind": "{said["kind"]}", "columns": {{{columns}}}, "rows": [\n{rows}\n  ]}}'
        )
    return "\n".join([*lines, ",\n".join(parts), "}}"]) + "\n"


def _lines(mapping: dict[str, str], indent: str) -> str:
    return ",\n".join(f"{indent}{json.dumps(key)}: {json.dumps(value)}" for key, value in mapping.items())


if __name__ == "__main__":
    chosen = sys.argv[2:] or sorted(path.name for path in (HERE / "own").iterdir())
    for one in chosen:
        prove(sys.argv[1], HERE / "own" / one)
