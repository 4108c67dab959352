import pytest

from headrace.errors import ConfigInvalid, ContractBroken, KeyMissing, SchemaFrozen, StatementFailed
from headrace.events import ModelBuilt, TablePublished, listening


def columns(mill, table="m"):
    found = mill.connection.rows(
        "select column_name from information_schema.columns where table_schema = 'mart' and table_name = ? order by ordinal_position",
        (table,),
    )
    return [name for (name,) in found]


def source(mill, *rows, columns="id integer, val varchar"):
    mill.connection.execute("drop table if exists mart.src")
    mill.connection.execute(f"create table mart.src ({columns})")
    for row in rows:
        values = ", ".join("null" if value is None else repr(value) for value in row)
        mill.connection.execute(f"insert into mart.src values ({values})")


def kinds(mill):
    return {table.name: held.kind for table, held in mill.known().items()}


def test_a_table_is_built_beside_its_name_and_then_takes_it(mill, model):
    seen = []

    with listening(seen.append):
        built = mill.run(model("m", "select 1 as a union all select 2"))

    assert built.rows == 2
    assert mill.rows() == [(1,), (2,)]
    assert kinds(mill) == {"m": "table"}
    assert seen == [ModelBuilt("model.shop.m", "mart.m", 2), TablePublished("model.shop.m", "mart.m")]


@pytest.mark.parametrize("materialized", ["table", "view"])
def test_building_twice_is_building_once(mill, model, materialized):
    for _ in range(2):
        mill.run(model("m", "select 1 as a", materialized))

    assert mill.rows() == [(1,)]
    assert kinds(mill) == {"m": materialized}


@pytest.mark.parametrize(("first", "second"), [("table", "view"), ("view", "table"), ("view", "incremental")])
def test_a_model_may_change_how_it_is_materialised(mill, model, first, second):
    mill.run(model("m", "select 1 as a", first))

    mill.run(model("m", "select 2 as b", second))

    assert mill.rows() == [(2,)]
    assert kinds(mill)["m"] == ("view" if second == "view" else "table")


@pytest.mark.parametrize("materialized", ["table", "view"])
def test_a_view_over_a_model_outlives_the_model_s_rebuilding(mill, model, materialized):
    mill.run(model("m", "select 1 as a", materialized))
    mill.run(model("over", "select a + 1 as b from {{ ref('m') }}", "view"))

    mill.run(model("m", "select 5 as a, 'new' as c", materialized))

    assert mill.rows("mart.over") == [(6,)]


def test_a_failed_audit_leaves_what_readers_had(mill, model):
    mill.run(model("m", "select 1 as a"))

    def audit(built):
        assert mill.connection.rows(f'select a from mart."{built.table.name}"') == [(2,)]
        raise ArithmeticError

    with pytest.raises(ArithmeticError):
        mill.run(model("m", "select 2 as a"), audit)

    assert mill.rows() == [(1,)]
    assert kinds(mill) == {"m": "table"}


def test_a_failed_audit_undoes_an_increment(mill, model):
    raw = "select 1 as a {% if is_incremental() %} union all select 2 {% endif %}"
    mill.run(model("m", raw, "incremental"))

    with pytest.raises(ZeroDivisionError):
        mill.run(model("m", raw, "incremental"), lambda _: 1 / 0)

    assert mill.rows() == [(1,)]


def test_an_ephemeral_model_builds_nothing(mill, model):
    built = mill.run(model("m", "select 1 as a", "ephemeral"))

    assert built.table is None
    assert kinds(mill) == {}


INCREMENTAL = "select * from mart.src {% if is_incremental() %} where id > (select max(id) from {{ this }}) {% endif %}"


def test_an_incremental_model_without_a_key_appends_what_is_new(mill, model):
    source(mill, (1, "a"), (2, "b"))
    mill.run(model("m", INCREMENTAL, "incremental"))
    source(mill, (1, "a"), (2, "b"), (3, "c"))

    for _ in range(2):
        mill.run(model("m", INCREMENTAL, "incremental"))

    assert mill.rows() == [(1, "a"), (2, "b"), (3, "c")]


