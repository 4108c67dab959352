"""What must come before what."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import CycleFound
from headrace.graph import Graph


@st.composite
def acyclic(draw):
    names = [f"n{n}" for n in range(draw(st.integers(1, 15)))]
    return {name: draw(st.frozensets(st.sampled_from(names[:i]))) if i else frozenset() for i, name in enumerate(names)}


@given(acyclic())
def test_every_node_stands_once_in_the_order_and_after_what_it_needs(parents):
    order = Graph(parents).order

    assert sorted(order) == sorted(parents)
    assert all(order.index(need) < order.index(node) for node, needs in parents.items() for need in needs)


@given(acyclic())
def test_descendants_are_the_other_side_of_ancestors(parents):
    graph = Graph(parents)

    assert all(
        (one in graph.ancestors(other)) == (other in graph.descendants(one)) for one in parents for other in parents
    )


def test_a_circle_is_named():
    with pytest.raises(CycleFound, match="a → b → a"):
        Graph({"a": ["b"], "b": ["a"], "c": []})


def test_depth_counts_arrows():
    graph = Graph({"a": [], "b": ["a"], "c": ["b"]})

    assert graph.ancestors("c", 1) == {"b"}
    assert graph.descendants("a", 2) == {"b", "c"}


def test_the_critical_path_is_the_dearest_chain_to_the_end():
    graph = Graph({"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"]})

    assert graph.critical_path({"a": 1.0, "b": 5.0, "c": 2.0, "d": 1.0}.__getitem__) == {
        "a": 7.0,
        "b": 6.0,
        "c": 3.0,
        "d": 1.0,
    }
