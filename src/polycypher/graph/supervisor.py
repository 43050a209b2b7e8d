"""The small process between the package and one embedded ArcadeDB server. Standard library only.

It is run by path, reads its orders as JSON from standard input, and answers one line on standard output:
`ready`, `running` (another supervisor serves the graph already) or `error: …`. It knows nothing of
Cypher or of the package.

Whoever uses the server holds a shared lock on `clients.lock`. The supervisor waits for the exclusive
lock, which the kernel grants when the last user has let go, exited or been killed; then it ends Java and
itself. It holds `server.lock` and lets Java inherit it, so that no second server opens the same files
while either lives. Should the supervisor itself be killed, Linux kills Java with it.

It is not the user's process that starts Java, because that one may have threads (fork would be unsafe),
may get Ctrl-C (Java would, too) and may end while another still uses the server.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
from typing import Any

_LISTENING = re.compile(rb"Listening for incoming BOLT connections on \S*:(\d+)")
_HTTP = re.compile(rb"HTTP Server started \(host=\S+ port=(\d+)")
_STARTED = b"ArcadeDB Server started in"
_ORPHAN_SECONDS = 1.0
_HASH_ROUNDS = 1000  # of a password with 256 random bits: there is nothing to guess
_PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR")
_GROUPS = {
    "admin": {
        "access": ["updateSecurity", "updateSchema", "updateDatabaseSettings"],
        "types": {"*": {"access": ["createRecord", "readRecord", "updateRecord", "deleteRecord"]}},
    },
    "reader": {"access": [], "types": {"*": {"access": ["readRecord"]}}},
}


def main() -> None:
    orders = json.load(sys.stdin)
    if os.fork():  # the asker reaps this process at once; the child belongs to nobody
        os._exit(0)
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    try:
        serve(orders)
    except Exception as error:
        answer(f"error: {error}")
        raise SystemExit(1) from None


def serve(orders: dict[str, Any]) -> None:
    folder, wait, patience = orders["folder"], float(orders["seconds"]), float(orders["stop_seconds"])
    state = os.path.join(folder, "server.json")
    ends = time.monotonic() + wait
    lock = os.open(os.path.join(folder, "server.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    began = time.monotonic()
    while not locked(lock):
        orphan = orphan_of(state)
        if os.path.exists(state) and orphan is None:
            answer("running")
            return
        if orphan is not None and time.monotonic() > began + _ORPHAN_SECONDS:
            kill(orphan)  # it holds the lock, and the one who should have ended it is dead
        if time.monotonic() > ends:
            raise RuntimeError(f"another server still holds {folder}; end it, or try again")
        time.sleep(0.02)
    remove(state)
    passwords = write_users(os.path.join(folder, "config"))
    log = os.path.join(folder, "log")
    shutil.rmtree(log, ignore_errors=True)
    os.mkdir(log, 0o700)
    java = start_java(orders["java"], folder, log, lock)
    try:
        signal.signal(signal.SIGTERM, lambda *_: stop(java, state, patience))
        bolt, http = await_ports(java, os.path.join(log, "server.log"), ends)
        known = {
            "bolt": bolt,
            "http": http,
            "user": orders["user"],
            "password": passwords[orders["user"]],
            "supervisor": os.getpid(),
            "java": java.pid,
        }
        write_private(state, json.dumps(known))
        answer("ready")
        threading.Thread(target=leave_with, args=(java, state), daemon=True).start()
        clients = os.open(os.path.join(folder, "clients.lock"), os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(clients, fcntl.LOCK_EX)  # granted when nobody uses the server any more
        remove(state)
        os.close(clients)
        stop(java, state, patience)
    except BaseException:
        java.kill()
        raise


def orphan_of(state: str) -> int | None:
    """The process id of a Java whose supervisor was killed; only where nothing ends it with its parent."""
    try:
        with open(state, encoding="utf-8") as file:
            known = json.load(file)
        os.kill(int(known["supervisor"]), 0)
    except ProcessLookupError:
        return int(known["java"])
    except (OSError, ValueError, KeyError):
        return None
    return None


def kill(process: int) -> None:
    try:
        os.kill(process, signal.SIGKILL)
    except ProcessLookupError:
        return


def locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def write_users(config: str) -> dict[str, str]:
    """Write users and groups with fresh passwords, hashed; return the passwords in clear."""
    os.makedirs(config, 0o700, exist_ok=True)
    limits = {"resultSetLimit": -1, "readTimeout": -1}
    groups = {name: {**limits, **rights} for name, rights in _GROUPS.items()}
    document = {"version": 2, "databases": {"*": {"groups": groups}}}
    write_private(os.path.join(config, "server-groups.json"), json.dumps(document))
    passwords = {"root": secrets.token_urlsafe(32), "reader": secrets.token_urlsafe(32)}
    users = [
        {"name": "root", "password": hashed(passwords["root"]), "databases": {"*": ["admin"]}},
        {"name": "reader", "password": hashed(passwords["reader"]), "databases": {"graph": ["reader"]}},
    ]
    lines = "".join(json.dumps(user) + "\n" for user in users)
    write_private(os.path.join(config, "server-users.jsonl"), lines)
    return passwords


def hashed(password: str) -> str:
    """A password as ArcadeDB stores it: PBKDF2 with the salt's own text as salt."""
    salt = secrets.token_hex(16)
    key = hashlib.pbkdf2_hmac("sha256", password.encode(), salt.encode(), _HASH_ROUNDS, 32)
    return f"PBKDF2WithHmacSHA256${_HASH_ROUNDS}${salt}${base64.b64encode(key).decode()}"


