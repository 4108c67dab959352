from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from headrace.errors import ConfigInvalid, NotSupported, SecretMissing, TargetUnknown
from headrace.events import Event, Warned, listening
from headrace.project.loading import load_settings
from headrace.project.secrets import Secret, read_env, redact
from headrace.project.streams import load_streams

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Write = Callable[[dict[str, str]], Path]

SHOP = """
name: shop
targets:
  dev: duckdb:///shop.duckdb
  prod: {url: 'postgresql://etl:${PG_PASSWORD}@${PG_HOST:-localhost}/dw', schema: marts, threads: 8}
sources:
  api:
    type: rest
    client: {base_url: https://api.shop.example/v1, auth: {type: bearer, token: secret:shop_token}}
    defaults: {primary_key: id, write_disposition: merge}
    streams:
      orders: {path: orders, incremental: updated_at}
      stores: {path: stores, primary_key: [a, b]}
  ref: {type: files, path: data/*.csv}
"""


def test_the_first_target_is_the_default_and_its_file_is_in_the_project(write: Write):
    root = write({"headrace.yml": SHOP, ".env": "SHOP_TOKEN=from-file\n"})

    settings = load_settings(root, environ={})

    assert settings.target.url == f"duckdb:///{root.as_posix()}/shop.duckdb"
    assert (settings.target.name, settings.target.schema, settings.target.dialect) == ("dev", "main", "duckdb")
    assert settings.targets == ("dev", "prod")


def test_only_the_secrets_of_the_chosen_target_are_needed(write: Write):
    root = write({"headrace.yml": SHOP, ".env": "SHOP_TOKEN=from-file\n"})

    with pytest.raises(SecretMissing, match="PG_PASSWORD") as caught:
        load_settings(root, "prod", environ={})
    settings = load_settings(root, "prod", environ={"PG_PASSWORD": "pa55word"})

    assert str(caught.value.where) == "headrace.yml:5:15"
    assert settings.target.url == "postgresql://etl:pa55word@localhost/dw"
    assert (settings.target.schema, settings.target.threads, settings.target.database) == ("marts", 8, "dw")
    assert "pa55word" not in repr(settings)


def test_a_target_that_is_not_there_is_named_with_the_nearest(write: Write):
    root = write({"headrace.yml": SHOP})

    with pytest.raises(TargetUnknown) as caught:
        load_settings(root, "prd", environ={})

    assert caught.value.hint == "did you mean 'prod'?"


def test_streams_share_the_defaults_of_their_source_and_files_are_streams(write: Write):
    root = write(
        {"headrace.yml": SHOP, "data/a.csv": "id\n", "data/b.csv": "id\n", ".env": "export SHOP_TOKEN='t0ken'"}
    )

    streams = {stream.label: stream for stream in load_settings(root, environ={}).streams}

    assert list(streams) == ["api.orders", "api.stores", "ref.a", "ref.b"]
    assert streams["api.orders"].spec.primary_key == ("id",)
    assert streams["api.stores"].spec.primary_key == ("a", "b")
    assert streams["api.orders"].spec.incremental is not None
    assert streams["api.orders"].client.auth.token == "t0ken"
    assert streams["ref.b"].spec.path == "data/b.csv"


def test_each_file_in_sources_is_a_source(write: Write):
    root = write({"sources/crm.yml": "type: files\nstreams: {leads: {path: leads.csv}}\n"})

    assert [stream.label for stream in load_settings(root, environ={}).streams] == ["crm.leads"]


def test_a_dbt_project_needs_no_file_of_ours(write: Write, tmp_path: Path):
    write(
        {
            "dbt_project.yml": "name: jaffle\nprofile: p\nmodel-paths: [m]\nmodels:\n  jaffle:\n"
            "    +materialized: \"{{ 'table' if target.name == 'dev' else 'view' }}\"\n    +enabled: \"{{ env_var('ON', 'true') | as_bool }}\"\n",
            "profiles.yml": "p:\n  target: dev\n  outputs:\n    dev: {type: duckdb, path: j.duckdb, threads: 3}\n    pg:\n"
            "      {type: postgres, host: h, user: u, password: \"{{ env_var('PW') }}\", port: 5433, dbname: d, schema: s}\n",
        }
    )
    (tmp_path / "headrace.yml").unlink()

    dev = load_settings(tmp_path, environ={})
    pg = load_settings(tmp_path, "pg", environ={"PW": "p@ss/word"})

    assert dev.trees.models == {"jaffle": {"+materialized": "table", "+enabled": True}}
    assert (dev.target.url, dev.target.threads) == (f"duckdb:///{tmp_path.resolve().as_posix()}/j.duckdb", 3)
    assert dev.paths.models == ("m",)
    assert pg.target.url == "postgresql://u:p%40ss%2Fword@h:5433/d"
    assert pg.trees.models["jaffle"]["+materialized"] == "view"


