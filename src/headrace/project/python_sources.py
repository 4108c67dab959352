"""Sources written in Python: which streams a file has, read from its text without running it."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from headrace.errors import ConfigInvalid, Place, did_you_mean
from headrace.project.config import Config
from headrace.project.stream_keys import StreamBase
from headrace.project.texts import text_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class PythonStream(StreamBase):
    """A function of a Python file that yields rows. What YAML says wins over what its decorator says."""

    kind: ClassVar[str] = "python"
    function: str | None = Field(default=None, description="its name, if that is not the stream's")


class PythonCode(Config):
    """What all streams of a Python file share."""

    module: str = Field(description="the file, from the project's folder")
    config: dict[str, Any] = Field(default={}, description="handed to functions that take `config`")
    secrets: dict[str, str] = Field(default={}, repr=False, description="handed to functions that take `secrets`")


class PythonSource(PythonCode):
    """A Python file: each of its functions that is decorated with `@stream` is a stream. `defaults:` are keys that all share."""

    type: Literal["python"]
    streams: dict[str, PythonStream] = {}
    description: str = ""
    meta: dict[str, Any] = {}


def decorated(module: str, root: Path, where: Place) -> dict[str, dict[str, Any]]:
    """The streams that a file decorates, by name, each with the keys its decorator gives. Raises ConfigInvalid."""
    path = root / module
    if not path.is_file():
        raise ConfigInvalid(
            f"there is no file {module}", where=where, hint="`module:` is a path from the project's folder"
        )
    text = text_of(path, module)
    lines = text.splitlines()
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        shown = lines[error.lineno - 1] if error.lineno and error.lineno <= len(lines) else None
        at = Place(module, error.lineno, error.offset, shown)
        raise ConfigInvalid(f"the Python cannot be read: {error.msg}", where=at) from error
    found: dict[str, dict[str, Any]] = {}
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for keys in _keys(function, module, lines):
            if isinstance(function, ast.AsyncFunctionDef):
                at = Place(module, function.lineno, function.col_offset + 1, lines[function.lineno - 1])
                told = f"{function.name} is async, and a stream is a function that yields its rows"
                raise ConfigInvalid(told, where=at, hint="call asyncio.run() in a function that is not")
            named = str(keys.pop("name", function.name))
            found[named] = {**keys, "function": function.name}
    return found


def _keys(function: ast.FunctionDef | ast.AsyncFunctionDef, module: str, lines: list[str]) -> Iterator[dict[str, Any]]:
    """The keys that each `@stream` above a function gives."""
    for mark in function.decorator_list:
        called = mark.func if isinstance(mark, ast.Call) else mark
        named = called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""
        if named != "stream":
            continue
        keys: dict[str, Any] = {}
        for word in mark.keywords if isinstance(mark, ast.Call) else ():
            where = Place(module, word.value.lineno, word.value.col_offset + 1, lines[word.value.lineno - 1])
            known = {*PythonStream.model_fields, "name"} - {"function"}
            if word.arg not in known:
                hint = did_you_mean(str(word.arg), known)
                raise ConfigInvalid(f"a stream has no key {word.arg!r}", where=where, hint=hint)
            try:
                keys[word.arg] = ast.literal_eval(word.value)
            except ValueError as error:
                told = "@stream takes plain values, as the file is read without being run"
                raise ConfigInvalid(told, where=where, hint="what is computed can stand in the function") from error
        yield {
            key: list(value) if isinstance(value, tuple) else value for key, value in keys.items() if value is not None
        }
