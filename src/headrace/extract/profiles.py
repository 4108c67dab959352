"""What is known of a delimited file, and the questions to its values that tell the type of each column: one aggregate each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from headrace.schema import BIGINT, BOOLEAN, DATE, TIMESTAMP, TIMESTAMPTZ, VARCHAR, Kind, Type, decimal
from headrace.sql.delimited import NUMBER, NUMERIC, numeral, survives
from headrace.sql.dialect import name as quoted
from headrace.sql.exact import exact

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from headrace.arrow import pa
    from headrace.extract.dialects import Dialect
    from headrace.extract.found import Found
    from headrace.extract.texts import Torn
    from headrace.warehouse.embedded import Embedded

_AT_ONCE = 100
_GUESSES = (BOOLEAN, BIGINT, DATE, TIMESTAMP, TIMESTAMPTZ)


@dataclass(frozen=True, slots=True)
class Mended:
    """A file written anew without what cannot be loaded: the lines that are no rows, and rows with a value that is not of its declared type.

    `misfits` are these rows as texts, each with its line.
    """

    path: Path
    torn: Sequence[Torn]
    misfits: pa.Table


@dataclass(frozen=True, slots=True)
class Profile:
    """A file that was looked at: how it is written, the types its values survive (None: only nulls), and whether what was seen fits."""

    file: Found
    dialect: Dialect
    nulls: tuple[str, ...]
    types: Mapping[str, Type | None]
    declared: Mapping[str, Type]
    clean: bool
    skipped: int = 0
    mended: Mended | None = None

    @property
    def path(self) -> Path:
        """What is read of it in place."""
        return self.mended.path if self.mended else self.file.path

    def reader(self, *, header: bool | None = None) -> dict[str, Any]:
        """The reader's options, complete enough that it guesses nothing; every cell is text. Of a piece, `header` says whether it has one."""
        return {
            **self.dialect.reader(), "header": self.dialect.header if header is None else header,
            "nullstr": list(self.nulls), "columns": dict.fromkeys(self.types, "VARCHAR"),
            **({"skip": self.skipped} if self.skipped and header is None else {}),
        }  # fmt: skip


def questions(made: Profile) -> dict[str, str]:
    """What tells the type of each column, as one aggregate."""
    return {
        name: refused(name, of, made.dialect) if (of := made.declared.get(name)) else facts(name, made.dialect)
        for name in made.types
    }


def decided_by(made: Profile, answers: Mapping[str, Any]) -> Profile:
    """The file with its types, by the answers to its questions."""
    types = {name: made.declared.get(name) or decided(answers[name]) for name in made.types}
    return replace(made, types=types, clean=not any(answers[name] for name in made.types if name in made.declared))


def asked(local: Embedded, questions: Mapping[str, str], source: str) -> dict[str, Any]:
    """The answer to one aggregate for each column, in one pass for so many: what a statement takes grows with the square of its length."""
    names, answers = list(questions), list[Any]()
    for at in range(0, len(names), _AT_ONCE):
        asking = ", ".join(questions[name] for name in names[at : at + _AT_ONCE])
        ((*found,),) = local.rows(f"SELECT {asking} FROM {source}")
        answers += found
    return dict(zip(names, answers, strict=True))


def _text(name: str, of: Type | None, dialect: Dialect) -> str:
    return numeral(quoted(name), dialect.notation) if of and of.kind in NUMERIC else quoted(name)


def misfit(name: str, of: Type, dialect: Dialect) -> str:
    """A condition: the value of a column is not of the type that the stream declares."""
    return f"{quoted(name)} IS NOT NULL AND ({exact(_text(name, of, dialect), of)}) IS NULL"


def refused(name: str, of: Type, dialect: Dialect) -> str:
    """How many values of a column are not of the type that the stream declares."""
    return f"count_if({misfit(name, of, dialect)})"


def kept(name: str, of: Type | None, dialect: Dialect) -> str:
    """Whether every value of the file survives the type that the sample has shown; text always does."""
    x = quoted(name)
    if of is None:
        return f"count({x}) = 0"
    if of == VARCHAR:
        return f"count({x}) >= 0"
    test = f"coalesce({survives(_text(name, of, dialect), of)}, false)"
    return f"coalesce(bool_and({x} IS NULL OR {test}), true)"


def facts(name: str, dialect: Dialect) -> str:
    """What all the values of a column have in common."""
    x, number = quoted(name), numeral(quoted(name), dialect.notation)
    tests = {of.kind.value: survives(number if of.kind is Kind.BIGINT else x, of) for of in _GUESSES}
    tests["number"] = f"regexp_full_match({number}, '{NUMBER}')"
    # Not by FILTER: for each one the engine keeps room for the values of all columns.
    shared = ", ".join(f"'{word}': bool_and({x} IS NULL OR coalesce({test}, false))" for word, test in tests.items())
    whole = f"max(length(ltrim(split_part({number}, '.', 1), '-')))"
    return f"{{'values': count({x}), {shared}, 'whole': {whole}, 'scale': max(length(split_part({number}, '.', 2)))}}"


def decided(facts: Mapping[str, Any]) -> Type | None:
    """The type that these facts let a column have; None where it has no value."""
    if not facts["values"]:
        return None
    for of in _GUESSES:
        if facts[of.kind.value]:
            return of
    if facts["number"] and facts["whole"] + facts["scale"] <= 38:
        return decimal(max(18, facts["whole"] + facts["scale"]), facts["scale"])
    return VARCHAR
