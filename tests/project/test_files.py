from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from headrace.errors import ConfigInvalid, ProjectNotFound, YamlInvalid
from headrace.project.files import find_root, parse_yaml
from headrace.project.project_file import ProjectFile
from headrace.project.rest_sources import RestSource
from headrace.project.validate import validate

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on", "on"),
        ("no", "no"),
        ("yes", "yes"),
        ("012", 12),
        ("1_000", "1_000"),
        ("0o14", 12),
        ("0x1F", 31),
        ("true", True),
        ("FALSE", False),
        ("~", None),
        ("", None),
        ("1.5e3", 1500.0),
        (".5", 0.5),
        ("-.inf", float("-inf")),
        ("2024-01-01", "2024-01-01"),
        ("12:30:00", "12:30:00"),
        ("'1'", "1"),
        ("!!str 1", "1"),
        ("{base: &b {a: 1}, more: {<<: *b, c: 2}}", {"base": {"a": 1}, "more": {"a": 1, "c": 2}}),
    ],
)
def test_plain_words_mean_what_they_look_like(text: str, value: Any):
    assert parse_yaml(text, "x.yml").data == value


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: 1\nb: [2", "x.yml:2"),
        ("a: 1\nb: 2\na: 3", "x.yml:3:1"),
        ("a: !thing 1", "x.yml:1:4"),
        ("? [1]\n: 2", "x.yml:1:3"),
    ],
)
def test_yaml_that_cannot_be_read_says_where(text: str, place: str):
    with pytest.raises(YamlInvalid) as caught:
        parse_yaml(text, "x.yml")

    assert str(caught.value.where).startswith(place)
    assert caught.value.where is not None
    assert caught.value.where.text is not None


def test_every_key_and_value_has_a_place():
    document = parse_yaml("a:\n  - b: 1\n    c: two\n", "x.yml")

    assert str(document.place("a", 0, "c")) == "x.yml:3:8"
    assert str(document.key_place("a", 0, "c")) == "x.yml:3:5"
    assert str(document.key_place("a", 0, "absent")) == "x.yml:2:5"
    assert document.place("a", 0, "c").text == "    c: two"


@pytest.mark.parametrize(
    ("text", "what", "place", "hint"),
    [
        ("nam: shop", "unknown key 'nam'", "x.yml:1:1", "did you mean 'name'?"),
        ("models-paths: [m]", "unknown key 'models-paths'", "x.yml:1:1", "did you mean 'model-paths'?"),
        ("threads: many", "threads takes a whole number, not text", "x.yml:1:10", None),
        ("targets: {dev: {url: x, scema: y}}", "unknown key 'scema'", "x.yml:1:25", "did you mean 'schema'?"),
        ("targets: {dev: {schema: y}}", "the key 'url' is missing", "x.yml:1:11", None),
        ("vars: [1]", "vars takes a mapping, not a list", "x.yml:1:7", None),
    ],
)
def test_a_config_error_points_at_the_key(text: str, what: str, place: str, hint: str | None):
    document = parse_yaml(text, "x.yml")

    with pytest.raises(ConfigInvalid) as caught:
        validate(ProjectFile, document.data, document)

    assert (caught.value.what, str(caught.value.where), caught.value.hint) == (what, place, hint)


def test_several_errors_are_told_together():
    document = parse_yaml("type: rest\nclient: {bas_url: x, auth: {type: bear}}\nstreams: {}", "x.yml")

    with pytest.raises(ConfigInvalid) as caught:
        validate(RestSource, document.data, document)

    first, *more = caught.value.what.splitlines()
    assert "bear" in first or "bas_url" in first
    assert any("'bas_url' (did you mean 'base_url'?)" in line for line in (first, *more))
    assert any("type 'bear' is none of" in line for line in (first, *more))


def test_the_project_is_found_from_a_folder_inside_it(tmp_path: Path):
    (tmp_path / "models" / "deep").mkdir(parents=True)
    (tmp_path / "dbt_project.yml").write_text("name: shop", encoding="utf-8")

    assert find_root(tmp_path / "models" / "deep") == tmp_path.resolve()
    with pytest.raises(ProjectNotFound):
        find_root(tmp_path.parent)
