"""A small project made in memory: models by name, over a real session."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

import pytest

from headrace.errors import Place
from headrace.graph import Graph
from headrace.project.macros import Macros
from headrace.project.manifest import Manifest
from headrace.project.nodes import Model
from headrace.project.settings import Settings, Target
from headrace.project.template import Templates
from headrace.publish import publish
from headrace.sql.operations import CreateSchema
from headrace.table import Table
from headrace.transform.compile import compile_node
from headrace.transform.materialize import build
from headrace.transform.runtime import Runtime
from headrace.transform.upkeep import finish
from headrace.warehouse.opening import open_warehouse


def a_model(name, raw, materialized="table", /, **config):
    return Model(
        unique_id=f"model.shop.{name}",
        name=name,
        package="shop",
        place=Place(f"models/{name}.sql"),
        fqn=("shop", name),
        raw=raw,
        table=Table(config.pop("schema", "mart"), name),
        materialized=materialized,
        description=config.pop("description", ""),
        columns=config.pop("columns", {}),
        column_specs={column: {"data_type": kind} for column, kind in config.pop("types", {}).items()},
        config={"materialized": materialized, **config},
    )


@dataclass
class Mill:
    """What a run does with a model, by hand."""

    connection: object
    root: object
    macros: str = ""
    vars: dict = field(default_factory=dict)
    flags: dict = field(default_factory=dict)
    environ: dict = field(default_factory=dict)
    nodes: dict = field(default_factory=dict)

    def add(self, *nodes):
        for node in nodes:
            self.nodes[node.unique_id] = node
        return nodes[0]

    @property
    def runtime(self):
        dialect = self.connection.capabilities.dialect
        builtin = Macros.load("shop", self.root)
        if self.macros:
            builtin.add("shop", "macros/own.sql", self.macros)
        target = Target("dev", "duckdb://" if dialect == "duckdb" else "postgresql://", "mart")
        settings = Settings("shop", self.root, target, ("dev",), vars=self.vars, environ=self.environ)
        refs = {node.name: key for key, node in self.nodes.items()}
        templates = Templates(builtin, dialect, "shop")
        manifest = Manifest(settings, self.nodes, Graph(dict.fromkeys(self.nodes, ())), templates, refs, {}, {})
        return Runtime(
            manifest=manifest, started=dt.datetime(2026, 1, 2, tzinfo=dt.UTC), invocation="run-1", flags=self.flags
        )

    def known(self):
        return self.connection.inspect("mart", "other")

    def compile(self, node, audited=None):
        self.add(node)
        return compile_node(node, self.runtime, self.connection, self.known(), audited)

    def run(self, node, audit=None):
        """Build and publish in one transaction; `audit` is called in between."""
        self.add(node)
        self.connection.run(CreateSchema(node.table.schema))
        with self.connection.transaction():
            known = self.known()
            compiled = compile_node(node, self.runtime, self.connection, known)
            built = build(self.connection, node, compiled, relations=known)
            if audit:
                audit(built)
            if built.table is not None:
                publish(self.connection, node.unique_id, built.table, node.table, known, view=built.query)
            finish(self.connection, node, compiled, built)
        return built

    def rows(self, table="mart.m", order="1"):
        return self.connection.rows(f"select * from {table} order by {order}")


@pytest.fixture(params=["duckdb", "postgres"])
def connection(request):
    url = "duckdb://" if request.param == "duckdb" else request.getfixturevalue("postgres_url")
    with open_warehouse(url).connect() as opened:
        opened.execute("create schema mart")
        yield opened


@pytest.fixture
def mill(connection, tmp_path):
    return Mill(connection, tmp_path)


@pytest.fixture
def model():
    return a_model