def test_without_a_profile_a_file_is_used_and_said(write: Write, tmp_path: Path):
    write({"dbt_project.yml": "name: jaffle\n"})
    (tmp_path / "headrace.yml").unlink()
    heard: list[Event] = []

    with listening(heard.append):
        settings = load_settings(tmp_path, environ={"HOME": "/nowhere"})

    assert settings.target.url.endswith("/jaffle.duckdb")
    assert [type(event) for event in heard] == [Warned]


def test_an_engine_that_is_not_there_is_refused(write: Write, tmp_path: Path):
    write({"dbt_project.yml": "name: j\n", "profiles.yml": "j: {target: a, outputs: {a: {type: snowflake}}}"})
    (tmp_path / "headrace.yml").unlink()

    with pytest.raises(NotSupported, match="snowflake"):
        load_settings(tmp_path, environ={})


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=b", "b"),
        ("export A=b", "b"),
        ("A='b # c'", "b # c"),
        ('A="b"', "b"),
        ("A=b # c", "b"),
        ("A = b ", "b"),
        ("A=", ""),
    ],
)
def test_a_line_of_an_env_file(tmp_path: Path, line: str, value: Any):
    (tmp_path / ".env").write_text(f"# comment\n{line}\n", encoding="utf-8")

    assert read_env(tmp_path / ".env") == {"A": value}


def test_a_secret_is_itself_where_it_is_used_and_hidden_where_it_is_shown():
    secret = Secret("swordfish-7")

    assert f"Bearer {secret}" == "Bearer swordfish-7"
    assert repr({"token": secret}) == "{'token': '***'}"
    assert redact("the server said: swordfish-7 is wrong") == "the server said: *** is wrong"


API = """
name: shop
targets: {dev: 'duckdb:///shop.duckdb'}
sources:
  api:
    type: rest
    client: {base_url: https://api.shop.example/v1}
    streams:
      orders: {path: orders, params: {token: secret:orders_token}}
      stores: {path: stores}
"""


def test_a_secret_is_needed_only_by_the_stream_that_is_loaded(write: Write):
    settings = load_settings(write({"headrace.yml": API}), environ={})

    orders, stores = settings.streams

    stores.ready()
    with pytest.raises(SecretMissing, match="orders_token") as caught:
        orders.ready()
    assert str(caught.value.where) == "headrace.yml:9:46"


def test_a_secret_of_the_client_is_needed_by_all_its_streams(write: Write):
    secret = API.replace("/v1}", "/v1, headers: {key: '${API_KEY}'}}")

    settings = load_settings(write({"headrace.yml": secret}), environ={"ORDERS_TOKEN": "t"})

    for stream in settings.streams:
        with pytest.raises(SecretMissing, match="API_KEY"):
            stream.ready()


def test_a_profile_says_how_postgres_is_reached(write: Write):
    profile = "shop: {target: d, outputs: {d: {type: postgres, host: h, user: u, dbname: b, sslmode: require, connect_timeout: 9}}}"
    files = {"dbt_project.yml": "name: shop\nprofile: shop\n", "profiles.yml": profile}
    root = write(files)
    (root / "headrace.yml").unlink()

    settings = load_settings(root, environ={})

    assert settings.target.url == "postgresql://u@h:5432/b?sslmode=require&connect_timeout=9"


def test_tables_of_a_database_are_streams(write: Write):
    write(
        {
            "sources/shop.yml": "type: database\nurl: postgresql://reader:${SHOP_PASSWORD}@db/shop\nschema: sales\nparallel: 3\n"
            "defaults: {tags: crm}\ntables: [customers, other.countries]\n"
            "streams:\n  plain:\n  customers: {included_columns: id}\n  totals: {query: SELECT 1 AS one, rows_per_batch: 10}\n"
        }
    )

    streams = {stream.name: stream for stream in load_streams(write({}), None, {"SHOP_PASSWORD": "hidden-word"})}

    assert {name: (stream.spec.table, stream.spec.query) for name, stream in streams.items()} == {
        "customers": ("customers", None),
        "countries": ("other.countries", None),
        "plain": (None, None),
        "totals": (None, "SELECT 1 AS one"),
    }
    assert streams["customers"].spec.included_columns == ("id",)
    assert {stream.spec.tags for stream in streams.values()} == {("crm",)}
    shared = streams["plain"].database
    assert (shared.schema_name, shared.parallel, shared.url) == ("sales", 3, "postgresql://reader:hidden-word@db/shop")
    assert "hidden" not in repr(streams["plain"])


