import json
import os
import subprocess
import sys
import textwrap

import pytest
import yaml

from headrace.errors import ConfigInvalid
from headrace.project.apis import CursorPaging
from headrace.project.files import parse_yaml
from headrace.project.importing.airbyte import from_airbyte
from headrace.project.importing.dlt import from_dlt, read_dict
from headrace.project.streams import streams_of

DLT = {
    "client": {"base_url": "https://api.example/v1", "auth": {"type": "bearer", "token": "${TOKEN}"}},
    "resource_defaults": {"primary_key": "id", "write_disposition": "merge", "endpoint": {"params": {"per_page": 100}}},
    "resources": [
        "users",
        {
            "name": "issues",
            "endpoint": {
                "path": "issues",
                "params": {
                    "since": {"type": "incremental", "cursor_path": "updated_at", "initial_value": "2024-01-01"}
                },
            },
        },
        {
            "name": "comments",
            "endpoint": {
                "path": "issues/{number}/comments",
                "params": {"number": {"type": "resolve", "resource": "issues", "field": "number"}},
            },
            "include_from_parent": ["id"],
            "columns": {"body": {"data_type": "text"}},
        },
        {"name": "odd", "endpoint": "odd", "processing_steps": [{"filter": "a function"}]},
    ],
}


def streams_by_name(source, tmp_path):
    text = yaml.safe_dump(source, sort_keys=False)
    return {one.name: one for one in streams_of("api", parse_yaml(text, "sources/api.yml"), tmp_path, {"TOKEN": "t"})}


def test_a_configuration_of_dlt_is_a_source_with_the_same_words(tmp_path):
    imported = from_dlt(DLT)

    streams = streams_by_name(imported.source, tmp_path)
    assert list(streams) == ["users", "issues", "comments"]
    assert {stream.disposition for stream in streams.values()} == {"merge"}
    assert streams["users"].spec.params == {"per_page": 100}
    assert streams["issues"].spec.incremental.start_param == "since"
    assert streams["comments"].spec.parent_fields == (("issues", "number"), ("issues", "id"))
    assert streams["comments"].spec.columns["body"].type == "varchar"
    assert list(imported.left_out) == ["odd"]


@pytest.mark.parametrize(("depth", "nested", "deepest"), [(0, "json", None), (2, "tables", 2)])
def test_how_deep_dlt_makes_tables_of_lists_is_taken_over(tmp_path, depth, nested, deepest):
    config = {"client": DLT["client"], "resources": [{"name": "orders", "max_table_nesting": depth}]}

    orders = streams_by_name(from_dlt(config).source, tmp_path)["orders"]

    assert (orders.spec.nested, orders.spec.max_table_nesting) == (nested, deepest)


def test_what_dlt_is_told_of_the_rows_of_lists_is_taken_over_and_what_has_no_counterpart_is_said(tmp_path):
    text = textwrap.dedent("""
        config = {"client": {"base_url": "https://api.example/v1"}, "resources": [{
            "name": "orders",
            "max_table_nesting": 2,
            "nested_hints": {
                "orderLines": dlt.mark.make_nested_hints(
                    columns=[{"name": "unitPrice", "data_type": "decimal", "precision": 12, "scale": 2, "nullable": False}],
                    primary_key=["id"],
                    schema_contract={"columns": "freeze"},
                ),
                ("orderLines", "taxes"): {"columns": {"rate": {"data_type": "double"}}, "table_format": "delta"},
                ("orderLines", "taxes", "parts"): {"columns": {}},
                "notes": make_nested_hints(columns=Note),
            },
        }]}
    """)

    imported = from_dlt(read_dict(text, "shop.py"))

    orders = streams_by_name(imported.source, tmp_path)["orders"].spec
    assert orders.nested == "tables"
    assert list(orders.nested_hints) == ["order_lines", "order_lines__taxes", "notes"]
    price = orders.nested_hints["order_lines"].columns["unit_price"]
    assert (price.type, price.nullable) == ("decimal(12,2)", False)
    assert orders.nested_hints["order_lines__taxes"].columns["rate"].type == "double"
    assert [note.partition(" stay")[0] for note in imported.notes] == [
        "orders: 'primary_key' of its list 'order_lines'",
        "orders: the schema_contract of its list 'order_lines'",
        "orders: what its nested_hints say of 'order_lines__taxes__parts'",
        "orders: the columns of its list 'notes'",
    ]


def test_hints_of_lists_that_stay_json_are_left_behind_with_a_word(tmp_path):
    hints = {"lines": {"columns": {"price": {"data_type": "decimal"}}}}
    config = {"client": DLT["client"], "resources": [{"name": "orders", "max_table_nesting": 0, "nested_hints": hints}]}

    imported = from_dlt(config)

    assert streams_by_name(imported.source, tmp_path)["orders"].spec.nested == "json"
    assert imported.notes == ["orders: its nested_hints stay behind, since `max_table_nesting: 0` keeps lists as JSON"]


