from dataclasses import replace

import pytest

from headrace.errors import Place
from headrace.project.nodes import DataTest
from headrace.warehouse.opening import open_warehouse


@pytest.fixture(params=["duckdb", "postgres"])
def connection(request):
    url = "duckdb://" if request.param == "duckdb" else request.getfixturevalue("postgres_url")
    with open_warehouse(url).connect() as opened:
        opened.execute("create schema mart")
        opened.execute("create table mart.t as select * from (values (1, 'a'), (2, null), (3, null)) as v(id, word)")
        yield opened


@pytest.fixture
def a_check():
    def make(**fields):
        plain = DataTest(
            unique_id="test.shop.not_null_t_word", name="not_null_t_word", package="shop", place=Place("models/t.yml", 7),
            fqn=("shop", "t"), raw="", attached="model.shop.t", column="word", kind="not_null",
        )  # fmt: skip
        return replace(plain, **fields)

    return make