@pytest.mark.parametrize("strategy", [None, "delete+insert", "merge"])
def test_a_key_replaces_rows_that_come_again(mill, model, strategy):
    again = model("m", "select * from mart.src", "incremental", unique_key="id", incremental_strategy=strategy)
    source(mill, (1, "a"), (2, "b"))
    mill.run(again)
    source(mill, (2, "B"), (3, "c"))

    for _ in range(2):
        mill.run(again)

    assert mill.rows() == [(1, "a"), (2, "B"), (3, "c")]


@pytest.mark.parametrize("strategy", ["delete+insert", "merge"])
def test_a_key_may_have_several_columns(mill, model, strategy):
    again = model("m", "select * from mart.src", "incremental", unique_key=["id", "val"], incremental_strategy=strategy)
    wide = "id integer, val varchar, n integer"
    source(mill, (1, "a", 1), (1, "b", 2), columns=wide)
    mill.run(again)
    source(mill, (1, "b", 20), (2, "b", 3), columns=wide)

    mill.run(again)

    assert mill.rows(order="1, 2") == [(1, "a", 1), (1, "b", 20), (2, "b", 3)]


@pytest.mark.parametrize(
    ("config", "expected"),
    [({"merge_update_columns": ["n"]}, (1, "a", 9)), ({"merge_exclude_columns": ["n"]}, (1, "z", 1))],
)
def test_a_merge_may_update_only_some_columns(mill, model, config, expected):
    again = model("m", "select * from mart.src", "incremental", unique_key="id", incremental_strategy="merge", **config)
    wide = "id integer, val varchar, n integer"
    source(mill, (1, "a", 1), columns=wide)
    mill.run(again)
    source(mill, (1, "z", 9), columns=wide)

    mill.run(again)

    assert mill.rows() == [expected]


def test_predicates_keep_rows_of_the_target_from_being_matched(mill, model):
    again = model(
        "m", "select * from mart.src", "incremental",
        unique_key="id", incremental_predicates=["DBT_INTERNAL_DEST.val <> 'keep'"],
    )  # fmt: skip
    source(mill, (1, "keep"), (2, "b"))
    mill.run(again)
    source(mill, (1, "new"), (2, "new"))

    mill.run(again)

    assert mill.rows(order="1, 2") == [(1, "keep"), (1, "new"), (2, "new")]


def test_a_full_refresh_builds_the_table_anew(mill, model):
    source(mill, (1, "a"), (2, "b"))
    mill.run(model("m", INCREMENTAL, "incremental"))
    source(mill, (1, "z"))
    mill.flags = {"FULL_REFRESH": True}

    mill.run(model("m", INCREMENTAL, "incremental"))

    assert mill.rows() == [(1, "z")]


def test_a_model_that_refuses_full_refresh_is_left_as_it_is(mill, model):
    source(mill, (1, "a"))
    mill.run(model("m", INCREMENTAL, "incremental", full_refresh=False))
    source(mill, (1, "z"))
    mill.flags = {"FULL_REFRESH": True}

    mill.run(model("m", INCREMENTAL, "incremental", full_refresh=False))

    assert mill.rows() == [(1, "a")]


OLD = "select 1 as id, 'a' as val, 1 as gone"
NEW = "select 2 as id, 'b' as val, 0.5 as extra"


@pytest.mark.parametrize(
    ("answer", "names", "rows"),
    [
        ("append_new_columns", ["id", "val", "gone", "extra"], [(1, "a", 1, None), (2, "b", None, 0.5)]),
        ("sync_all_columns", ["id", "val", "extra"], [(1, "a", None), (2, "b", 0.5)]),
    ],
)
def test_columns_that_change_are_answered_as_the_model_says(mill, model, answer, names, rows):
    mill.run(model("m", OLD, "incremental", on_schema_change=answer))

    mill.run(model("m", NEW, "incremental", on_schema_change=answer))

    assert columns(mill) == names
    assert [
        tuple(float(v) if n == "extra" and v else v for n, v in zip(names, row, strict=True)) for row in mill.rows()
    ] == rows


