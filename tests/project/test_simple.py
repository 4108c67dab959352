"""Templates of simple calls are read without Jinja, and come to what Jinja makes of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import Place, TemplateInvalid
from headrace.project.macros import Macros
from headrace.project.simple import Call, simple
from headrace.project.template import Templates

NAMES = {
    "ref": lambda *names, **named: f"<ref {names} {sorted(named.items())}>",
    "config": lambda *_, **__: "",
    "var": lambda name, default=None: default if name == "unset" else name,
}
texts = st.text("ab'\"\n {}%#-", max_size=12)
calls = st.sampled_from(
    [
        "{{ ref('a') }}",
        '{{ref("a","b")}}',
        "{{ config(materialized='table', tags=['x', \"y\"], meta={'k': 1}) }}",
        "{{ ref('a', v=2) }}",
        "{{- ref('a') -}}",
        "{{ ref('a')\n }}",
        "{{ ref('a' ~ 'b') }}",
        "{{ ref('a') | upper }}",
        "{{ var('unset', true) }}",
        "{{ var('unset', True) }}",
        "{{ var('unset', none) }}",
        "{{ var('unset', -1) }}",
        "{{ 'literal' }}",
        "{{ other('a') }}",
        "{{ ref('a\\n') }}",
    ]
)


def outcome(templates, text):
    try:
        return templates.render(text, NAMES, Place("m.sql"))
    except TemplateInvalid as error:
        return (error.what, str(error.where))


@pytest.fixture(scope="module")
def templates(tmp_path_factory):
    return Templates(Macros.load("p", tmp_path_factory.mktemp("p"), (), ()), "duckdb", "p")


@given(st.lists(st.one_of(texts, calls), max_size=5).map("".join))
def test_a_template_read_simply_comes_to_what_jinja_makes_of_it(templates, text):
    simply = outcome(templates, text)

    templates._simple[text] = None
    by_jinja = outcome(templates, text)

    assert simply == by_jinja


def test_what_calls_take_is_theirs_to_change(templates):
    kept = []

    for _ in range(2):
        templates.render("{{ config(tags=['a']) }}", {"config": lambda tags: kept.append(tags) or ""}, Place("m.sql"))
        kept[-1].append("more")

    assert kept == [["a", "more"], ["a", "more"]]


def test_most_models_need_no_jinja():
    assert simple("select * from {{ ref('a') }} join {{ source('s', 't') }}\n") == (
        "select * from ",
        Call("ref", ("a",)),
        " join ",
        Call("source", ("s", "t")),
    )
