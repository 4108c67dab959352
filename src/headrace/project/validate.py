"""Data of a YAML file as a config model, with errors that point at the key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, get_args

import pydantic

from headrace.errors import ConfigInvalid, Place, did_you_mean
from headrace.project.config import Config

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic_core import ErrorDetails

    from headrace.project.files import Document

C = TypeVar("C", bound=Config)

_KINDS: Mapping[str, str] = {
    "string": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "dict": "a mapping",
    "model": "a mapping",
    "mapping": "a mapping",
    "list": "a list",
    "tuple": "a list",
}


_DLTS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "resources": (
        ("streams", "what dlt calls resources is `streams:`; `headrace import dlt` takes a configuration over"),
    ),
    "resource_defaults": (
        ("defaults", "it is `defaults:` here"),
        ("streams", "it is `defaults:` here, beside `streams:`"),
    ),
    "endpoint": (("paginator", "the keys of an endpoint stand beside those of the stream"),),
    "processing_steps": (("paginator", "what dlt does by functions is SQL over the rows here: `transform:`"),),
    "parallelized": (("paginator", "streams run side by side; how many requests do, `parallel_requests:` says"),),
    "selected": (("paginator", "`enabled: false` leaves a stream out"),),
}
"""What is said of keys that are dlt's alone, where the key that stands for it is known."""
_EARLIER: Mapping[str, str] = {"json_response": "dlt calls it `json_link` now, and so it is called here"}
"""What is said of types that dlt has under another name by now."""


def validate(kind: type[C], data: Any, document: Document, at: tuple[str | int, ...] = ()) -> C:
    """`data`, which stands at the path `at` of the document, as a config model. Raises ConfigInvalid for all its errors at once."""
    try:
        return kind.model_validate(data)
    except pydantic.ValidationError as failure:
        # A key that is missing is often one that is misspelt, which says more.
        errors = sorted(failure.errors(include_url=False), key=lambda error: error["type"] == "missing")
        raise report([_problem(kind, error, document, at) for error in errors]) from None


def report(problems: list[tuple[str, Place, str | None]]) -> ConfigInvalid:
    """One error for several problems: the first has the place and the hint, the rest are lines of the sentence."""
    (what, where, hint), *more = problems
    lines = [f"also {place}: {text}{f' ({tip})' if tip else ''}" for text, place, tip in more]
    return ConfigInvalid("\n".join([what, *lines]), where=where, hint=hint)


def _problem(
    kind: type[Config], error: ErrorDetails, document: Document, at: tuple[str | int, ...]
) -> tuple[str, Place, str | None]:
    path = (*at, *error["loc"])
    key = next((str(part) for part in reversed(error["loc"]) if isinstance(part, str)), "the file")
    context = error.get("ctx", {})
    match error["type"]:
        case "extra_forbidden":
            keys = fields(kind, error["loc"][:-1])
            hint = next((tip for word, tip in _DLTS.get(key, ()) if word in keys), None) or did_you_mean(key, keys)
            return f"unknown key {key!r}", document.key_place(*path), hint
        case "missing":
            return f"the key {key!r} is missing", document.key_place(*path[:-1]), None
        case "literal_error" | "enum":
            known = [word.strip("' ") for word in str(context["expected"]).replace(" or ", ",").split(",")]
            hint = did_you_mean(str(error["input"]), known)
            return f"{key}: {error['input']!r} is none of {', '.join(known)}", document.place(*path), hint
        case "union_tag_invalid":
            known = [word.strip("' ") for word in str(context["expected_tags"]).split(",")]
            tag = str(context["tag"])
            place = document.place(*path, str(context["discriminator"]).strip("'"))
            hint = _EARLIER.get(tag) or did_you_mean(tag, known)
            return f"{key}: type {tag!r} is none of {', '.join(known)}", place, hint
        case "union_tag_not_found":
            known = types(kind, error["loc"])
            return f"{key} has no 'type', which is one of {', '.join(known)}", document.key_place(*path), None
        case other:
            return _sentence(other, key, error), document.place(*path), None


def _sentence(kind: str, key: str, error: ErrorDetails) -> str:
    word = kind.split("_", 1)[0]
    if kind.endswith(("_type", "_parsing", "_from_float")) and word in _KINDS:
        # The value itself stays out of the sentence: it may be a secret that was just resolved.
        return f"{key} takes {_KINDS[word]}, not {_name(error['input'])}"
    said = error["msg"].removeprefix("Value error, ")
    return f"{key}: {said[:1].lower()}{said[1:]}"


def _name(value: Any) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list() | tuple():
            return "a list"
    return "a mapping"


def fields(kind: type[Config], path: Iterable[str | int]) -> set[str]:
    """The keys that the config model at this path below `kind` takes, by the names users write."""
    candidates: list[Any] = [kind]
    for part in path:
        deeper = [found for one in candidates for found in _step(one, part)]
        candidates = deeper or candidates
    return {
        field.alias or name
        for one in _flat(candidates)
        if isinstance(one, type) and issubclass(one, Config)
        for name, field in one.model_fields.items()
    }


def types(kind: type[Config], path: Iterable[str | int]) -> list[str]:
    """What `type:` may be in the mapping at this path below `kind`."""
    candidates: list[Any] = [kind]
    for part in path:
        candidates = [found for one in candidates for found in _step(one, part)] or candidates
    return [
        word
        for one in _flat(candidates)
        if isinstance(one, type) and issubclass(one, Config) and "type" in one.model_fields
        for word in get_args(one.model_fields["type"].annotation)
    ]


def _step(kind: Any, part: str | int) -> list[Any]:
    if isinstance(kind, type) and issubclass(kind, Config):
        return _flat(field.annotation for name, field in kind.model_fields.items() if part in (name, field.alias))
    arguments = get_args(kind)
    return _flat(arguments[-1:] if arguments and arguments[-1] is not Ellipsis else arguments[:1])


def _flat(kinds: Iterable[Any]) -> list[Any]:
    """Unions and annotations taken apart."""
    import types
    import typing

    found: list[Any] = []
    for kind in kinds:
        origin = typing.get_origin(kind)
        if origin is typing.Annotated:
            found += _flat(get_args(kind)[:1])
        elif origin in (typing.Union, types.UnionType):
            found += _flat(get_args(kind))
        else:
            found.append(kind)
    return found
