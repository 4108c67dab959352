"""Snapshots over five runs, against the rows that dbt-core 1.11.16 with dbt-duckdb 1.11.1 made of the same states."""

import datetime as dt
import json
from pathlib import Path

import pytest

from headrace.errors import ConfigInvalid, Place, SchemaFrozen
from headrace.project.nodes import Snapshot
from headrace.table import Table
from headrace.transform.compile import compile_node
from headrace.transform.snapshot import build_snapshot

MADE_BY_DBT = json.loads((Path(__file__).parent / "snapshots.json").read_text())
STATES = {
    1: [(1, "a", "ann", "2026-01-01"), (2, "a", "bob", "2026-01-01"), (3, "b", "cid", "2026-01-01")],
    2: [(1, "a", "anna", "2026-01-02"), (2, "a", "bob", "2026-01-01"), (4, "b", "dan", "2026-01-02")],
    3: [(1, "a", "anna", "2026-01-02"), (2, "a", "bobby", "2026-01-01"), (3, "b", "cid", "2026-01-03")],
    4: [
        (1, "a", "anna", "2026-01-02", "Rome"),
        (2, "a", "bobby", "2026-01-04", "Oslo"),
        (3, "b", "cid", "2026-01-03", None),
        (4, "b", "dan", "2026-01-02", "Bonn"),
    ],
}
STATES[5] = STATES[4]
"""A row changes, goes and comes back; one changes without its time; a column is added; and nothing happens."""

END = "cast('9999-12-31' as timestamp)"
OWN_NAMES = {
    "dbt_valid_from": "since",
    "dbt_valid_to": "until",
    "dbt_scd_id": "version",
    "dbt_updated_at": "stamp",
    "dbt_is_deleted": "gone",
}
BY_TIME = {"strategy": "timestamp", "unique_key": "id", "updated_at": "changed"}
CONFIGS = {
    "s_ts": BY_TIME,
    "s_ts_inv": {**BY_TIME, "hard_deletes": "invalidate"},
    "s_ts_new": {**BY_TIME, "hard_deletes": "new_record"},
    "s_chk": {"strategy": "check", "unique_key": "id", "check_cols": ["name"]},
    "s_chk_all": {"strategy": "check", "unique_key": "id", "check_cols": "all", "hard_deletes": "new_record"},
    "s_chk_inv": {
        "strategy": "check", "unique_key": "id", "check_cols": ["name", "kind"], "updated_at": "changed", "invalidate_hard_deletes": True,
    },
    "s_multi": {**BY_TIME, "unique_key": ["id", "kind"], "hard_deletes": "invalidate"},
    "s_cur": {**BY_TIME, "hard_deletes": "new_record", "dbt_valid_to_current": END, "snapshot_meta_column_names": OWN_NAMES},
    "s_cur_inv": {**BY_TIME, "hard_deletes": "invalidate", "dbt_valid_to_current": END},
    "s_expr": {"strategy": "check", "unique_key": "id || '-' || kind", "check_cols": "all", "updated_at": "changed"},
}  # fmt: skip
IDS = ("dbt_scd_id", "version")


def query(state):
    kinds = ("integer", "varchar", "varchar", "timestamp", "varchar")
    names = ("id", "kind", "name", "changed", "city")
    return "\nunion all\n".join(
        "select "
        + ", ".join(
            f"cast({'null' if value is None else repr(value)} as {kind}) as {name}"
            for value, kind, name in zip(row, kinds, names, strict=False)
        )
        for row in STATES[state]
    )


def a_snapshot(name, raw, **config):
    return Snapshot(
        unique_id=f"snapshot.shop.{name}", name=name, package="shop", place=Place(f"snapshots/{name}.sql"), fqn=("shop", name),
        raw=raw, table=Table("mart", name), config=config,
    )  # fmt: skip


def snap(mill, node):
    mill.add(node)
    with mill.connection.transaction():
        known = mill.known()
        return build_snapshot(
            mill.connection, node, compile_node(node, mill.runtime, mill.connection, known), relations=known
        )


def told(columns, rows):
    """Rows without what differs from run to run: times of a run become their rank, and ids made of them are dropped."""
    rows = [[value.isoformat() if isinstance(value, dt.datetime) else value for value in row] for row in rows]
    ran = sorted(
        {value for row in rows for value in row if isinstance(value, str) and value[:4] == "2026" and value > "2026-02"}
    )
    by_time = not any(
        row[columns.index(one)] in ran for row in rows for one in ("dbt_updated_at", "stamp") if one in columns
    )
    kept = [at for at, column in enumerate(columns) if by_time or column not in IDS]
    shown = [[f"run {ran.index(row[at])}" if row[at] in ran else row[at] for at in kept] for row in rows]
    return [columns[at] for at in kept], sorted(shown, key=repr)


@pytest.mark.parametrize("name", CONFIGS)
def test_every_version_is_kept_as_dbt_keeps_it(mill, name):
    for state in STATES:
        snap(mill, a_snapshot(name, query(state), **CONFIGS[name]))

        columns = [column.name for column in mill.known()[Table("mart", name)].schema]
        made = told(columns, mill.connection.rows(f"select * from mart.{name}"))
        by_dbt = MADE_BY_DBT[name][state - 1]
        assert made == told(by_dbt["columns"], by_dbt["rows"]), f"after state {state}"


def test_a_snapshot_that_marks_deletions_needs_the_column_for_it(mill):
    snap(mill, a_snapshot("s", query(1), **BY_TIME))

    with pytest.raises(SchemaFrozen, match="dbt_is_deleted"):
        snap(mill, a_snapshot("s", query(2), **BY_TIME, hard_deletes="new_record"))


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"strategy": "timestamp", "updated_at": "changed"}, "unique_key"),
        ({"strategy": "timestamp", "unique_key": "id"}, "updated_at"),
        ({"strategy": "check", "unique_key": "id"}, "check_cols"),
        ({"strategy": "chek", "unique_key": "id"}, "chek"),
        ({**BY_TIME, "hard_deletes": "forget"}, "forget"),
        ({**BY_TIME, "hard_deletes": "ignore", "invalidate_hard_deletes": True}, "both"),
        ({**BY_TIME, "snapshot_meta_column_names": {"valid_to": "x"}}, "valid_to"),
    ],
)
def test_a_config_that_makes_no_snapshot_is_refused(mill, config, said):
    with pytest.raises(ConfigInvalid, match=said):
        snap(mill, a_snapshot("s", query(1), **config))


def test_a_snapshot_never_takes_the_place_of_a_view(mill):
    mill.connection.execute("create view mart.s as select 1 as id")

    with pytest.raises(SchemaFrozen, match="view"):
        snap(mill, a_snapshot("s", query(1), **BY_TIME))
