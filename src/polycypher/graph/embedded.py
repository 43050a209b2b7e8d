"""The embedded server: ArcadeDB as a child process on loopback, shared by whoever opens the same graph.

Knows nothing of queries. A graph is a folder, and as long as one `ServerLease` of it is held by a
process on the machine, one Java process serves it. What keeps that so, also when a
process is killed, is described in `polycypher.graph.supervisor`.

In the folder: `database/` (ArcadeDB's files), `config/` (users with hashed passwords, made anew at each
start), `log/` (of the last start), lock files, and while a server runs
`server.json`: its port and the password of the user that may only read. Passwords stand in no argument
list and in no environment; of the user's own environment Java sees a few harmless names only.
"""

from __future__ import annotations

import importlib.util
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO, Any

from polycypher.errors import GraphUnavailable
from polycypher.graph.client import Address
from polycypher.graph.locks import lock_until, try_lock
from polycypher.graph.running import Control

DATABASE = "graph"
"""The name of the one database in every folder, so that renaming the folder is all of renaming a graph."""

START_SECONDS = 60.0
"""How long a start may take in all; it takes about one second on an idle machine."""

LONGEST_QUERY_SECONDS = 600.0
"""The longest limit that a query to an embedded server may have."""

SERVER_QUERY_SECONDS = 660
"""The server's own limit for a query, which no asker in time meets: what one may still cost if its asker
was killed while others use the same server. Where nobody else does, the server ends at once."""

_REGEX_SECONDS = 60

_HEED_SECONDS = 10.0
"""How long a query may go on after it was ended. Some heed nothing, and would keep a processor busy and fill
the memory until the server's own limit; such a one ends with its server."""

_STOP_SECONDS, _FLUSH_SECONDS = 3.0, 120.0
"""How long a server may take to end before it is killed: one that only reads, and one that has written."""

_LOOK_SECONDS = 1.0

_HTTP_PORTS = "21480-22479"  # the server takes the first that is free, and cannot name one the system chose

_READER, _WRITER = "reader", "root"

_UNUSED_JARS = tuple(f"arcadedb-{part}" for part in ("mcp", "postgresw", "redisw", "graphql", "console"))
"""Further protocols of ArcadeDB: what is not loaded opens no door and takes no time."""


