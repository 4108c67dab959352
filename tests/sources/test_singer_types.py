"""From a tap's JSON schema to types: exact, or left to the values."""

import pytest

from headrace.extract.singer import type_of


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "string"}, "varchar"),
        ({"type": ["null", "string"], "format": "date-time"}, "timestamptz"),
        ({"type": ["string", "null"], "format": "date"}, "date"),
        ({"type": "string", "format": "time"}, "time"),
        ({"type": "string", "format": "uuid"}, "uuid"),
        ({"type": "string", "format": "email"}, "varchar"),
        ({"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]}, "timestamptz"),
        ({"anyOf": [{"type": "string", "format": "date-time"}, {"type": "string"}]}, None),
        ({"type": "integer"}, "bigint"),
        ({"type": "integer", "minimum": -(1 << 31), "maximum": (1 << 31) - 1}, "bigint"),
        ({"type": "integer", "minimum": 0, "maximum": (1 << 64) - 1}, "decimal(38,0)"),
        ({"type": "number"}, None),
        ({"type": ["null", "integer", "number"]}, None),
        ({"type": "number", "multipleOf": 0.01}, "decimal(38,2)"),
        ({"type": "number", "multipleOf": 1e-9}, "decimal(38,9)"),
        ({"type": "number", "multipleOf": 1}, "decimal(38,0)"),
        ({"type": "number", "multipleOf": 1e-50}, "decimal(38,38)"),
        ({"type": "string", "format": "singer.decimal"}, "varchar"),
        ({"type": "string", "format": "singer.decimal", "precision": 12, "scale": 2}, "decimal(12,2)"),
        ({"type": "string", "format": "singer.decimal", "precision": 60, "scale": 2}, "varchar"),
        ({"type": "boolean"}, "boolean"),
        ({"type": ["null", "object"], "properties": {}}, "json"),
        ({"type": "array", "items": {}}, "json"),
        ({"type": ["string", "integer"]}, None),
        ({}, None),
        (True, None),
    ],
)
def test_a_schema_is_a_type(schema, expected):
    found = type_of(schema)

    assert (None if found is None else str(found)) == expected
