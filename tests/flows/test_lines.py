"""Files of JSON lines that turn out to be other than their sample, through the command line."""

import json

import duckdb
import pytest

PROJECT = {
    "name": "lake",
    "targets": {"dev": "duckdb:///out.duckdb"},
    "sources": {"lake": {"type": "files", "streams": {"events": {"path": "*.jsonl", "write_disposition": "append"}}}},
}


def asked(tmp_path, sql):
    with duckdb.connect(str(tmp_path / "out.duckdb"), read_only=True) as session:
        return session.execute(sql).fetchall()


@pytest.fixture
def project(tmp_path):
    # JSON is YAML.
    (tmp_path / "headrace.yml").write_text(json.dumps(PROJECT))
    plain = [json.dumps({"id": n, "note": "n" * 90}) for n in range(20_000)]
    (tmp_path / "a.jsonl").write_text("\n".join(plain[:10]))
    (tmp_path / "b.jsonl").write_text(
        "\n".join([*plain[:8_000], '{"id": 20001, "late": "x"}', "{broken", *plain[8_000:]])
    )
    return tmp_path


def test_a_file_that_breaks_its_sample_is_read_anew_and_every_line_is_accounted_for(run, project):
    done = run("load")

    again = run("load")

    assert (done.code, again.code) == (0, 0), done.err
    assert asked(project, "SELECT count(*), count(DISTINCT id), max(late) FILTER (id = 20001) FROM lake.events") == [
        (20_011, 20_001, "x")
    ]
    assert asked(project, "SELECT _headrace_source, count(*) FROM lake.events GROUP BY 1 ORDER BY 1") == [
        ("a.jsonl", 10),
        ("b.jsonl", 20_001),
    ]
    ((read, inserted, quarantined),) = asked(
        project, "SELECT sum(read), sum(inserted), sum(quarantined) FROM headrace.loads"
    )
    assert (read, inserted, quarantined) == (20_012, 20_011, 1)
    assert len(list((project / ".headrace/landing/dev/lake.events/loaded").iterdir())) <= 2


def test_a_line_in_which_a_key_is_twice_is_kept_out_with_its_number(run, project):
    lines = (project / "b.jsonl").read_text().replace('"id": 19000,', '"id": 19000, "note": "other",')
    (project / "b.jsonl").write_text(lines.replace("{broken\n", ""))

    done = run("load")

    assert done.code == 0, done.err
    assert asked(project, 'SELECT "column", detail, origin FROM headrace.quarantine') == [
        ("note", "the key 'note' is there twice", "b.jsonl:19002")
    ]
    assert asked(project, "SELECT count(*) FROM lake.events") == [(20_010,)]


def test_a_database_called_as_the_source_is_loaded_twice_and_looked_at(run, project):
    text = json.dumps(PROJECT).replace("out.duckdb", "lake.duckdb")
    (project / "headrace.yml").write_text(text)
    (project / "b.jsonl").unlink()

    first, second, shown = run("load"), run("load"), run("show", "--inline", "SELECT count(*) AS n FROM lake.events")

    assert (first.code, second.code, shown.code) == (0, 0, 0), first.err + second.err + shown.err
    assert "10" in shown.out
