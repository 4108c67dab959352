"""A declared type is the same one wherever it is asked for: to read the source, to make the table, and at the next load."""

import pyarrow as pa
import pytest

from headrace.schema import Kind, parse_type

from .conftest import batch_of, stream_of

NESTED = {"list(bigint)": [1, 2], "struct(a bigint)": {"a": 1}}
DECLARED = {
    "decimal": pa.array([None], pa.decimal128(18, 3)),
    "decimal(5,1)": pa.array([None], pa.decimal128(5, 1)),
    "hugeint": pa.array([None], pa.decimal128(38, 0)),
    "text": pa.array(["a"]),
    **{word: pa.array([value]) for word, value in NESTED.items()},
}


@pytest.mark.parametrize("declared", DECLARED)
def test_a_column_has_its_declared_type_from_load_to_load(pipe, declared):
    stream = stream_of(columns={"value": declared}, write_disposition="append")

    pipe.load(stream, batch_of(id=[1], value=DECLARED[declared]))
    first = pipe.types()["value"]
    pipe.load(stream, batch_of(id=[2], value=DECLARED[declared]))

    types = pipe.connection.capabilities.types
    kept_as_json = declared in NESTED and types[Kind.LIST] == types[Kind.JSON]
    assert pipe.types()["value"] == first
    assert kept_as_json or declared == "hugeint" or first == str(parse_type(declared))
    assert len(pipe.rows("id", "1")) == 2
