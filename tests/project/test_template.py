from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from headrace.errors import MacroFailed, Place, TemplateInvalid
from headrace.project.macros import Macros
from headrace.project.scopes import Calls
from headrace.project.template import CompilerError, Templates

if TYPE_CHECKING:
    from pathlib import Path

HERE = Place("models/x.sql")


def templates(folder: Path, macros: str) -> Templates:
    (folder / "macros").mkdir()
    (folder / "macros" / "all.sql").write_text(macros, encoding="utf-8")
    return Templates(Macros.load("shop", folder), "duckdb", "shop")


@pytest.mark.parametrize(
    ("macros", "text", "expected"),
    [
        ("{% macro f() %}{{ return([1, 2]) }}{% endmacro %}", "{{ f() }}", [1, 2]),
        (
            "{% macro f(xs) %}{% for x in xs %}{% if x > 1 %}{% do return({'x': x}) %}{% endif %}{% endfor %}{% endmacro %}",
            "{{ f([1, 2, 3]) }}",
            {"x": 2},
        ),
        ("{% macro f() %}{{ g() + 1 }}{% endmacro %}{% macro g() %}{{ return(1) }}{% endmacro %}", "{{ f() }}", "2"),
        ("{% macro f() %}<{{ caller() }}>{% endmacro %}", "{% call f() %}a{% endcall %}", "<a>"),
        ("{% macro f() %}{{ varargs }}{{ kwargs }}{% endmacro %}", "{{ f(1, a=2) }}", "(1,){'a': 2}"),
        ("{% macro f() %}{{ return(none) }}{% endmacro %}", "{{ f() is none }}", True),
        ("{% macro f() %}{{ out }}{% endmacro %}", "{{ f() }}", "of the caller"),
        ("{# {% macro f() %} #}", "{{ f is defined }}", False),
        ("{% macro duckdb__f() %}d{% endmacro %}{% macro default__f() %}x{% endmacro %}", "{{ dispatch('f')() }}", "d"),
        ("{% macro default__f() %}x{% endmacro %}", "{{ dispatch('f', 'shop')() }}", "x"),
        ("{% macro f() %}x{% endmacro %}", "{{ shop.f() }}", "x"),
        (
            "{% test even(model, column_name) %}{{ model }}.{{ column_name }}{% endtest %}",
            "{{ test_even('m', 'c') }}",
            "m.c",
        ),
        ("", "{% set ns = namespace(n=0) %}{% for i in range(3) %}{% set ns.n = ns.n + i %}{% endfor %}{{ ns.n }}", 3),
        ("", "{{ 'true' | as_bool }}", True),
        ("", "{{ '12' | as_number }}", 12),
        ("", "{{ '[1]' | as_native }}", [1]),
        ("", "{{ '12' }}", "12"),
        ("", "{{ nothing.at.all is defined }}", False),
        ("", "{{ 1 }}{{ 2 }}", "12"),
    ],
)
def test_macros_are_functions(tmp_path: Path, macros: str, text: str, expected: Any):
    engine = templates(tmp_path, macros)

    value = engine.evaluate(text, {"dispatch": engine.dispatch, "out": "of the caller"}, HERE)

    assert value == expected


def test_a_macro_of_the_project_overrides_one_that_comes_with_headrace(tmp_path: Path):
    engine = templates(tmp_path, "{% macro generate_alias_name(custom, node) %}mine{% endmacro %}")

    assert engine.call("generate_alias_name", {}, None, None) == "mine"


def test_macros_that_a_template_calls_are_told_from_those_that_its_macros_call(tmp_path: Path):
    engine = templates(
        tmp_path,
        "{% macro f() %}{{ g() }}{% endmacro %}{% macro g() %}{% endmacro %}{% macro h() %}{% endmacro %}",
    )
    calls = Calls()

    engine.render("{{ h() }}{{ f() }}{{ f() }}{{ g() }}", {}, HERE, calls=calls)

    assert calls.direct == ["macro.shop.h", "macro.shop.f", "macro.shop.g"]
    assert calls.reached == ["macro.shop.f", "macro.shop.g", "macro.shop.h"]


@pytest.mark.parametrize(
    ("text", "place", "word", "hint"),
    [
        ("select\n  {{ tarjet }}", "models/x.sql:2:6", "'tarjet'", "did you mean 'target'?"),
        ("{{ strring() }}", "models/x.sql:1:4", "'strring'", "did you mean 'string'?"),
        ("select 1\n{% if x %}", "models/x.sql:2:1", "endif", None),
        ("{{ 1 / 0 }}", "models/x.sql:1:1", "division by zero", None),
        ("{{ fail() }}", "macros/all.sql:3:1", "models/x.sql:1 → macros/all.sql:3", None),
        ("{{ target.zzqx }}", "models/x.sql:1:11", "zzqx", None),
    ],
)
def test_an_error_says_where_and_what_was_meant(tmp_path: Path, text: str, place: str, word: str, hint: str | None):
    engine = templates(tmp_path, "{% macro string() %}{% endmacro %}\n{% macro fail() %}\n{{ 1 / 0 }}{% endmacro %}")

    with pytest.raises(TemplateInvalid) as caught:
        engine.render(text, {"target": object()}, HERE)

    assert str(caught.value.where) == place
    assert word in caught.value.what
    assert caught.value.hint == hint


def test_a_compiler_error_of_a_macro_has_the_line_that_raised_it(tmp_path: Path):
    def refuse(message: str) -> None:
        raise CompilerError(message)

    engine = templates(tmp_path, "{% macro f() %}\n\n  {{ refuse('no such store') }}{% endmacro %}")

    with pytest.raises(MacroFailed, match="no such store") as caught:
        engine.render("{{ f() }}", {"refuse": refuse}, HERE)

    assert str(caught.value.where) == "macros/all.sql:3:3"
