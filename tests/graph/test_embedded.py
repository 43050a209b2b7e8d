"""The embedded server's life: shared, read-only, secret, and gone when nobody uses it."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import neo4j
import pytest
from graph_helpers import ENDLESS, lives, python, server_of
from neo4j.exceptions import Neo4jError

from polycypher.errors import GraphUnavailable
from polycypher.graph import embedded
from polycypher.graph.connect import connect
from polycypher.graph.embedded import ServerLease, java_command
from polycypher.graph.store import GraphStore, Limits
from processes import eventually

COUNT = "MATCH (p:Person) RETURN count(p) AS n"
WRITES = [
    "CREATE (:Person {name: 'Zed'})",
    "CREATE (:Unheard)",
    "MATCH (p:Person) SET p.born = 0",
    "MATCH (p:Person) REMOVE p.born",
    "MATCH (p:Person) DETACH DELETE p",
    "MERGE (p:Person {name: 'Zed'}) RETURN p",
    "MATCH (:Person)-[r]->() DELETE r",
    "CREATE INDEX FOR (p:Person) ON (p.born)",
]
OTHER_PROCESS = """
    import sys
    from polycypher.graph.connect import connect
    store = connect("tiny")
    print(store.read("MATCH (p:Person) RETURN count(p) AS n").rows[0][0], flush=True)
    sys.stdin.readline()