class ServerLease:
    """A hold on the server of one folder. `close` lets go; the server ends with its last lease.

    Args:
        folder: the graph's folder; it must hold a database unless `writing`.
        writing: the address is of the user that may do all. Only for a folder nobody else knows of.
    """

    def __init__(self, folder: Path, *, writing: bool = False) -> None:
        self.folder = folder
        self.writing = writing
        self._lock: IO[bytes] | None = None
        self._served: tuple[Address, Control] | None = None
        self.renew()

    @property
    def address(self) -> Address:
        """Where the held server answers.

        Raises:
            GraphUnavailable: the lease is closed.
        """
        if self._served is None:
            raise GraphUnavailable(f"the embedded graph in {self.folder} is closed; open it again")
        return self._served[0]

    @property
    def longest_seconds(self) -> float:
        """The longest limit of seconds that a query to the server may have."""
        return LONGEST_QUERY_SECONDS

    def renew(self) -> Address:
        """Hold a server that answers: the one that runs, or a new one.

        Raises:
            GraphUnavailable: none could be started; the message names the log file.
        """
        if sys.platform == "win32":
            raise GraphUnavailable(
                "embedded graphs need Linux or macOS; on Windows use WSL, or give the URI of a server"
            )
        try:
            if not (self.writing or (self.folder / "database" / DATABASE).is_dir()):
                raise GraphUnavailable(f"the graph in {self.folder} has lost its files; load it again")
            if self._lock is None:
                self._lock = _shared_lock(self.folder)
            self._served = _running_or_started(self.folder, self.writing)
        except OSError as error:
            self.close()
            raise GraphUnavailable(f"the embedded graph in {self.folder} cannot be opened: {error}") from None
        except BaseException:
            self.close()
            raise
        return self.address

    def stop(self, query: str, began: float) -> None:
        """End a query that was given up on; see `polycypher.graph.running`. Raises nothing.

        If it goes on for `_HEED_SECONDS` all the same, its server is killed; the next query starts another.
        """
        if self._served is not None:
            control = self._served[1]
            run = control.stop(query, began)
            if run != "":
                watching = (self.folder, control, query, began, run)
                threading.Thread(target=_await_end, args=watching, name="ending a query", daemon=True).start()

    def close(self) -> None:
        """Let go of the server. Closing twice is no error."""
        lock, self._lock, self._served = self._lock, None, None
        if lock is not None:
            lock.close()

    def __enter__(self) -> ServerLease:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def java_command(folder: Path, *, writing: bool) -> list[str]:
    """The command line that serves `folder` on loopback, at ports the system chooses.

    Raises:
        GraphUnavailable: the `arcadedb-embedded` package, or its Java, is not there.
    """
    package = _package()
    java = package / "jre" / "bin" / "java"
    if not os.access(java, os.X_OK):
        raise GraphUnavailable(f"no Java runtime at {java}; reinstall the package arcadedb-embedded")
    jars = sorted(jar for jar in (package / "jars").glob("*.jar") if not jar.name.startswith(_UNUSED_JARS))
    settings = {
        "server.rootPath": str(folder),
        "server.databaseDirectory": str(folder / "database"),
        "server.configDirectory": str(folder / "config"),
        "server.logsDirectory": str(folder / "log"),
        "server.mode": "development",  # "production" hides why a query was refused
        "server.plugins": "Bolt:com.arcadedb.bolt.BoltProtocolPlugin",
        "server.httpIncomingHost": "127.0.0.1",
        "server.httpIncomingPort": _HTTP_PORTS,
        "server.httpIoThreads": "1",
        "server.httpWorkerThreads": "1",
        "server.reloadEvery": "3600000",
        "studio.enabled": "false",
        "bolt.host": "127.0.0.1",
        "bolt.port": "0",
        "command.timeout": str(SERVER_QUERY_SECONDS * 1000),
        "command.regexTimeout": str(_REGEX_SECONDS * 1000),
        "opencypher.loadCsv.allowFileUrls": "false",
        "opencypher.loadCsv.allowRemoteUrls": "false",
        "polyglotEngineEnabled": "false",
        "serverMetrics": "false",
        "support.autoRegister": "false",
    }
    if writing:
        settings["server.defaultDatabases"] = f"{DATABASE}[]"  # made if it is not there
    return [
        str(java),
        "-Xms32m",
        "-Xmx1g",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-XX:-UsePerfData",
        "-XX:+ExitOnOutOfMemoryError",
        "--add-exports=java.management/sun.management=ALL-UNNAMED",
        "--add-modules=jdk.incubator.vector",
        "--enable-native-access=ALL-UNNAMED",
        *(f"-Darcadedb.{name}={value}" for name, value in settings.items()),
        "-cp",
        os.pathsep.join(map(str, jars)),
        "com.arcadedb.server.ArcadeDBServer",
    ]


def _package() -> Path:
    # find_spec, not import: importing the package would load JPype, and this process needs no Java
    found = importlib.util.find_spec("arcadedb_embedded")
    if found is None or not found.submodule_search_locations:
        raise GraphUnavailable(
            "the package arcadedb-embedded is not installed; install it, or give the URI of a server"
        )
    return Path(next(iter(found.submodule_search_locations)))


def _shared_lock(folder: Path) -> IO[bytes]:
    """Hold `clients.lock` of the folder that bears the name now, also if it is replaced meanwhile."""
    import fcntl

    path = folder / "clients.lock"
    while True:
        file = open(path, "ab")  # noqa: SIM115  # the open file is the lock
        fcntl.flock(file, fcntl.LOCK_SH)
        try:
            if os.fstat(file.fileno()).st_ino == path.stat().st_ino:
                return file
        except FileNotFoundError:
            file.close()
            raise
        file.close()


