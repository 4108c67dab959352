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
    outcome = tools.Outcome()
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "corpus.duckdb"
        copy = corpus.place(project, Path(folder), corpus.duckdb_profile("corpus", database, more=case.get("profile")))
        for command in case["commands"]:
            corpus.forget(copy)
            ran = _asked(dbt, tools.split(command), copy, case.get("env", {}))
            if not outcome.note(command, copy / "target", ran.stdout):
                raise SystemExit(f"{project.name}: dbt did not start\n{ran.stdout[-3000:]}{ran.stderr[-2000:]}")
        for one, message in outcome.messages.items():
            sys.stdout.write(f"  {one} {outcome.statuses[one]}: {message[-400:]!r}\n")
        relations = corpus.masked(corpus.duckdb_relations(database, copy), case.get("volatile", {}))
        files = corpus.ran(copy, case.get("volatile", {}))
    written = {
        "statuses": outcome.agreed(case.get("one_of", ())),
        "batches": outcome.batches,
        "listed": outcome.listed,
        "ran": files,
        "relations": relations,
    }
    (project / "expected.json").write_text(dumped(written), encoding="utf-8")
    sys.stdout.write(f"{project.name}: {len(outcome.statuses)} nodes, {len(relations)} relations\n")


def _asked(dbt: str, words: list[str], project: Path, more: dict[str, str]) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false", **more}
    quiet = ["--quiet"] if words[0] in ("ls", "list") else []
    command = [dbt, "--no-use-colors", *quiet, *words, "--profiles-dir", "."]
    return subprocess.run(command, cwd=project, env=environ, capture_output=True, text=True, check=False)


def dumped(written: dict[str, dict]) -> str:
    """The expectation as JSON that can be read: a line for each node, column and row."""
    lines = ['{"statuses": {', _lines(written["statuses"], "  "), "},"]
    lines += [f"{json.dumps(key)}: {_listed(written[key])}," for key in ("batches", "listed", "ran")]
    lines.append('"relations": {')
    parts = []
    for name, said in written["relations"].items():
        columns = ", ".join(f"{json.dumps(key)}: {json.dumps(kind)}" for key, kind in said["columns"].items())
        rows = ",\n".join(f"    {json.dumps(row, ensure_ascii=False)}" for row in said["rows"])
        parts.append(
            f'  {json.dumps(name)}: {{"kind": "{said["kind"]}", "columns": {{{columns}}}, "rows": [\n{rows}\n  ]}}'
        )
    return "\n".join([*lines, ",\n".join(parts), "}}"]) + "\n"


def _listed(values: list) -> str:
    return "[\n" + ",\n".join(f"  {json.dumps(value)}" for value in values) + "\n]" if values else "[]"


def _lines(mapping: dict[str, str], indent: str) -> str:
    return ",\n".join(f"{indent}{json.dumps(key)}: {json.dumps(value)}" for key, value in mapping.items())


if __name__ == "__main__":
    chosen = sys.argv[2:] or sorted(path.name for path in (HERE / "own").iterdir())
    for one in chosen:
        prove(sys.argv[1], HERE / "own" / one)
