"""What YAML declares beside tables: exposures, groups, metrics, semantic models and saved queries."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from headrace.errors import ConfigInvalid
from headrace.project.nodes import Exposure, Group, Metric, SavedQuery, SemanticModel
from headrace.project.reading import Draft, described, facts_of
from headrace.project.recording import Facts
from headrace.project.resolution import words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from headrace.project.properties import Properties
    from headrace.project.reading import Reading

_CALL = re.compile(r"\s*(?P<kind>ref|source|metric)\s*\((?P<words>.*)\)\s*", re.DOTALL)
_WORD = re.compile(
    r"(?:(?P<key>version|v)\s*=\s*)?(?:'(?P<single>[^']*)'|\"(?P<double>[^\"]*)\"|(?P<number>\d+(?:\.\d+)?))"
)
_SPECS: Mapping[str, type[Metric | SemanticModel | SavedQuery]] = {
    "metric": Metric,
    "semantic_model": SemanticModel,
    "saved_query": SavedQuery,
}
_TREES = {"metric": "metrics", "semantic_model": "semantic_models", "saved_query": "saved_queries"}


def read_call(text: str, said: Properties, facts: Facts) -> str:
    """Note a `ref('x')` or `source('a', 'b')` that stands in YAML as text; its kind. Raises ConfigInvalid where it is neither."""
    match = _CALL.fullmatch(text.strip().removeprefix("{{").removesuffix("}}"))
    if match is None:
        raise ConfigInvalid(f"{text!r} is neither ref(…) nor source(…)", where=said.place)
    found = [
        (word["key"], word["single"] or word["double"] or word["number"]) for word in _WORD.finditer(match["words"])
    ]
    plain = [value for key, value in found if key is None]
    if match["kind"] == "source" and len(plain) == 2:
        facts.sources.append((plain[0], plain[1]))
    elif match["kind"] == "ref" and plain:
        version = next((value for key, value in found if key is not None), None)
        facts.refs.append((plain[0] if len(plain) > 1 else None, plain[-1], version))
    elif match["kind"] != "metric":
        raise ConfigInvalid(f"{text!r} names nothing", where=said.place)
    return match["kind"]


def read_declared(reading: Reading, properties: Iterable[Properties]) -> Iterator[Draft]:
    """Exposures, metrics, semantic models and saved queries of a package."""
    for said in properties:
        if said.kind == "exposure":
            yield _exposure(reading, said)
        elif said.kind in _SPECS:
            yield _kept(reading, said)


def _fields(reading: Reading, said: Properties, tree: str) -> dict[str, Any]:
    path = said.place.path.removeprefix(reading.project.prefix)
    fqn = (reading.package, *path.split("/")[1:-1], said.name)
    config = {"enabled": True, **reading.configured(tree, fqn, said.config)}
    return {
        "unique_id": f"{said.kind}.{reading.package}.{said.name}",
        "name": said.name,
        "package": reading.package,
        "place": said.place,
        "path": path,
        "fqn": fqn,
        "tags": words(config.get("tags")),
        "meta": config.get("meta") or {},
        "config": config,
        "unrendered": said.unrendered,
        "description": described(reading, said),
        "yaml": said.place.path,
    }


def _exposure(reading: Reading, said: Properties) -> Draft:
    facts = Facts()
    for text in said.extra.get("depends_on") or ():
        read_call(str(text), said, facts)
    for key in ("type", "owner"):
        if not said.extra.get(key):
            raise ConfigInvalid(f"the exposure {said.name!r} needs {key!r}", where=said.place)
    extra = said.extra
    node = Exposure(
        **_fields(reading, said, "exposures"),
        **facts_of(facts),
        type=str(extra["type"]),
        owner=extra["owner"],
        label=extra.get("label"),
        maturity=extra.get("maturity"),
        url=extra.get("url"),
    )
    return Draft(node, facts)


def _kept(reading: Reading, said: Properties) -> Draft:
    facts = Facts()
    model = said.extra.get("model")
    if said.kind == "semantic_model" and isinstance(model, str):
        read_call(model, said, facts)
    node = _SPECS[said.kind](**_fields(reading, said, _TREES[said.kind]), **facts_of(facts), spec=said.extra)
    return Draft(node, facts)


def metric_names(node: Metric | SavedQuery) -> Iterator[str]:
    """The metrics that a metric or a saved query is made of."""
    spec = node.spec.get("type_params") or node.spec.get("query_params") or {}
    for key in ("numerator", "denominator", "conversion_metric", "base_metric"):
        if key in spec:
            yield _name(spec[key])
    for one in spec.get("metrics") or ():
        yield _name(one)


def measure_names(node: Metric) -> Iterator[str]:
    """The measures that a metric is made of."""
    spec = node.spec.get("type_params") or {}
    if "measure" in spec:
        yield _name(spec["measure"])
    conversion = spec.get("conversion_type_params") or {}
    for key in ("base_measure", "conversion_measure"):
        if key in conversion:
            yield _name(conversion[key])


def _name(value: Any) -> str:
    return str(value.get("name") if isinstance(value, dict) else value)


def semantic_parents(nodes: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """What metrics and saved queries depend on: measures' semantic models, and other metrics."""
    measures = {
        str(measure.get("name")): one
        for one, node in nodes.items()
        if isinstance(node, SemanticModel)
        for measure in node.spec.get("measures") or ()
    }
    metrics = {node.name: one for one, node in nodes.items() if isinstance(node, Metric)}
    found: dict[str, tuple[str, ...]] = {}
    for one, node in nodes.items():
        if isinstance(node, Metric | SavedQuery):
            parents = [metrics[name] for name in metric_names(node) if name in metrics]
            if isinstance(node, Metric):
                parents = [measures[name] for name in measure_names(node) if name in measures] + parents
            found[one] = tuple(dict.fromkeys(parents))
    return found


def read_groups(reading: Reading, properties: Iterable[Properties]) -> Iterator[Group]:
    """The groups of a package. Raises ConfigInvalid where one has no owner."""
    for said in properties:
        if said.kind != "group":
            continue
        owner = said.extra.get("owner")
        if not isinstance(owner, dict) or not (owner.get("name") or owner.get("email")):
            raise ConfigInvalid(f"the group {said.name!r} needs an owner with a name or an email", where=said.place)
        yield Group(
            unique_id=f"group.{reading.package}.{said.name}",
            name=said.name,
            package=reading.package,
            place=said.place,
            path=said.place.path.removeprefix(reading.project.prefix),
            owner=owner,
            description=said.description,
            config=said.config,
        )
