import csv

import pytest
import yaml

from headrace.errors import UsageError
from headrace.labs.template import copy_project, create


def test_a_new_project_has_its_name_models_tests_and_data(tmp_path):
    written = create(tmp_path / "bakery", "bakery")

    config = yaml.safe_load((tmp_path / "bakery/headrace.yml").read_text(encoding="utf-8"))
    assert config["name"] == "bakery"
    assert config["targets"] == {"dev": "duckdb:///bakery.duckdb"}
    assert (tmp_path / "bakery/README.md").read_text(encoding="utf-8").startswith("# bakery\n")
    assert sorted(written) == sorted(path for path in (tmp_path / "bakery").rglob("*") if path.is_file())
    assert (tmp_path / "bakery/.gitignore") in written


def test_every_stream_of_a_new_project_has_its_file(tmp_path):
    create(tmp_path / "shop")

    sources = yaml.safe_load((tmp_path / "shop/headrace.yml").read_text(encoding="utf-8"))["sources"]
    for stream in sources["till"]["streams"].values():
        with (tmp_path / "shop" / stream["path"]).open(encoding="utf-8", newline="") as file:
            assert set(stream["columns"]) <= set(next(csv.reader(file)))
    assert len(list((tmp_path / "shop").glob(sources["reference"]["path"]))) == 2


def test_two_new_projects_are_the_same(tmp_path):
    one, two = create(tmp_path / "one"), create(tmp_path / "two")

    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]


def test_a_folder_with_something_in_it_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")

    with pytest.raises(UsageError, match="is not empty"):
        create(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_an_empty_folder_will_do(tmp_path):
    assert create(tmp_path)


@pytest.mark.parametrize("name", ["My Shop", "1st", "a-b", "", "shop\n", "../x"])
def test_a_name_that_is_no_identifier_is_refused(tmp_path, name):
    with pytest.raises(UsageError, match="cannot be a project's name"):
        create(tmp_path / "new", name)

    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("which", ["shop", "demo"])
def test_the_projects_use_every_kind_of_test_and_a_singular_one(tmp_path, which):
    copy_project(which, tmp_path / which, which)

    text = "".join(path.read_text(encoding="utf-8") for path in (tmp_path / which).rglob("schema.yml"))
    for kind in ("unique", "not_null", "accepted_values", "relationships"):
        assert kind in text
    assert list((tmp_path / which / "tests").glob("*.sql"))
