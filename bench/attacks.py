"""What stops which attack: the tables of docs/security.md, and docs/attacks.json.

    python bench/attacks.py docs
    python bench/attacks.py docs --parts limits

Every attack of tests/attacks meets each layer with the others off. `queries`: the grammar, the guard, the
user that may only read (sent past the guard), and, to show that the attacks are real, the graph's owner with
no layer at all, in a transaction that is rolled back. `limits`: what is expensive, guard off, as the owner.
`questions`: the shipped model with all layers on, and decoding freely with the guard alone and the reader
alone behind it. A part that is not named keeps its last figures. The graph is counted and hashed before and
after, and canaries (two files, one port) are watched.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "attacks"))

from attack_canary import Canary
from attack_corpus import NOWHERE, Attack, queries, questions
from attack_layers import (
    TIGHT,
    Grammar,
    answered,
    files_of,
    fingerprint,
    guard_refuses,
    held_in,
    logs_of,
    send,
    translated,
)
from attack_tables import table, written_into

from polycypher.cypher import guard
from polycypher.errors import PolycypherError, QueryRejected, QueryTimeout, UsageError
from polycypher.graph.bolt import BoltClient
from polycypher.graph.connect import connect
from polycypher.graph.demo import ensure_demo
from polycypher.graph.embedded import ServerLease
from polycypher.graph.store import GraphStore, Limits
from polycypher.translator.translator import Translator

PARTS = ("queries", "limits", "questions")
CONTENT = (
    "MATCH (n) RETURN count(n), count(DISTINCT labels(n)), collect(properties(n))",
    "MATCH ()-[r]->() RETURN count(r), collect(type(r)), collect(properties(r))",
)
Figures = Mapping[str, "Counter[str]"]
"""kind → what was counted."""


def main() -> None:
    """Parse arguments, attack, write, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("docs", type=Path, help="the folder of attacks.json and security.md")
    parser.add_argument("--parts", nargs="*", choices=PARTS, default=PARTS)
    parser.add_argument("--model", default="nano")
    options = parser.parse_args()
    results: dict[str, Any] = {}
    figures_file, document = options.docs / "attacks.json", options.docs / "security.md"
    if figures_file.exists():
        results = json.loads(figures_file.read_text(encoding="utf-8"))
    for part in options.parts:
        began = time.monotonic()
        figures = {"queries": on_queries, "limits": on_limits}.get(part)
        found = figures() if figures else on_questions(options.model)
        results[part] = {"commit": commit(), "seconds": round(time.monotonic() - began), **found}
        figures_file.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    tables = table(results)
    if document.exists():
        told = document.read_text(encoding="utf-8")
        document.write_text(written_into(told, tables), encoding="utf-8")
    print(tables)


def commit() -> str:
    """The commit that was attacked."""
    shown = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    return shown.stdout.strip()


# ---------------------------------------------------------------------- queries


def on_queries() -> dict[str, Any]:
    """Grammar, guard and reader alone on every query that writes or reaches out; and no layer at all."""
    kinds: Figures = defaultdict(Counter)
    with connect("demo") as store, watched(store) as canary:
        grammar, reader = Grammar(store.schema()), BoltClient(lease_of(store).address, "the reader")
        attacks = queries(canary.target, "writes", "reaches")
        for attack in attacks:
            found = kinds[attack.kind]
            found["count"] += 1
            found["grammar"] += not grammar.accepts(attack.text)
            found["guard"] += guard_refuses(attack.text)
        before, files = fingerprint(reader), held_in(lease_of(store).folder)
        for attack in attacks:
            reply = send(reader, attack.text)
            assert not canary.sung_in(reply.text), attack.name
            changed = fingerprint(reader) != before if reply.error is None else False
            kinds[attack.kind]["reader"] += not changed
        same = fingerprint(reader) == before and held_in(lease_of(store).folder) == files
        proof = {"unchanged": same, **touched(canary, store)}
        reader.close()
    waiting = list(queries(NOWHERE, "writes", "reaches"))
    while waiting:  # a copy serves until something has changed it for good
        with broken_copy() as lease:
            spoilt = False
            while waiting and not spoilt:
                attack = waiting.pop(0)
                changed, spoilt = alone(lease, attack.text)
                kinds[attack.kind]["alone"] += changed
    return {"kinds": kinds, "proof": proof}


def alone(lease: ServerLease, query: str) -> tuple[bool, bool]:
    """Whether the owner, past every layer, changes graph or users by a query; and whether for good."""
    import neo4j
    from neo4j.exceptions import DriverError, Neo4jError

    address = lease.address
    auth = (address.user or "", address.password or "")
    users = files_of(lease.folder / "config")

    def opened() -> neo4j.Driver:
        return neo4j.GraphDatabase.driver(address.uri, auth=auth)

    with opened() as driver, driver.session(database=address.database) as session:
        before = after = content(session)
        try:
            with session.begin_transaction() as transaction:
                transaction.run(query).consume()
                after = content(transaction)
                transaction.rollback()
        except (Neo4jError, DriverError, UnicodeEncodeError):
            after = before
    try:
        with opened() as driver, driver.session(database=address.database) as session:
            left = content(session)
    except (Neo4jError, DriverError):
        left = []  # the owner cannot log in any more, or nothing is left to log in to
    spoilt = left != before or files_of(lease.folder / "config") != users
    return after != before or spoilt, spoilt


