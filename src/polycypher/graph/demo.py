"""The demo graph: films and people, packaged as data, built once into the user's data folder.

`demo.json` holds facts about real films and people, and reviewers made up for it (their names begin
with "Reviewer").
Knows nothing of queries. The graph is built anew when the packaged data has changed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from polycypher.errors import UsageError
from polycypher.graph.build import Writer, built, new_graph
from polycypher.graph.registry import GraphInfo, find_graph

DEMO = "demo"
"""The name under which the demo graph is opened; no other graph can bear it."""


def ensure_demo() -> GraphInfo:
    """The demo graph, built now if it is not there or was made from other data.

    Raises:
        GraphUnavailable: it cannot be built; the message says why.
    """
    data = files("polycypher").joinpath("data", "demo.json").read_bytes()
    source = f"demo.json sha256:{hashlib.sha256(data).hexdigest()}"
    info = find_graph(DEMO)
    if info is not None and info.source == source:
        return info
    try:
        with new_graph(DEMO, source=source, replace=info is not None) as writer:
            _write(writer, json.loads(data))
    except UsageError:
        info = find_graph(DEMO)  # another process may have built it while this one waited or built
        if info is None or info.source != source:
            raise
    return built(DEMO)


def _write(writer: Writer, content: Mapping[str, Any]) -> None:
    films, people = content["films"], content["people"]
    writer.index("Movie", "title")
    writer.index("Person", "name")
    shown = ("title", "released", "tagline")
    writer.create_nodes("Movie", [{key: film[key] for key in shown} for film in films])
    writer.create_nodes("Person", [{"name": name, "born": born} for name, born in people.items()])
    person, movie = ("Person", "name"), ("Movie", "title")
    acted = [
        _edge(name, film["title"], roles=roles) for film in films for name, roles in film["cast"].items()
    ]
    writer.create_relationships("ACTED_IN", person, movie, acted)
    for kind, part in (("DIRECTED", "directed"), ("WROTE", "wrote"), ("PRODUCED", "produced")):
        rows = [_edge(name, film["title"]) for film in films for name in film[part]]
        writer.create_relationships(kind, person, movie, rows)
    reviews = [
        _edge(review["reviewer"], review["film"], rating=review["rating"], summary=review["summary"])
        for review in content["reviews"]
    ]
    writer.create_relationships("REVIEWED", person, movie, reviews)
    writer.create_relationships("FOLLOWS", person, person, [_edge(*pair) for pair in content["follows"]])


def _edge(start: str, end: str, **properties: Any) -> dict[str, Any]:
    return {"start": start, "end": end, "properties": properties}