def test_a_dict_is_found_in_a_python_file_that_is_not_run():
    text = textwrap.dedent("""
        import dlt, os
        os.system("exit 1")
        def source(token=dlt.secrets.value):
            config = {"client": {"base_url": "https://x", "auth": {"type": "bearer", "token": dlt.secrets["shop.token"]}},
                      "resources": ["a", {"name": "b", "endpoint": {"path": "b", "params": {"n": -1}}}]}
            return rest_api_source(config)
    """)

    found = read_dict(text, "shop.py")

    assert found["client"]["auth"]["token"] == "${SHOP_TOKEN}"
    assert found["resources"] == ["a", {"name": "b", "endpoint": {"path": "b", "params": {"n": -1}}}]


def test_a_resource_that_is_computed_is_left_out_and_the_others_are_taken_over(tmp_path):
    text = textwrap.dedent("""
        config = {
            "client": {"base_url": "https://x", "auth": {"token": dlt.secrets["token"]}, "paginator": "json_response"},
            "resources": [
                {"name": "a", "endpoint": {"path": "a", "paginator": {"type": "json_response", "next_url_path": "n"}}},
                {"name": "b", "processing_steps": [{"filter": lambda row: row["id"] > 1}]},
                {"name": "c", "selected": False},
                make("d"),
            ],
        }
    """)

    imported = from_dlt(read_dict(text, "shop.py"))

    streams = streams_by_name(imported.source, tmp_path)
    assert list(streams) == ["a", "c"]
    assert streams["a"].client.auth.token == "t"
    assert (streams["a"].spec.paginator.type, streams["c"].client.paginator.type) == ("json_link", "json_link")
    assert imported.left_out == {
        "b": "shop.py, line 6: only values can be imported, and this is computed",
        "?": "shop.py, line 8: only values can be imported, and this is computed",
    }
    assert imported.notes == ["c: `selected: False` stays behind: it is loaded as the others are"]


@pytest.mark.parametrize(("text", "said"), [("x = {", "is not Python"), ("x = {'client': 1}", "has no dict"), ("x = {'client': f(), 'resources': []}", "line 1")])  # fmt: skip
def test_what_cannot_be_read_without_running_it_is_refused(text, said):
    with pytest.raises(ConfigInvalid, match=said):
        read_dict(text, "shop.py")


MANIFEST = """
version: 4.3.0
type: DeclarativeSource
definitions:
  requester:
    type: HttpRequester
    url_base: https://{{ config['domain'] }}.example/v1
    authenticator: {type: BearerAuthenticator, api_token: "{{ config['token'] }}"}
    error_handler:
      type: DefaultErrorHandler
      max_retries: 3
      backoff_strategies: [{type: WaitTimeFromHeader, header: X-Wait}]
      response_filters: [{http_codes: [404], action: IGNORE}]
  paginator:
    type: DefaultPaginator
    page_token_option: {type: RequestOption, inject_into: request_parameter, field_name: after}
    page_size_option: {type: RequestOption, inject_into: request_parameter, field_name: limit}
    pagination_strategy:
      type: CursorPagination
      page_size: 50
      cursor_value: "{{ response.get('meta', {}).get('next') }}"
      stop_condition: "{{ not response['meta']['more'] }}"
  base:
    retriever:
      type: SimpleRetriever
      requester: {$ref: "#/definitions/requester"}
      paginator: {$ref: "#/definitions/paginator"}
      record_selector: {extractor: {type: DpathExtractor, field_path: [data, items]}}
  orders:
    type: DeclarativeStream
    $ref: "#/definitions/base"
    $parameters: {name: orders, path: /orders, primary_key: id}
    incremental_sync:
      type: DatetimeBasedCursor
      cursor_field: updated_at
      datetime_format: "%s"
      start_datetime: {type: MinMaxDatetime, datetime: "{{ config['start_date'] }}"}
      start_time_option: {inject_into: request_parameter, field_name: from}
      end_time_option: {inject_into: request_parameter, field_name: to}
      step: P7D
      lookback_window: PT1H
  lines:
    type: DeclarativeStream
    name: lines
    retriever:
      type: SimpleRetriever
      requester: {$ref: "#/definitions/requester", path: "/orders/{{ stream_partition.order }}/lines"}
      record_selector: {extractor: {type: DpathExtractor, field_path: []}}
      partition_router:
        type: SubstreamPartitionRouter
        parent_stream_configs: [{stream: {$ref: "#/definitions/orders"}, parent_key: id, partition_field: order}]
  odd:
    type: DeclarativeStream
    name: odd
    retriever: {type: CustomRetriever, class_name: source.Odd}
streams:
  - $ref: "#/definitions/lines"
  - $ref: "#/definitions/orders"
  - $ref: "#/definitions/odd"
spec:
  connection_specification:
    properties: {token: {type: string, airbyte_secret: true}, domain: {type: string}}
"""


