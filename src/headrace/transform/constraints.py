"""The constraints of an enforced contract, as the columns and constraints of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.errors import ConfigInvalid, did_you_mean
from headrace.sql.dialect import name, names

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from headrace.project.nodes import Model

KINDS = ("not_null", "check", "unique", "primary_key", "foreign_key", "custom")


def has_constraints(node: Model) -> bool:
    """Whether the engine is to hold the model's rows to something beyond types."""
    return bool(node.constraints or node.column_constraints)


def has_foreign_key(node: Model) -> bool:
    """Whether one of them refers to another table."""
    columns = [one for each in node.column_constraints.values() for one in each]
    return any(_kind(node, one) == "foreign_key" for one in (*node.constraints, *columns))


def definition(node: Model, types: Mapping[str, str], evaluate: Callable[[str], Any]) -> str:
    """What stands between the brackets of CREATE TABLE. `evaluate` gives what the Jinja of `to: ref('x')` means. Raises ConfigInvalid."""
    lines = [
        " ".join(
            [name(column), kind, *(_column(node, one, evaluate) for one in node.column_constraints.get(column, ()))]
        )
        for column, kind in types.items()
    ]
    lines += [_whole(node, one, evaluate) for one in node.constraints]
    return ",\n    ".join(lines)


def _column(node: Model, constraint: Mapping[str, Any], evaluate: Callable[[str], Any]) -> str:
    match _kind(node, constraint):
        case "not_null":
            return "NOT NULL"
        case "check":
            return f"{_named(constraint)}CHECK ({_expression(node, constraint)})"
        case "unique":
            return "UNIQUE"
        case "primary_key":
            return "PRIMARY KEY"
        case "foreign_key":
            return f"{_named(constraint)}REFERENCES {_reference(node, constraint, evaluate)}"
        case _:
            return _expression(node, constraint)


def _whole(node: Model, constraint: Mapping[str, Any], evaluate: Callable[[str], Any]) -> str:
    columns = names(str(column) for column in constraint.get("columns") or ())
    match _kind(node, constraint):
        case "check":
            return f"{_named(constraint)}CHECK ({_expression(node, constraint)})"
        case "unique":
            return f"UNIQUE ({columns})"
        case "primary_key":
            return f"PRIMARY KEY ({columns})"
        case "foreign_key":
            return f"{_named(constraint)}FOREIGN KEY ({columns}) REFERENCES {_reference(node, constraint, evaluate)}"
        case "not_null":
            raise ConfigInvalid(f"{node.name}: not_null is a constraint of a column", where=node.place)
        case _:
            return _expression(node, constraint)


def _kind(node: Model, constraint: Mapping[str, Any]) -> str:
    kind = str(constraint.get("type"))
    if kind not in KINDS:
        hint = did_you_mean(kind, KINDS) or f"one of {', '.join(KINDS)}"
        raise ConfigInvalid(f"{node.name}: a constraint of type {kind!r} is not known", where=node.place, hint=hint)
    return kind


def _named(constraint: Mapping[str, Any]) -> str:
    given = constraint.get("name")
    return f"CONSTRAINT {name(str(given))} " if given else ""


def _expression(node: Model, constraint: Mapping[str, Any]) -> str:
    found = constraint.get("expression")
    if not found:
        raise ConfigInvalid(
            f"{node.name}: a constraint of type {constraint.get('type')} needs an expression", where=node.place
        )
    return str(found)


def _reference(node: Model, constraint: Mapping[str, Any], evaluate: Callable[[str], Any]) -> str:
    to = constraint.get("to")
    if not to:
        return _expression(node, constraint)
    table = evaluate(f"{{{{ {to} }}}}" if str(to).startswith(("ref(", "source(")) else str(to))
    return f"{table} ({names(str(column) for column in constraint.get('to_columns') or ())})"
