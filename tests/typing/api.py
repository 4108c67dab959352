"""Public names keep their types: checked by mypy, never run."""
