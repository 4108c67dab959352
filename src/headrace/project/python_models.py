"""Models in Python: what they refer to and how they configure themselves, read from the text without running it."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from headrace.errors import Place, TemplateInvalid
from headrace.project.recording import Facts

if TYPE_CHECKING:
    from collections.abc import Iterator


def read_python(raw: str, place: Place) -> Facts:
    """The `dbt.ref`, `dbt.source` and `dbt.config` calls of a model. Raises TemplateInvalid where the file is not one."""
    try:
        tree = ast.parse(raw)
    except SyntaxError as error:
        lines = raw.splitlines()
        text = lines[error.lineno - 1] if error.lineno and error.lineno <= len(lines) else None
        where = Place(place.path, error.lineno, error.offset, text)
        raise TemplateInvalid(f"the Python cannot be read: {error.msg}", where=where) from error
    if not any(isinstance(node, ast.FunctionDef) and node.name == "model" for node in tree.body):
        raise TemplateInvalid(
            "a model in Python is a function `model`", where=place, hint="write: def model(dbt, session): …"
        )
    facts = Facts()
    for name, call in _calls(tree):
        values = [_literal(one, name, place) for one in call.args]
        named = {word.arg: _literal(word.value, name, place) for word in call.keywords if word.arg is not None}
        match name:
            case "config":
                facts.config.update(named)
            case "ref":
                version = named.get("version", named.get("v"))
                package = values[0] if len(values) > 1 else None
                facts.refs.append((package, values[-1], None if version is None else str(version)))
            case "source":
                facts.sources.append((values[0], values[1]))
    return facts


def _calls(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    """Each call of `dbt.NAME(...)`, in order of the text."""
    found = [
        (call.func.attr, call)
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id == "dbt"
        and call.func.attr in ("config", "ref", "source")
    ]
    yield from sorted(found, key=lambda one: (one[1].lineno, one[1].col_offset))


def _literal(value: ast.expr, name: str, place: Place) -> Any:
    try:
        return ast.literal_eval(value)
    except ValueError as error:
        where = Place(place.path, value.lineno, value.col_offset + 1)
        raise TemplateInvalid(
            f"dbt.{name}() takes plain values, as the file is read without being run", where=where
        ) from error
