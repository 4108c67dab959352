from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import Place, SelectionEmpty, UsageError
from headrace.events import Event, Warned, listening
from headrace.graph import Graph
from headrace.project.macros import Macros
from headrace.project.manifest import Manifest
from headrace.project.nodes import DataTest, Model
from headrace.project.selectors import select
from headrace.project.settings import Settings, Target
from headrace.project.template import Templates
from headrace.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable

    Make = Callable[..., Manifest]

FILES = {
    "headrace.yml": "name: shop\ntargets: {dev: 'duckdb://'}\nmodels: {shop: {staging: {+tags: nightly}}}\n",
    "sources/api.yml": "type: files\nstreams: {orders: {path: o.csv}, items: {path: i.csv}}",
    "seeds/c.csv": "id\n1\n",
    "models/staging/a.sql": "select * from {{ source('api', 'orders') }}",
    "models/staging/b.sql": "{{ config(meta={'owner': {'team': 'x'}}, tags=['own']) }}select * from {{ ref('c') }}",
    "models/marts/m.sql": "{{ config(materialized='table', unique_key=['id', 'x']) }}select * from {{ ref('a') }}, {{ ref('b') }}",
    "models/marts/f.sql": "select * from {{ ref('m') }}",
    "models/s.yml": "models: [{name: a, columns: [{name: id, tests: [unique, {not_null: {severity: warn}}]}]}, {name: f}]",
    "tests/sums.sql": "{{ config(tags=['slow']) }}select * from {{ ref('m') }} join {{ ref('b') }} using (id)",
}
TESTS_OF_A = {"unique_a_id", "not_null_a_id"}


@pytest.mark.parametrize(
    ("words", "without", "names"),
    [
        ([], [], {"orders", "items", "c", "a", "b", "m", "f", "sums", *TESTS_OF_A}),
        (["a"], [], {"a", *TESTS_OF_A}),
        (["+a"], [], {"orders", "a", *TESTS_OF_A}),
        (["m+"], [], {"m", "f", "sums"}),
        (["1+m"], [], {"a", "b", "m", "sums", *TESTS_OF_A}),
        (["a+1"], [], {"a", "m", *TESTS_OF_A, "sums"}),
        (["@b"], [], {"b", "c", "m", "f", "a", "orders", "sums", *TESTS_OF_A}),
        (["a b"], [], {"a", "b", "sums", *TESTS_OF_A}),
        (["a", "f"], [], {"a", "f", *TESTS_OF_A}),
        (["tag:nightly,+m"], [], {"a", "b", "sums", *TESTS_OF_A}),
        (["tag:night*"], [], {"a", "b", "sums", *TESTS_OF_A}),
        (["tag:slow"], [], {"sums"}),
        (["path:models/marts"], [], {"m", "f", "sums"}),
        (["models/marts"], [], {"m", "f", "sums"}),
        (["path:models/*/a.sql"], [], {"a", *TESTS_OF_A}),
        (["a.sql"], [], {"a", *TESTS_OF_A}),
        (["file:a"], [], {"a", *TESTS_OF_A}),
        (["staging"], [], {"a", "b", "sums", *TESTS_OF_A}),
        (["shop.marts.f"], [], {"f"}),
        (["fqn:shop.marts.*"], [], {"m", "f", "sums"}),
        (["source:api"], [], {"orders", "items"}),
        (["source:api.orders+1"], [], {"orders", "a", *TESTS_OF_A}),
        (["resource_type:source"], [], {"orders", "items"}),
        (["resource_type:seed"], [], {"c"}),
        (["config.materialized:table"], [], {"m", "sums"}),
        (["config.meta.owner.team:x"], [], {"b", "sums"}),
        (["config.unique_key:x"], [], {"m", "sums"}),
        (["config.severity:warn"], [], {"not_null_a_id"}),
        (["test_type:singular"], [], {"sums"}),
        (["test_name:unique"], [], {"unique_a_id"}),
        (["package:this,resource_type:model"], ["resource_type:test"], {"a", "b", "m", "f"}),
        ([], ["m"], {"orders", "items", "c", "a", "b", "f", *TESTS_OF_A}),
        (["+m"], ["+a", "test_type:singular"], {"c", "b", "m"}),
    ],
)
def test_dbts_grammar_selects(manifest: Make, words: list[str], without: list[str], names: set[str]):
    shop = manifest(FILES)

    chosen = select(shop, words, without)

    assert {shop.nodes[node].name for node in chosen} == names
    assert list(chosen) == [node for node in shop.graph.order if node in chosen]