"""


def refuse_all(address: embedded.Address, writes: list[str]) -> None:
    """Send every write past the guard, straight to the server, in both access modes."""
    assert address.user == "reader"
    with neo4j.GraphDatabase.driver(address.uri, auth=(address.user, address.password or "")) as driver:
        for query in writes:
            for mode in (neo4j.READ_ACCESS, neo4j.WRITE_ACCESS):
                session = driver.session(database=address.database, default_access_mode=mode)
                with session, pytest.raises(Neo4jError):
                    session.run(query).consume()
        with driver.session(database=address.database) as session:
            counted = session.run(
                "MATCH (n) OPTIONAL MATCH (n)-[r]->() "
                "RETURN count(DISTINCT n) AS nodes, count(r) AS edges, sum(DISTINCT n.born) AS born"
            ).single(strict=True)
    assert counted.values() == [7, 21, 1815 + 1990 + 1985 + 2001 + 1970]


def test_no_write_gets_through_even_past_the_guard(store: GraphStore) -> None:
    assert store._lease is not None
    refuse_all(store._lease.address, WRITES)


def test_the_reader_may_not_write_even_where_the_database_could(
    own_tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "_WRITER", "reader")  # a server that could write, asked as the reader
    with ServerLease(own_tiny, writing=True) as lease:
        refuse_all(lease.address, WRITES)


def test_files_outside_the_graph_are_out_of_reach(store: GraphStore) -> None:
    assert store._lease is not None
    address = store._lease.address
    with neo4j.GraphDatabase.driver(address.uri, auth=(address.user or "", address.password or "")) as driver:
        for url in ("file:///etc/hostname", "http://127.0.0.1/x"):
            with driver.session(database=address.database) as session, pytest.raises(Neo4jError):
                session.run(f"LOAD CSV FROM '{url}' AS line RETURN line").consume()


def test_secrets_are_in_no_process_list_and_no_readable_file(own_tiny: Path) -> None:
    with connect("tiny"):
        state = server_of(own_tiny)
        ids = f"{state['java']},{state['supervisor']}"
        shown = subprocess.run(["ps", "-ww", "eo", "args=", "-p", ids], capture_output=True, text=True).stdout
        assert "ArcadeDBServer" in shown
        assert state["password"] not in shown
        for name in ("server.json", "config/server-users.jsonl"):
            assert stat.S_IMODE((own_tiny / name).stat().st_mode) == 0o600
        assert stat.S_IMODE(own_tiny.stat().st_mode) == 0o700
        assert state["password"] not in (own_tiny / "config/server-users.jsonl").read_text()
        assert state["password"] not in (own_tiny / "log/server.log").read_text()
    assert not (own_tiny / "server.json").exists() or eventually(
        lambda: not (own_tiny / "server.json").exists()
    )


def test_java_sees_little_of_the_environment(own_tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_JAVA_OPTIONS", "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS"):
        monkeypatch.setenv(name, "-Dsome.thing=else")
    monkeypatch.setenv("POLYCYPHER_PASSWORD", "of another server")
    monkeypatch.setenv("LC_MEASUREMENT", "C")
    with connect("tiny"):
        state = server_of(own_tiny)
        assert "Picked up" not in (own_tiny / "log/server.log").read_text()
        if sys.platform == "linux":
            of_java, of_supervisor = (
                Path(f"/proc/{state[who]}/environ").read_text() for who in ("java", "supervisor")
            )
            names = {entry.split("=")[0] for entry in of_java.split("\0") if entry}
            assert "LC_MEASUREMENT" in names
            few = {"PATH", "HOME", "LANG", "TMPDIR"}
            assert {name for name in names if not name.startswith("LC_")} <= few
            assert "of another server" not in of_supervisor


def test_it_listens_on_loopback_only(tmp_path: Path) -> None:
    command = java_command(tmp_path, writing=False)
    assert "-Darcadedb.bolt.host=127.0.0.1" in command
    assert "-Darcadedb.server.httpIncomingHost=127.0.0.1" in command
    assert "-Darcadedb.opencypher.loadCsv.allowFileUrls=false" in command


def test_two_processes_share_a_server_and_either_may_leave_first(own_tiny: Path) -> None:
    with python(OTHER_PROCESS) as first:
        assert first.stdout is not None
        assert first.stdin is not None
        assert first.stdout.readline().strip() == "5"
        java = server_of(own_tiny)["java"]
        with connect("tiny") as store:
            assert server_of(own_tiny)["java"] == java
            first.communicate("\n")
            assert first.returncode == 0
            time.sleep(0.3)
            assert store.read(COUNT).rows == ((5,),)
            assert lives(java)
    assert eventually(lambda: not lives(java))


def test_two_processes_that_start_at_once_both_work(own_tiny: Path) -> None:
    several = [python(OTHER_PROCESS) for _ in range(3)]
    answers = [process.stdout.readline().strip() for process in several if process.stdout]
    java = server_of(own_tiny)["java"]
    for process in several:
        process.communicate("\n")
    assert answers == ["5", "5", "5"]
    assert eventually(lambda: not lives(java))


def test_java_dies_with_its_only_user_also_when_that_is_killed(own_tiny: Path) -> None:
    with python(OTHER_PROCESS) as user:
        assert user.stdout is not None
        assert user.stdout.readline().strip() == "5"
        state = server_of(own_tiny)
        user.send_signal(signal.SIGKILL)
    assert eventually(lambda: not lives(state["java"]) and not lives(state["supervisor"]))


def test_a_query_without_end_ends_with_its_only_user_also_when_that_is_killed(own_tiny: Path) -> None:
    code = f"""
        from polycypher.graph.connect import connect
        from polycypher.graph.store import Limits
        store = connect("tiny")
        print("asking", flush=True)
        store.read({ENDLESS!r}, limits=Limits(seconds=600))
    """
    with python(code) as user:
        assert user.stdout is not None
        assert user.stdout.readline().strip() == "asking"
        java = server_of(own_tiny)["java"]
        time.sleep(0.5)
        user.send_signal(signal.SIGKILL)
    assert eventually(lambda: not lives(java))


def test_ctrl_c_during_a_query_leaves_no_java_behind(own_tiny: Path) -> None:
    code = f"""
        from polycypher.graph.connect import connect
        store = connect("tiny")
        print("asking", flush=True)
        store.read({ENDLESS!r})
    """
    with python(code) as user:
        assert user.stdout is not None
        assert user.stdout.readline().strip() == "asking"
        java = server_of(own_tiny)["java"]
        time.sleep(0.5)
        os.killpg(user.pid, signal.SIGINT)  # what the terminal does
        _, errors = user.communicate(timeout=10)
    assert "KeyboardInterrupt" in errors
    assert eventually(lambda: not lives(java))


@pytest.mark.parametrize("victim", ["java", "supervisor"])
def test_a_killed_server_is_started_again_unnoticed(own_tiny: Path, victim: str) -> None:
    with connect("tiny") as store:
        before = server_of(own_tiny)
        os.kill(before[victim], signal.SIGKILL)
        assert eventually(lambda: not lives(before["java"]))
        assert store.read(COUNT).rows == ((5,),)
        assert server_of(own_tiny)["java"] != before["java"]


@pytest.mark.parametrize(
    "left",
    [
        '{"bolt": 1, "http": 1, "user": "reader", "password": "x", "supervisor": 1, "java": 1}',
        "half a fi",
        "[]",
    ],
)
def test_what_a_killed_process_left_is_not_believed(own_tiny: Path, left: str) -> None:
    (own_tiny / "server.json").write_text(left)
    with connect("tiny") as store:
        assert store.read(COUNT).rows == ((5,),)


def test_a_server_that_vanishes_during_a_query_is_told_in_seconds(own_tiny: Path) -> None:
    with ServerLease(own_tiny) as lease:
        address, java = lease.address, server_of(own_tiny)["java"]
        plain = GraphStore(address, "a server far away")  # no lease: nothing to start again
        killer = threading.Timer(0.7, os.kill, (java, signal.SIGKILL))
        killer.start()
        began = time.monotonic()
        with pytest.raises(GraphUnavailable, match="a server far away cannot be reached or went away"):
            plain.read(ENDLESS, limits=Limits(seconds=30))
        assert time.monotonic() - began < 5
        with pytest.raises(GraphUnavailable, match="check that the server runs"):
            plain.read(COUNT)
        plain.close()


def test_a_query_that_may_have_ended_the_server_is_not_sent_again(own_tiny: Path) -> None:
    with connect("tiny") as store:
        java = server_of(own_tiny)["java"]
        killer = threading.Timer(0.7, os.kill, (java, signal.SIGKILL))
        killer.start()
        with pytest.raises(GraphUnavailable, match="went away while the query ran; it is started again"):
            store.read(ENDLESS, limits=Limits(seconds=30))
        with suppress(FileNotFoundError):  # the supervisor takes it away when it sees the end, at any moment
            assert server_of(own_tiny)["java"] == java
        assert store.read(COUNT).rows == ((5,),)
        assert server_of(own_tiny)["java"] != java


def test_a_graph_without_its_files_is_told_at_once(own_tiny: Path) -> None:
    shutil.rmtree(own_tiny / "database")
    with pytest.raises(GraphUnavailable, match="lost its files; load it again"):
        connect("tiny")


def test_a_server_that_cannot_start_names_its_log(own_tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = [java_command(own_tiny, writing=False)[0], "-no-such-option"]
    monkeypatch.setattr(embedded, "java_command", lambda folder, writing: broken)
    with pytest.raises(GraphUnavailable, match=r"could not be started: .*server\.log") as caught:
        connect("tiny")
    assert "\n" not in str(caught.value)
