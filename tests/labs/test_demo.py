"""The demo as it is: its own API, two builds by the engine, and the oracle's word on the result."""

import pytest

from headrace.errors import UsageError
from headrace.events import CheckFinished, PageFetched, RequestRetried, RowsLoaded, RowsQuarantined, SchemaChanged
from headrace.labs.demo import SHOP, run_demo
from headrace.project.loading import load_settings
from headrace.project.manifest import load_manifest
from headrace.run.execute import Options, execute
from headrace.run.plan import make_plan


def build(folder):
    manifest = load_manifest(load_settings(folder, None, {}))
    return not execute(manifest, make_plan(manifest, manifest.nodes), command="build", options=Options()).failed


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    said = []
    shown = run_demo(tmp_path_factory.mktemp("demo"), said.append, build)
    return shown, said


def test_both_builds_succeed_and_the_oracle_agrees(demo):
    shown, said = demo

    assert [built.ok for built in shown.builds] == [True, True], "\n".join(said)
    assert {one.table: one.wrong for one in shown.verdict.compared} == dict.fromkeys(
        ("customers", "items", "orders", "products", "refunds", "stores", "revenue_by_store"), 0
    )
    assert shown.ok


def test_the_api_misbehaved_and_was_asked_again(demo):
    statuses = demo[0].builds[0].statuses

    assert statuses[429] == 1
    assert statuses[500] >= 2
    assert len(demo[0].builds[0].all(RequestRetried)) == statuses[429] + statuses[500] + 1


def test_nobody_came_back_before_the_second_that_retry_after_asked_for(demo):
    requests = demo[0].builds[0].requests
    refused = next(entry for entry in requests if entry.status == 429)
    again = next(entry for entry in requests if entry.path == refused.path and entry.at > refused.at)

    assert again.at - refused.at >= 1


def test_the_second_build_reads_a_fraction_of_the_first(demo):
    first, second = (
        {load.stream: load for load in built.all(RowsLoaded) if load.stream != "files.stores"}
        for built in demo[0].builds
    )

    assert all(second[stream].read < first[stream].read / 5 for stream in ("api.orders", "api.items", "api.customers"))
    assert second["api.orders"].updated > 0
    assert second["api.orders"].inserted > 0
    assert len(demo[0].builds[1].all(PageFetched)) < len(demo[0].builds[0].all(PageFetched)) / 2


def test_every_row_of_every_load_is_accounted_for(demo):
    for built in demo[0].builds:
        for load in built.all(RowsLoaded):
            kept = load.inserted + load.updated + load.unchanged
            assert load.read == kept + load.duplicate + load.filtered + load.quarantined


def test_rows_repeated_across_pages_are_counted_as_duplicates(demo):
    orders = next(load for load in demo[0].builds[0].all(RowsLoaded) if load.stream == "api.orders")

    assert orders.duplicate == 7
    assert orders.read == SHOP.orders + 7


def test_the_bad_order_is_in_quarantine_with_its_reason_and_its_lines_are_warned_of(demo):
    first = demo[0].builds[0]

    assert [(one.stream, one.rows) for one in first.all(RowsQuarantined)] == [("api.orders", 1)]
    assert [row[0:2] for row in demo[0].verdict.quarantine] == [("api.orders", "total")]
    assert "12,50 EUR" in demo[0].verdict.quarantine[0][3]
    assert {check.status for check in first.all(CheckFinished)} == {"pass", "warn"}


def test_a_new_column_makes_room_for_itself(demo):
    changes = [one.change for one in demo[0].builds[1].all(SchemaChanged)]

    assert len([change for change in changes if "channel" in change]) == 1


def test_what_is_said_tells_the_whole_story(demo):
    text = "\n".join(demo[1])

    for word in ("too many requests", "ledger", "Quarantine", "revenue_by_store", "all 6 rows are right"):
        assert word in text
    assert "wrong" not in text


def test_a_build_that_fails_ends_the_demo(tmp_path):
    said = []

    shown = run_demo(tmp_path / "new", said.append, lambda folder: False)

    assert not shown.ok
    assert len(shown.builds) == 1
    assert "failed" in said[-1]


def test_the_demo_leaves_a_folder_with_something_in_it_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")

    with pytest.raises(UsageError, match="is not empty"):
        run_demo(tmp_path, print, build)