def test_a_misspelt_key_of_a_database_is_named(write: Write):
    write({"sources/shop.yml": "type: database\nurl: sqlite:///a.db\nstreams: {a: {tabel: b}}\n"})

    with pytest.raises(ConfigInvalid, match="tabel") as refused:
        load_streams(write({}), None, {})

    assert refused.value.hint == "did you mean 'table'?"


@pytest.mark.parametrize(
    ("url", "part"),
    [
        ("postgresql://etl:pass@host:abc/dw", "port"),
        ("postgresql://etl:pa/ss@host:5432/dw", "port"),
        ("postgresql://etl:pass@host:70000/dw", "port"),
        ("postgresql://[::1/dw", "host"),
        ("postgresql://exa mple/dw", "host"),
        ("duckdb:///a\\0b.duckdb", "host"),
    ],
)
def test_a_target_whose_url_is_none_is_an_error_at_its_line_that_does_not_repeat_the_password(
    tmp_path: Path, url: str, part: str
):
    (tmp_path / "headrace.yml").write_text(f'name: shop\ntargets:\n  dev: "{url}"\n', encoding="utf-8")

    with pytest.raises(ConfigInvalid, match=part) as refused:
        load_settings(tmp_path, None, {})

    assert str(refused.value.where) == "headrace.yml:3:8"
    assert "pass" not in f"{refused.value.what} {refused.value.where and refused.value.where.text}" or "@" not in url
    assert refused.value.hint
    assert "%2F" in refused.value.hint


def test_settings_of_duckdb_stand_with_the_target(tmp_path: Path):
    said = (
        "name: shop\ntargets:\n  dev:\n    url: duckdb:///shop.duckdb\n    settings: {memory_limit: 1GB, threads: 1}\n"
    )
    (tmp_path / "headrace.yml").write_text(said, encoding="utf-8")

    setup = load_settings(tmp_path, None, {}).target.setup

    assert setup.settings == {"memory_limit": "1GB", "threads": 1}
    assert str(setup.place) == "headrace.yml:5:5"


def test_settings_of_duckdb_for_another_engine_are_an_error_at_their_line(tmp_path: Path):
    said = "name: shop\ntargets:\n  dev:\n    url: postgresql://db/shop\n    settings: {memory_limit: 1GB}\n"
    (tmp_path / "headrace.yml").write_text(said, encoding="utf-8")

    with pytest.raises(ConfigInvalid, match="of DuckDB") as refused:
        load_settings(tmp_path, None, {})

    assert str(refused.value.where) == "headrace.yml:5:5"


OUTPUT = "p: {{target: dev, outputs: {{dev: {{type: duckdb, path: shop.duckdb, {}}}}}}}\n"


def target_of(write: Write, keys: str) -> Any:
    root = write({"dbt_project.yml": "name: shop\nprofile: p\n", "profiles.yml": OUTPUT.format(keys)})
    (root / "headrace.yml").unlink()
    return load_settings(root, environ={}).target


def test_the_keys_of_a_duckdb_output_become_its_setup(write: Write):
    keys = (
        "external_root: out, extensions: [json, {name: icu, repo: core}], settings: {memory_limit: 1GB},"
        " attach: [{path: side.duckdb, alias: side, read_only: true}], retries: {connect_attempts: 3}, module_paths: [lib]"
    )

    setup = target_of(write, keys).setup

    assert (setup.external_root, setup.extensions, setup.connect_attempts) == ("out", ("json", "icu"), 3)
    assert setup.settings == {"memory_limit": "1GB"}
    assert setup.attached[0].path == str(setup.folder / "side.duckdb")
    assert (setup.attached[0].alias, setup.attached[0].options) == ("side", {"read_only": True})
    assert setup.module_paths == (str(setup.folder / "lib"),)


def test_the_database_of_a_duckdb_output_may_be_an_attached_one_and_no_other(write: Write):
    attached = "attach: [{path: side.duckdb, alias: side}]"

    assert target_of(write, f"database: side, {attached}").database == "side"
    with pytest.raises(ConfigInvalid, match="called 'shop', not 'sid'"):
        target_of(write, f"database: sid, {attached}")


@pytest.mark.parametrize("key", ["filesystems: [{fs: s3}]", "remote: {host: h, port: 1, user: u}", "flights: {a: b}"])
def test_a_key_of_a_duckdb_output_that_cannot_be_obeyed_is_refused(write: Write, key: str):
    with pytest.raises(NotSupported, match=f"{key.partition(':')[0]} is not supported"):
        target_of(write, key)


def test_a_misspelt_key_of_a_duckdb_output_is_named(write: Write):
    with pytest.raises(ConfigInvalid, match="unknown key 'atach'"):
        target_of(write, "atach: []")
