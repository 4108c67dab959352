import csv
import json

from headrace.labs.shop import Shop
from headrace.labs.writers import write_csv, write_jsonl


def test_csv_reads_back_with_the_columns_that_came_later_last(tmp_path):
    rows = Shop(1, 200).snapshot(4)["orders"]

    path = write_csv(tmp_path / "orders.csv", rows)

    with path.open(encoding="utf-8", newline="") as file:
        back = list(csv.DictReader(file))
    assert list(back[0])[-1] == "channel"
    assert [row["total"] for row in back] == [row["total"] for row in rows]
    assert [row["channel"] for row in back] == [row.get("channel", "") for row in rows]


def test_csv_writes_truth_in_small_letters_and_null_as_nothing(tmp_path):
    path = write_csv(tmp_path / "x.csv", [{"a": True, "b": None, "c": 'say "hi", Köln'}])

    assert path.read_text(encoding="utf-8") == 'a,b,c\ntrue,,"say ""hi"", Köln"\n'


def test_jsonl_reads_back_as_it_was(tmp_path):
    rows = Shop(1, 200).snapshot(4)["customers"]

    path = write_jsonl(tmp_path / "customers.jsonl", rows)

    assert [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] == rows
