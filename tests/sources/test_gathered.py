"""Small JSON documents are read many at a time: what comes of them is what comes of reading each by itself."""

import json

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from headrace.batch import Batch
from headrace.errors import HeadraceError
from headrace.extract import files

DOCUMENTS = st.sampled_from(
    [
        {"id": 1, "v": "x"},
        {"id": 2, "v": 1.5},
        [{"id": 3}, {"id": 4, "w": {"a": [1]}}],
        [{"id": 5}, 6, [7]],
        {"data": [{"id": 8}], "next": None},
        {"data": []},
        [],
        {},
        [{"id": 9, "id ": 10}],
    ]
)


@pytest.fixture
def read(read, tmp_path, monkeypatch):
    """Of some documents, `gathered` or each by itself."""

    def reading(*, gathered, **given):
        monkeypatch.setattr(files, "_SMALL", 1_000_000 if gathered else -1)
        return read(**given)

    return reading


def told(arrived):
    """Rows with the file that each came from, what was kept out, how many were read, and what is known of the files then."""
    rows, kept, read, known = [], [], 0, {}
    for batch in arrived:
        origins = batch.origins.to_pylist() if batch.origins is not None else [batch.origin] * batch.rows.num_rows
        rows += [
            (origin, sorted((name, str(value)) for name, value in row.items() if value is not None))
            for origin, row in zip(origins, batch.rows.to_pylist(), strict=True)
        ]
        kept += [(row["origin"], row["raw"]) for row in batch.rejected.to_pylist()] if batch.rejected else []
        read += batch.read
        known |= {**batch.resume["files"], **{f"{name} size": size for name, size in batch.resume["sizes"].items()}}
    return rows, kept, read, known


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    documents=st.lists(DOCUMENTS, min_size=1, max_size=8),
    torn=st.none() | st.tuples(st.integers(0, 7), st.sampled_from(["", "{", "[1] 2", "[" * 200])),
    spec=st.sampled_from([{}, {"data_selector": "data"}, {"data_selector": "$"}, {"hive_partitioning": True}]),
    most=st.sampled_from([1, 40, 4_000_000]),
)
@example(documents=[{"id": 1}] * 3, torn=(1, "{"), spec={}, most=4_000_000)
def test_documents_give_the_same_together_and_each_by_itself(tmp_path, read, monkeypatch, documents, torn, spec, most):
    monkeypatch.setattr(files, "_GATHERED", most)
    for old in tmp_path.rglob("*.json"):
        old.unlink()
    for number, document in enumerate(documents):
        folder = tmp_path / f"day=2026-01-0{number // 3 + 1}"
        folder.mkdir(exist_ok=True)
        text = torn[1] if torn and torn[0] == number else json.dumps(document)
        (folder / f"{number}.json").write_text(text)

    def outcome(gathered):
        try:
            return told(read(gathered=gathered, path="*/*.json", columns={"w": {"type": "json"}}, **spec))
        except HeadraceError as error:
            return type(error), str(error)

    assert outcome(gathered=True) == outcome(gathered=False)


def test_many_small_documents_are_few_batches_each_of_which_ends_its_files(tmp_path, read):
    for number in range(1200):
        (tmp_path / f"{number:04}.json").write_text(json.dumps({"id": number}))

    arrived = read(gathered=True, path="*.json")

    assert [one.rows.num_rows for one in arrived] == [500, 500, 200]
    assert all(isinstance(one, Batch) for one in arrived)
    assert arrived[2].origins.to_pylist()[-1] == "1199.json"
    assert len(arrived[0].resume["files"]) == 500
    left = read(gathered=True, resume=arrived[0].resume, path="*.json", write_disposition="append")
    assert [one.rows["id"][0].as_py() for one in left] == [500, 1000]


def test_sql_in_flight_sees_the_rows_of_one_document_at_a_time(tmp_path, read):
    for number in range(3):
        (tmp_path / f"{number}.json").write_text(json.dumps({"id": number}))
    transform = {"sql": "SELECT * FROM self", "when": "in_flight"}

    arrived = read(gathered=True, path="*.json", transform=transform)

    assert [one.origin for one in arrived] == ["0.json", "1.json", "2.json"]
