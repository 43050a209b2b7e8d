"""`load`, `graphs` and `schema` as their user meets them."""

from __future__ import annotations

import json
from pathlib import Path

from cli_helpers import Command

TINY = "CREATE (:City {name: 'Ankara', population: 5700000}), (:City {name: 'Madrid', population: 3300000});"


def test_load_makes_a_graph_that_can_be_asked(polycypher: Command, tmp_path: Path) -> None:
    script = tmp_path / "cities.cypher"
    script.write_text(TINY, encoding="utf-8")
    code, _, err = polycypher("load", str(script), "--graph", "cities")
    assert (code, err) == (0, "")  # no bar where stderr is no terminal
    assert "cities" in polycypher("graphs")[1]
    named = json.loads(polycypher("graphs", "--json")[1])["graphs"]
    assert {"name": "cities", "nodes": 2, "relationships": 0} in named
    assert "City(name,population int)" in polycypher("schema", "--graph", "cities")[1]
    code, out, _ = polycypher(
        "run", "MATCH (c:City) RETURN c.name ORDER BY c.name", "--graph", "cities", "--json"
    )
    assert (code, json.loads(out)["rows"]) == (0, [["Ankara"], ["Madrid"]])
