"""headrace: extract, load, transform, test, watch and explain data pipelines, in one graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headrace.authoring import stream

__all__ = ["stream"]


def __getattr__(name: str) -> Any:
    if name == "stream":
        from headrace.authoring import stream

        return stream
    raise AttributeError(f"module 'headrace' has no attribute {name!r}")
