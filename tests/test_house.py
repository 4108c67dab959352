"""The house rules that no linter knows."""

import ast
import importlib.util
import inspect
import re
from pathlib import Path

import click
import pytest

from headrace.cli.main import COMMANDS, EXAMPLES, cli
from headrace.cli.options import Asked
from headrace.errors import every_error

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "src" / "headrace").rglob("*.py"))
KEYWORDS_BY_NAME = {
    # Templates call these with whatever arguments their author wrote.
    "project/template.py",
    "project/macros.py",
    "project/recording.py",
    "project/generic.py",
    "project/names.py",
    "project/jinja.py",
    "transform/adapter.py",
    "transform/context.py",
    "transform/statements.py",
    "transform/relation.py",
    "transform/grid.py",
    "transform/python.py",
}
"""Modules that may take `**kwargs`: their callers are Jinja templates."""
LONGEST_FUNCTION = 60
LONGEST_MODULE = 400
COUNTED = re.compile(
    " (attempts|batches|bytes|columns|failures|files|lines|models|nodes|pages|records|requests|results|rows|seconds|segments|streams|tables"
    "|tests|values)(?!/)\\b"
)
"""What `counting.count` says the number of, since of one thing there is another word."""


def inside(path):
    return path.relative_to(ROOT / "src" / "headrace").as_posix()


def parsed(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def functions(path):
    return [node for node in ast.walk(parsed(path)) if isinstance(node, ast.FunctionDef)]


@pytest.mark.parametrize("path", SOURCES, ids=inside)
def test_a_module_fits_the_head(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_MODULE


@pytest.mark.parametrize("path", SOURCES, ids=inside)
def test_a_function_fits_the_screen(path):
    long = {one.name: one.end_lineno - one.lineno + 1 for one in functions(path)}

    assert {name: lines for name, lines in long.items() if lines > LONGEST_FUNCTION} == {}


@pytest.mark.parametrize("path", SOURCES, ids=inside)
def test_arguments_have_names(path):
    loose = [one.name for one in functions(path) if one.args.kwarg]

    assert loose == [] or inside(path) in KEYWORDS_BY_NAME


@pytest.mark.parametrize("path", SOURCES, ids=inside)
def test_only_faces_print(path):
    prints = [
        node.lineno
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]

    assert prints == []
    if not inside(path).startswith(("cli/", "observe/")):
        assert "click.echo" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", SOURCES, ids=inside)
def test_what_is_counted_may_be_one(path):
    texts = [node.values for node in ast.walk(parsed(path)) if isinstance(node, ast.JoinedStr)]
    after_a_value = [
        (values[at + 1].lineno, values[at + 1].value)
        for values in texts
        for at, one in enumerate(values[:-1])
        if isinstance(one, ast.FormattedValue) and isinstance(values[at + 1], ast.Constant)
    ]

    assert [(line, said) for line, said in after_a_value if COUNTED.match(said)] == []


@pytest.mark.parametrize("path", SOURCES, ids=inside)
def test_no_class_looks_like_a_test_to_pytest(path):
    assert [
        one.name for one in ast.walk(parsed(path)) if isinstance(one, ast.ClassDef) and one.name.startswith("Test")
    ] == []


def test_every_error_has_a_code_of_its_own_and_says_what_it_means():
    kinds = every_error()

    assert len({kind.code for kind in kinds}) == len(kinds)
    assert [kind.__name__ for kind in kinds if not kind.__doc__ or kind.__doc__ == kind.__base__.__doc__] == []
    assert [
        kind.__name__ for kind in kinds if not kind.code.startswith("HR") or kind.exit_code not in {1, 2, 130}
    ] == []


def commands():
    context = click.Context(cli, info_name="headrace", obj=Asked())
    found = [(f"headrace {name}", cli.get_command(context, name)) for name in COMMANDS]
    for name, command in list(found):
        found += [(f"{name} {child}", each) for child, each in getattr(command, "commands", {}).items()]
    return found


@pytest.mark.parametrize(("name", "command"), commands(), ids=lambda value: value if isinstance(value, str) else "")
def test_every_command_says_what_it_does_with_three_examples(name, command):
    text = inspect.cleandoc(command.help or "")

    assert text.partition("\n")[0].endswith((".", ":")) or ":" in text.partition("\n\n")[0]
    if not isinstance(command, click.Group):
        assert len(text.partition("\nExamples:\n")[2].strip().splitlines()) >= 2
    assert f"## {name}\n" in (ROOT / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")


def test_the_examples_on_the_first_page_are_of_commands_there_are():
    words = [line.split()[1] for line in EXAMPLES.splitlines()]

    assert set(words) <= set(COMMANDS)


def test_the_reference_is_what_the_code_says():
    spec = importlib.util.spec_from_file_location("reference", ROOT / "scripts" / "reference.py")
    reference = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(reference)

    stale = [
        path.name
        for path, text in reference.pages().items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]

    assert stale == [], "run: uv run python scripts/reference.py"