def content(asked: Any) -> list[str]:
    """All nodes and relationships that a session or transaction sees, as text."""
    return [str(asked.run(query).values()) for query in CONTENT]


# ---------------------------------------------------------------------- limits


def on_limits() -> dict[str, Any]:
    """What becomes of each expensive query, and whether the server answers the next one."""
    kinds: Figures = defaultdict(Counter)
    checked = guard.check
    with broken_copy() as lease:
        store = GraphStore(lease.address, "the graph under attack", lease)
        for attack in queries(NOWHERE, "costs"):
            found = kinds[attack.kind]
            found["count"] += 1
            found["guard"] += guard_refuses(attack.text)
            java = java_of(lease)
            guard.check = lambda query: query  # every other layer is off
            try:
                found[ended(store, attack)] += 1
                found["usable"] += usable(store)
            finally:
                guard.check = checked
            found["restarted"] += java_of(lease) != java
    return {"kinds": kinds, "limits": {"seconds": TIGHT.seconds, "rows": TIGHT.rows, "bytes": TIGHT.bytes}}


def ended(store: GraphStore, attack: Attack) -> str:
    """How a query came to its end."""
    try:
        result = store.read(attack.text, limits=TIGHT)
    except QueryTimeout:
        return "time"
    except QueryRejected:
        return "rejected"
    except PolycypherError:
        return "lost"
    return "rows or bytes" if result.truncated else "answered"


def usable(store: GraphStore) -> bool:
    """Whether an honest query is answered, if need be at one of a few times of asking."""
    for _ in range(8):
        try:
            return bool(store.read("MATCH (m:Movie) RETURN count(m)", limits=Limits(seconds=30)).rows)
        except PolycypherError:
            time.sleep(2.0)
    return False


def java_of(lease: ServerLease) -> int | None:
    """The process that serves the graph now."""
    try:
        state = json.loads((lease.folder / "server.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return int(state["java"])


# ---------------------------------------------------------------------- questions


def on_questions(model: str) -> dict[str, Any]:
    """All layers together on every question; then free decoding with one layer behind it."""
    kinds: Figures = defaultdict(Counter)
    with Translator.load(model) as translator, connect("demo") as store, watched(store) as canary:
        reader = BoltClient(lease_of(store).address, "the reader")
        attacks = questions(canary.target)
        before, files = fingerprint(reader), held_in(lease_of(store).folder)
        for attack, answer in answered(attacks, translator, store):
            kinds[attack.kind]["count"] += 1
            kinds[attack.kind][outcome(answer)] += 1
            assert not canary.sung_in(str(answer)), attack.name
        for attack, made in translated(attacks, translator, store, constrain=False):
            if not isinstance(made, PolycypherError):
                found = kinds[attack.kind]
                found["free"] += 1
                found["free, refused by the guard"] += guard_refuses(made.cypher)
                reply = send(reader, made.cypher, TIGHT)
                assert not canary.sung_in(reply.text), attack.name
        same = fingerprint(reader) == before and held_in(lease_of(store).folder) == files
        proof = {"unchanged": same, **touched(canary, store)}
        reader.close()
    return {"kinds": kinds, "proof": proof}


def outcome(answer: Any) -> str:
    """What came of a question."""
    if isinstance(answer, UsageError):
        return "not taken"
    if isinstance(answer, PolycypherError):
        return "refused" if not isinstance(answer, QueryTimeout) else "cut off"
    return "answered"


# ---------------------------------------------------------------------- around


def lease_of(store: GraphStore) -> ServerLease:
    """The hold on an embedded graph's server."""
    assert isinstance(store._lease, ServerLease)
    return store._lease


@contextmanager
def watched(store: GraphStore) -> Iterator[Canary]:
    """Canaries outside and inside the graph's folder."""
    with tempfile.TemporaryDirectory() as folder, Canary(Path(folder), lease_of(store).folder) as canary:
        yield canary


def touched(canary: Canary, store: GraphStore) -> dict[str, int]:
    """How often a canary was touched or told of, in all."""
    return {"touched": len(canary.touches()), "logged": int(canary.sung_in(logs_of(lease_of(store).folder)))}


@contextmanager
def broken_copy() -> Iterator[ServerLease]:
    """A copy of the demo graph with a server of its own, as its owner."""
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent) / "demo"
        left = shutil.ignore_patterns("*.lck", "*.lock", "server.json", "config", "log", "canary.csv")
        shutil.copytree(ensure_demo().path, folder, ignore=left)
        with ServerLease(folder, writing=True) as lease:
            yield lease


if __name__ == "__main__":
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    main()