def _running_or_started(folder: Path, writing: bool) -> tuple[Address, Control]:
    ends = time.monotonic() + START_SECONDS
    with open(folder / "start.lock", "ab") as starting:
        if not lock_until(starting, ends):  # one start at a time; the others find its server
            raise GraphUnavailable(
                f"another process has been starting the graph in {folder} for too long; end it"
            )
        while time.monotonic() < ends:  # a server that was killed may leave its state for a moment
            served = _running(folder)
            if served is None:
                _start(folder, writing, ends)
            elif _answers(served[1].port):
                return served
            else:
                time.sleep(0.02)
    raise GraphUnavailable(f"the embedded server of {folder} does not answer; see {folder / 'log'}")


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=2.0).close()
    except OSError:
        return False
    return True


def _running(folder: Path) -> tuple[Address, Control] | None:
    """The server that `server.json` tells of, if it lives; what a killed one left is not believed."""
    with open(folder / "server.lock", "ab") as lock:
        if try_lock(lock, shared=True):
            return None  # nobody holds it, so no server runs
    try:
        state: dict[str, Any] = json.loads((folder / "server.json").read_text(encoding="utf-8"))
        bolt, http = int(state["bolt"]), int(state["http"])
        user, password = str(state["user"]), str(state["password"])
        os.kill(int(state["supervisor"]), 0)
    except (FileNotFoundError, ProcessLookupError, ValueError, KeyError, TypeError):
        return None
    return Address(f"bolt://127.0.0.1:{bolt}", user, password, DATABASE), Control(http, user, password)


def _await_end(folder: Path, control: Control, query: str, began: float, run: str | None) -> None:
    """See that an ended query ends, or else its server; `run` is the query's id, None if not known yet."""
    ends = time.monotonic() + _HEED_SECONDS
    while time.monotonic() < ends:
        time.sleep(_LOOK_SECONDS)
        if run is None:
            run = control.stop(query, began)
        if run == "" or (run is not None and not control.goes_on(run)):
            return
    try:
        state: dict[str, Any] = json.loads((folder / "server.json").read_text(encoding="utf-8"))
        if int(state["http"]) == control.port:  # the server that was asked, and no later one
            os.kill(int(state["java"]), signal.SIGKILL)  # one whose memory is full heeds nothing less
    except (OSError, ValueError, KeyError, TypeError):
        return  # it has gone by itself


def _start(folder: Path, writing: bool, ends: float) -> None:
    orders = {
        "folder": str(folder),
        "user": _WRITER if writing else _READER,
        "java": java_command(folder, writing=writing),
        "seconds": max(1.0, ends - time.monotonic()),
        "stop_seconds": _FLUSH_SECONDS if writing else _STOP_SECONDS,
    }
    supervisor = Path(__file__).with_name("supervisor.py")
    with subprocess.Popen(
        [sys.executable, "-I", "-S", str(supervisor)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # out of reach of the terminal's Ctrl-C, hang-up and job control
        # it may outlive this process, and needs no password of some other server
        env={name: value for name, value in os.environ.items() if not name.startswith("POLYCYPHER_")},
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(orders).encode())
        process.stdin.close()
        answer = _line(process.stdout, ends + 2.0)
    if answer not in ("ready", "running"):
        reason = answer.removeprefix("error: ") or "its supervisor ended without a word"
        raise GraphUnavailable(f"the embedded server could not be started: {reason}")


def _line(pipe: IO[bytes], ends: float) -> str:
    """The first line from `pipe`, or what came until its end or the time `ends`."""
    text = b""
    while not text.endswith(b"\n"):
        ready, _, _ = select.select([pipe], [], [], max(0.0, ends - time.monotonic()))
        chunk = os.read(pipe.fileno(), 4096) if ready else b""
        if not chunk:
            break
        text += chunk
    return text.decode("utf-8", "replace").strip()
