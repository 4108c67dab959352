"""How tests of APIs read a stream of the loopback server."""

from headrace.batch import Batch
from headrace.extract import rest
from headrace.project.apis import Client
from headrace.project.rest_sources import RestStream
from headrace.project.sources import Stream


def stream_of(api, path="single_page", /, *, client=None, name="orders", **spec):
    made = RestStream.model_validate({"path": path, "paginator": "single_page", **spec})
    shared = Client.model_validate({"base_url": api.url, "timeout": 0.5, **(client or {})})
    return Stream(source="api", name=name, spec=made, client=shared)


def read(api, stream, local, *, cursor=None, resume=None, **more):
    return rest.read(stream, cursor=cursor, resume=resume or {}, local=local, clock=api.clock.clock(), **more)


def ids(arrived):
    return [row for one in arrived if isinstance(one, Batch) for row in one.rows["id"].to_pylist()]