def test_columns_that_change_are_ignored_where_nothing_is_said(mill, model):
    mill.run(model("m", "select 1 as id, 'a' as val", "incremental"))

    mill.run(model("m", "select 'b' as val, 2 as id, 7 as extra", "incremental"))

    assert columns(mill) == ["id", "val"]
    assert mill.rows() == [(1, "a"), (2, "b")]


def test_a_model_may_refuse_that_its_columns_change(mill, model):
    mill.run(model("m", OLD, "incremental", on_schema_change="fail"))

    with pytest.raises(SchemaFrozen, match=r"extra is new, gone is gone"):
        mill.run(model("m", NEW, "incremental", on_schema_change="fail"))

    assert mill.rows() == [(1, "a", 1)]


def test_syncing_columns_changes_types_too(mill, model):
    mill.run(model("m", "select 1 as id", "incremental", on_schema_change="sync_all_columns"))

    mill.run(model("m", "select 'two' as id", "incremental", on_schema_change="sync_all_columns"))

    assert mill.rows() == [("1",), ("two",)]


def test_a_misspelt_strategy_or_key_is_an_error(mill, model):
    mill.run(model("m", "select 1 as id", "incremental"))

    with pytest.raises(ConfigInvalid) as strategy:
        mill.run(model("m", "select 1 as id", "incremental", incremental_strategy="merg"))
    with pytest.raises(KeyMissing) as key:
        mill.run(model("m", "select 1 as id", "incremental", unique_key="idd"))

    assert strategy.value.hint == "did you mean 'merge'?"
    assert key.value.hint == "did you mean 'id'?"


def test_hooks_run_before_the_query_and_after_the_table_has_its_name(mill, model):
    mill.connection.execute("create table mart.log (word varchar)")

    mill.run(
        model(
            "m", "select count(*) as n from mart.log", "table",
            pre_hook=["insert into mart.log values ('before')", "{% if false %}nothing{% endif %}"],
            post_hook={"sql": "insert into mart.log select 'after ' || n from {{ this }}", "transaction": True},
        )
    )  # fmt: skip

    assert mill.rows("mart.log") == [("after 1",), ("before",)]


def test_a_description_becomes_the_comment_where_it_is_to_be_kept(mill, model):
    mill.run(
        model(
            "m", "select 1 as a", "view",
            description="what it's for", columns={"a": "one"}, persist_docs={"relation": True, "columns": True},
        )
    )  # fmt: skip

    if mill.connection.capabilities.dialect == "duckdb":
        assert mill.connection.rows("select comment from duckdb_views() where view_name = 'm'") == [("what it's for",)]
    else:
        found = mill.connection.rows(
            "select obj_description('mart.m'::regclass), col_description('mart.m'::regclass, 1)"
        )
        assert found == [("what it's for", "one")]


def test_an_enforced_contract_puts_columns_in_order_and_checks_them(mill, model):
    agreed = {
        "contract": {"enforced": True},
        "columns": {"a": "", "b": ""},
        "types": {"a": "int", "b": "varchar"},
    }

    mill.run(model("m", "select 'x' as b, 1 as a", "table", **agreed))

    assert mill.rows() == [(1, "x")]
    with pytest.raises(ContractBroken, match="'b' is missing; 'c' is not in the contract"):
        mill.run(model("m", "select 1 as a, 2 as c", "table", **agreed))
    with pytest.raises(ContractBroken, match="'a' is"):
        mill.run(model("m", "select 'one' as a, 'x' as b", "table", **agreed))


def test_an_error_points_at_the_line_on_every_engine(mill, model):
    with pytest.raises(StatementFailed) as caught:
        mill.run(model("m", "{{ config() }}\nselect 1 as a,\n  nope as b\n"))

    assert str(caught.value.where) == "models/m.sql:3:3"