@pytest.mark.parametrize(
    ("word", "kind", "hint"),
    [
        ("revenu", SelectionEmpty, "headrace ls"),
        ("sumz", SelectionEmpty, "did you mean 'sums'?"),
        ("api", SelectionEmpty, "source:api"),
        ("source:api.ordrs", SelectionEmpty, "did you mean 'api.orders'?"),
        ("+source:apy", SelectionEmpty, "did you mean 'api'?"),
        ("tags:x", UsageError, "did you mean 'tag'?"),
        ("@a+", UsageError, "@ already"),
        ("+", UsageError, "such as"),
        ("state:modified", UsageError, "holds the earlier run"),
        ("test_type:fast", UsageError, "generic"),
    ],
)
def test_a_selection_that_means_nothing_is_an_error(manifest: Make, word: str, kind: type[Exception], hint: str):
    shop = manifest(FILES)

    with pytest.raises(kind) as caught:
        select(shop, [word])

    assert hint in (caught.value.hint or "")  # type: ignore[attr-defined]


@pytest.mark.parametrize("word", ["tag:none", "path:models/none", "zz*"])
def test_a_method_that_selects_nothing_is_a_warning(manifest: Make, word: str):
    shop = manifest(FILES)
    heard: list[Event] = []

    with listening(heard.append):
        chosen = select(shop, [word])

    assert chosen == ()
    assert [type(event) for event in heard] == [Warned]


def graph_of(parents: dict[str, list[str]], tests: set[str]) -> Manifest:
    """A manifest of models, and tests where a name is in `tests`, that need each other so."""
    folder = Path("/nowhere")
    nodes = {}
    for name in parents:
        shared = {
            "unique_id": name,
            "name": name,
            "package": "p",
            "place": Place(f"m/{name}.sql"),
            "fqn": ("p", name),
            "raw": "",
        }
        table = Table("main", name)
        nodes[name] = DataTest(**shared) if name in tests else Model(**shared, table=table, materialized="view")
    settings = Settings("p", folder, Target("dev", "duckdb://", "main"), ("dev",))
    templates = Templates(Macros("p", (), {}), "duckdb", "p")
    return Manifest(settings, nodes, Graph(parents), templates, {}, {}, {})


@given(
    seed=st.integers(0, 10_000), size=st.integers(1, 9), up=st.integers(0, 3), down=st.integers(0, 3), data=st.data()
)
def test_reach_and_tests_agree_with_walking_every_path(seed: int, size: int, up: int, down: int, data: st.DataObject):
    dice = random.Random(seed)
    parents = {f"n{i}": [f"n{j}" for j in range(i) if dice.random() < 0.4] for i in range(size)}
    needed = {need for needs in parents.values() for need in needs}
    tests = {name for name in parents if name not in needed and dice.random() < 0.5}
    start = data.draw(st.sampled_from(sorted(parents)))

    chosen = select(graph_of(parents, tests), [f"{up}+{start}+{down}"])

    def walk(node: str, steps: int, arrows: dict[str, list[str]]) -> set[str]:
        return {node}.union(*(walk(other, steps - 1, arrows) for other in arrows[node])) if steps else {node}

    children = {name: [other for other, needs in parents.items() if name in needs] for name in parents}
    expected = walk(start, up, parents) | walk(start, down, children)
    expected |= {test for test in tests if expected & set(parents[test])}
    assert set(chosen) == expected