def test_a_manifest_is_a_source_as_far_as_it_has_no_code():
    imported = from_airbyte(yaml.safe_load(MANIFEST), "shop")

    assert imported.left_out == {"odd": "a retriever source.Odd"}
    assert imported.source["client"] == {
        "base_url": "https://${SHOP_DOMAIN}.example/v1",
        "auth": {"type": "bearer", "token": "secret:shop_token"},
    }
    assert imported.source["streams"]["orders"] == {
        "path": "orders",
        "incremental": {
            "cursor_path": "updated_at",
            "initial_value": "${SHOP_START_DATE}",
            "format": "epoch",
            "start_param": "from",
            "end_param": "to",
            "step": 604800,
            "lag": 3600,
        },
        "data_selector": "data.items",
        "paginator": {
            "type": "cursor",
            "cursor_path": "meta.next",
            "cursor_param": "after",
            "has_more_path": "meta.more",
        },
        "params": {"limit": 50},
        "primary_key": ["id"],
        "response_actions": [{"status_code": 404, "action": "ignore"}],
        "retry": {"max_attempts": 4, "wait_time_header": "X-Wait"},
    }
    assert imported.source["streams"]["lines"]["path"] == "orders/{resources.orders.id}/lines"


def test_what_was_imported_is_a_source_that_can_be_read(tmp_path):
    imported = from_airbyte(yaml.safe_load(MANIFEST), "shop")

    streams = streams_by_name(imported.source, tmp_path)

    assert isinstance(streams["orders"].spec.paginator, CursorPaging)
    assert streams["lines"].spec.parent == "orders"


@pytest.mark.parametrize(
    ("strategy", "token", "expected"),
    [
        (
            {"type": "PageIncrement", "start_from_page": 1},
            {"inject_into": "request_parameter", "field_name": "p"},
            {"type": "page_number", "base_page": 1, "total_path": None, "page_param": "p"},
        ),
        (
            {"type": "OffsetIncrement", "page_size": 10},
            {"inject_into": "request_parameter", "field_name": "skip"},
            {"type": "offset", "limit": 10, "total_path": None, "offset_param": "skip", "limit_param": "limit"},
        ),
        (
            {"type": "CursorPagination", "cursor_value": "{{ response['links']['next'] }}"},
            {"type": "RequestPath"},
            {"type": "json_link", "next_url_path": "links.next"},
        ),
        (
            {"type": "CursorPagination", "cursor_value": "{{ headers['link']['next']['url'] }}"},
            {"type": "RequestPath"},
            {"type": "header_link"},
        ),
        (
            {"type": "CursorPagination", "cursor_value": "{{ last_record['id'] }}"},
            {"inject_into": "body_json", "field_path": ["page", "after"]},
            {"type": "cursor", "cursor_path": "data.items[-1].id", "cursor_body_path": "page.after"},
        ),
    ],
)
def test_each_way_of_paging_has_its_own_here(strategy, token, expected):
    manifest = yaml.safe_load(MANIFEST)
    manifest["definitions"]["paginator"] |= {"pagination_strategy": strategy, "page_token_option": token}
    manifest["definitions"]["paginator"].pop("page_size_option")

    imported = from_airbyte(manifest, "shop")

    assert imported.source["streams"]["orders"]["paginator"] == expected


def test_references_in_a_circle_are_told_of():
    manifest = {
        "streams": [{"$ref": "#/definitions/a"}],
        "definitions": {"a": {"$ref": "#/definitions/b"}, "b": {"$ref": "#/definitions/a"}},
    }

    assert "circle" in from_airbyte(manifest, "x").left_out["stream 1"]


def test_a_manifest_is_imported_from_the_command_line(tmp_path):
    (tmp_path / "headrace.yml").write_text("name: shop\ntargets: {dev: duckdb:///w.duckdb}\n")
    (tmp_path / "shop.yaml").write_text(MANIFEST)

    def run(*arguments):
        plain = {name: value for name, value in os.environ.items() if not name.startswith(("HEADRACE_", "DBT_"))}
        return subprocess.run([sys.executable, "-m", "headrace", *arguments], cwd=tmp_path, env=plain, capture_output=True, text=True, check=False, timeout=60)  # fmt: skip

    done = run("import", "airbyte", "shop.yaml")
    listed = run("ls", "--resource-type", "source", "-o", "json")

    assert done.returncode == 0, done.stderr
    assert "wrote sources/shop.yml: 2 streams, 1 left out" in done.stdout
    assert "left out  odd: a retriever source.Odd" in done.stderr
    assert "lines" in json.dumps(listed.stdout)
    assert run("import", "airbyte", "shop.yaml").returncode == 2
