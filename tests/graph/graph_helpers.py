"""The tiny graph's script, and helpers that watch processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import polycypher

TINY = """
// Five people, two cities; a `;` in a string and in a comment; separates nothing
CREATE INDEX IF NOT EXISTS FOR (p:Person) ON (p.name);
CREATE (:City {name: 'İzmir', area: 11.9}), (:City {name: 'A; B', area: 4});
UNWIND [['Ada', 1815], ['Bo', 1990], ['Çem', 1985], ['Dee', 2001], ['Eli', 1970]] AS row
CREATE (:Person {name: row[0], born: row[1]});
MATCH (a:Person {name: 'Ada'}), (c:City {name: 'İzmir'})
CREATE (a)-[:LIVES_IN {since: date('2020-05-17')}]->(c);
MATCH (a:Person), (b:Person) WHERE a.name <> b.name CREATE (a)-[:KNOWS]->(b);
"""
"""7 nodes; 1 LIVES_IN and 20 KNOWS: so dense that paths of any length are without end."""

ENDLESS = "MATCH (a:Person)-[:KNOWS*1..20]->(b:Person) RETURN count(*) AS n"
"""A query of about 10^19 paths."""


def server_of(folder: Path) -> dict[str, Any]:
    """What `server.json` tells of the running server."""
    state: dict[str, Any] = json.loads((folder / "server.json").read_text(encoding="utf-8"))
    return state


def lives(process: int) -> bool:
    """Whether a process runs; one that has ended and only waits for its parent does not."""
    shown = subprocess.run(["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True)
    return shown.stdout.strip()[:1] not in ("", "Z")


def python(code: str) -> subprocess.Popen[str]:
    """Another Python process with this package and this data folder; talks by its standard streams."""
    environment = dict(os.environ, PYTHONPATH=str(Path(polycypher.__file__).parents[1]))
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,
    )
