from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from headrace.errors import ConfigInvalid, HeadraceError, UsageError
from headrace.project.selector_files import named_selection

if TYPE_CHECKING:
    from collections.abc import Callable

    from headrace.project.manifest import Manifest

    Make = Callable[..., Manifest]

MODELS = {
    "models/a.sql": "{{ config(tags=['x']) }}select 1",
    "models/b.sql": "{{ config(tags=['x', 'y']) }}select * from {{ ref('a') }}",
    "models/c.sql": "{{ config(tags=['y']) }}select * from {{ ref('b') }}",
    "models/d.sql": "select * from {{ ref('c') }}",
}


def _names(manifest: Manifest, name: str | None = "s") -> str | None:
    chosen = named_selection(manifest, name)
    return None if chosen is None else "".join(one[-1] for one in chosen)


@pytest.mark.parametrize(
    ("definition", "expected"),
    [
        ("tag:x", "ab"),
        ("{tag: x}", "ab"),
        ("{method: tag, value: y, children: true}", "bcd"),
        ("{method: fqn, value: d, parents: true, parents_depth: 1}", "cd"),
        ("{method: fqn, value: a, childrens_parents: true}", "abcd"),
        ("{method: tag, value: x, exclude: [a]}", "b"),
        ("{union: [a, {tag: y}]}", "abc"),
        ("{intersection: [{tag: x}, {tag: y}]}", "b"),
        ("{union: [{tag: x}, {tag: y}, {exclude: [b, c]}]}", "a"),
        ("{union: [{method: selector, value: other}, a]}", "ad"),
    ],
)
def test_a_definition_selects_what_it_says(manifest: Make, definition: str, expected: str):
    text = f"selectors: [{{name: other, definition: d}}, {{name: s, definition: {definition}}}]"

    assert _names(manifest({**MODELS, "selectors.yml": text})) == expected


def test_the_default_selector_may_depend_on_the_target(manifest: Make):
    text = "selectors: [{name: s, default: \"{{ target.name == 'dev' }}\", definition: tag:y}]"

    assert _names(manifest({**MODELS, "selectors.yml": text}), None) == "bc"


def test_without_a_default_nothing_is_said(manifest: Make):
    assert _names(manifest(MODELS), None) is None


@pytest.mark.parametrize(
    ("definition", "kind", "word"),
    [
        ("{method: selector, value: s}", ConfigInvalid, "circle"),
        ("{method: tag, valu: x}", ConfigInvalid, "valu"),
        ("{method: tag}", ConfigInvalid, "missing"),
        ("[a]", ConfigInvalid, "mapping"),
        ("{union: a}", ConfigInvalid, "list"),
        ("{tagg: x}", UsageError, "tagg"),
    ],
)
def test_a_wrong_definition_is_refused(manifest: Make, definition: str, kind: type[HeadraceError], word: str):
    project = manifest({**MODELS, "selectors.yml": f"selectors: [{{name: s, definition: {definition}}}]"})

    with pytest.raises(kind, match=word):
        named_selection(project, "s")


def test_an_unknown_selector_is_refused_with_the_known_ones(manifest: Make):
    project = manifest({**MODELS, "selectors.yml": "selectors: [{name: nightly, definition: a}]"})

    with pytest.raises(UsageError) as caught:
        named_selection(project, "nightl")

    assert caught.value.hint == "did you mean 'nightly'?"
