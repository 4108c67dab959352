"""How deep a JSON text is nested, found without a parser: DuckDB's functions of structure break down far below what JSON may be."""

from __future__ import annotations

import re

DEEPEST = 100
_OTHERS = bytes(set(range(256)) - set(b"[]{}"))
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]', re.DOTALL)


def too_deep(body: str) -> bool:
    """Whether a body is nested deeper than `DEEPEST` levels, which no record is that a table could hold."""
    left = body.encode().translate(None, _OTHERS)
    levels = 0
    # Each round takes the innermost pairs away: a few rounds leave nothing of what APIs send.
    while left and levels < DEEPEST:
        fewer = left.replace(b"[]", b"").replace(b"{}", b"")
        levels += 1
        if len(fewer) == len(left):
            break
        left = fewer
    if levels + left.count(b"[") + left.count(b"{") <= DEEPEST:
        return False
    return _deepest(body.encode()) > DEEPEST  # brackets inside of texts stand in the way


def _deepest(body: bytes) -> int:
    depth = deepest = 0
    for token in _TOKEN.finditer(body):
        sign = token[0]
        if sign in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif sign in b"]}":
            depth -= 1
    return deepest