def write_private(path: str, text: str) -> None:
    temporary = f"{path}.new"
    remove(temporary)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(temporary, path)


def environment_of_java() -> dict[str, str]:
    """The few names Java may see: others hold secrets, or change what it does (`_JAVA_OPTIONS`)."""
    return {name: value for name, value in os.environ.items() if name in _PASSED_ON or name.startswith("LC_")}


def start_java(command: list[str], folder: str, log: str, lock: int) -> subprocess.Popen[bytes]:
    supervisor = os.getpid()
    with open(os.path.join(log, "server.log"), "wb") as output:
        return subprocess.Popen(
            command,
            cwd=folder,
            env=environment_of_java(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=(lock,),
            preexec_fn=lambda: die_with(supervisor),
        )


def die_with(parent: int) -> None:
    """In the child, before Java: be killed when the supervisor dies (Linux)."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        if os.getppid() != parent:
            os._exit(1)


def await_ports(java: subprocess.Popen[bytes], log: str, ends: float) -> tuple[int, int]:
    """The ports of Bolt and HTTP, from the server's log, once it is ready."""
    while time.monotonic() < ends:
        exited = java.poll() is not None
        with open(log, "rb") as file:
            text = file.read()
        if exited:
            tail = text.decode("utf-8", "replace").strip().splitlines()[-1:] or ["it wrote nothing"]
            raise RuntimeError(f"the embedded server ended while starting: {tail[0][:200]} (log: {log})")
        bolt, http = _LISTENING.search(text), _HTTP.search(text)
        if bolt and http and _STARTED in text:
            return int(bolt[1]), int(http[1])
        time.sleep(0.01)
    raise RuntimeError(f"the embedded server did not start in time (log: {log})")


def leave_with(java: subprocess.Popen[bytes], state: str) -> None:
    java.wait()
    remove(state)
    os._exit(0)


def stop(java: subprocess.Popen[bytes], state: str, seconds: float) -> None:
    remove(state)
    java.terminate()
    try:
        java.wait(seconds)
    except subprocess.TimeoutExpired:
        java.kill()
        java.wait()
    os._exit(0)


def remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return


def answer(line: str) -> None:
    """Say the one line and let go of the asker's pipe."""
    os.write(1, (line + "\n").encode())
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)


if __name__ == "__main__":
    main()
