"""What a stream says of its way of loading, and what does not go together."""

import pytest

from headrace.errors import ConfigInvalid
from headrace.project.files import parse_yaml
from headrace.project.streams import streams_of


def stream(said, tmp_path):
    text = f"type: files\nstreams:\n  x: {{path: a.csv, {said}}}\n"
    (only,) = streams_of("s", parse_yaml(text, "sources/s.yml"), tmp_path, {})
    return only


@pytest.mark.parametrize(
    ("said", "way"),
    [
        ("write_disposition: scd1", "merge"),
        ("write_disposition: {disposition: append}", "append"),
        ("write_disposition: {disposition: merge}", "merge"),
        ("write_disposition: {disposition: merge, strategy: upsert}", "merge"),
        ("write_disposition: {disposition: merge, strategy: delete-insert}", "delete_insert"),
        ("write_disposition: {disposition: merge, strategy: insert-only}", "insert_only"),
        ("write_disposition: {disposition: merge, strategy: scd2}", "scd2"),
        ("primary_key: id", "merge"),
        ("incremental: at", "append"),
        ("tags: x", "replace"),
    ],
)
def test_a_way_of_loading_is_said_in_our_word_or_in_those_of_dlt(said, way, tmp_path):
    assert stream(said, tmp_path).disposition == way


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ("write_disposition: {disposition: merge, strategy: x}", "strategy 'x' is none of upsert, delete-insert"),
        ("write_disposition: {disposition: append, strategy: upsert}", "only a merge has a strategy, not 'append'"),
        ("write_disposition: {disposition: merge, way: scd2}", "unknown key 'way'"),
        ("primary_key: id, merge_key: day", "`merge_key` goes with delete_insert, not with merge"),
        ("primary_key: id, history: {missing: close}", "`history` goes with scd2 and scd3, not with merge"),
        ("primary_key: id, write_disposition: scd3", "scd3 needs `history: {previous: "),
        ("write_disposition: scd3, history: {previous: a, missing: close}", "has only `previous` and `changed_at`"),
        ("write_disposition: scd2, history: {previous: a}", "`history.previous` goes with scd3"),
        ("write_disposition: scd2, incremental: at, history: {missing: close}", "`incremental:` brings a part"),
        ("write_disposition: scd2, history: {missing: close, changed_at: at}", "needs `changed_at: load_time`"),
        ("write_disposition: scd2, deletes: {missing: hard}", "`history: {missing: close}` ends the versions"),
        ("write_disposition: scd2, deletes: {column: a, mode: soft}", "which is `mode: hard`"),
        ("primary_key: id, incremental: at, deletes: {missing: soft}", "`incremental:` brings a part"),
        ("write_disposition: append, deletes: {missing: hard}", "it goes with merge, not with append"),
        ("primary_key: id, write_disposition: insert_only, deletes: a", "deletes"),
        ("primary_key: id, write_disposition: insert_only, deletes: {column: a}", "insert_only leaves rows alone"),
        ("primary_key: id, write_disposition: delete_insert, deletes: {column: a}", "`deletes` can do nothing"),
        ("primary_key: id, deletes: {}", "say which `column` marks a deleted row"),
        (
            "primary_key: id, deletes: {column: a, mode: soft, missing: hard}",
            "`mode` and `missing` have to be the same",
        ),
    ],
)
def test_what_does_not_go_together_is_an_error(said, wrong, tmp_path):
    with pytest.raises(ConfigInvalid, match=wrong.replace("{", r"\{")):
        stream(said, tmp_path)


def test_a_stream_that_tells_what_is_gone_is_read_whole(tmp_path):
    assert stream("primary_key: id, deletes: {missing: hard}", tmp_path).whole
    assert not stream("primary_key: id, deletes: {column: gone}", tmp_path).whole
