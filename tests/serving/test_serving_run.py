"""A server in a process of its own: how it starts, and how it ends."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from serving_helpers import Held, error_of, serving, wait_until

from polycypher.errors import UsageError
from polycypher.graph.demo import ensure_demo
from polycypher.graph.store import GraphStore
from polycypher.serving.run import listening
from polycypher.serving.settings import Settings
from polycypher.translator.translator import Translator


def test_a_port_in_use_is_told_before_anything_loads() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match="--port"), listening(Settings(port=port)):
            pass


def test_an_address_of_another_machine_is_told(tmp_path: Path) -> None:
    for host in ("192.0.2.1", "no-such-host.invalid"):
        settings = Settings(host=host, port=0, token_file=tmp_path / "token")
        with pytest.raises(UsageError, match=host), listening(settings):
            pass


def test_what_does_not_finish_in_time_is_told_that_the_server_ends(
    nano: Translator, demo_store: GraphStore
) -> None:
    model: Any = Held(nano)
    with serving(model, demo_store, drain_seconds=0.5) as served, ThreadPoolExecutor(1) as pool:
        slow = pool.submit(served.ask, "How many movies are there?")
        wait_until(lambda: served.service.admission.count == 1)
        served.server.should_exit = True
        assert error_of(slow.result()) == (503, "ServerEnding")
        model.let.set()


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_terminated_server_finishes_what_is_in_flight_and_ends_well(
    graph_home: Path, tmp_path: Path
) -> None:
    settings = tmp_path / "serve.yaml"
    settings.write_text(
        "drain_seconds: 240\ndeadline_seconds: 240\nquery_seconds: 200\naccess_log: true\n", encoding="utf-8"
    )
    command = [sys.executable, "-m", "polycypher", "serve", "--port", "0", "--settings", str(settings)]
    log = tmp_path / "log"
    with log.open("w") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
    java = 0
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:"), log.read_text(encoding="utf-8")
        java = int(json.loads((ensure_demo().path / "server.json").read_text(encoding="utf-8"))["java"])
        # From now on no file can grow, the log among them, as on a full disk; it must not matter to anybody.
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        with httpx.Client(base_url=url, timeout=300) as client:
            assert client.get("/").status_code == 200
            assert client.get("/readyz").status_code == 200
            in_flight = 12
            os.kill(java, signal.SIGSTOP)  # so that all of them are in flight, however busy the machine is
            with ThreadPoolExecutor(in_flight) as pool:
                asked = [
                    pool.submit(client.post, "/v1/ask", json={"question": "How many movies are there?"})
                    for _ in range(in_flight)
                ]
                wait_until(lambda: f"polycypher_in_flight {in_flight}.0" in client.get("/metrics").text)
                process.send_signal(signal.SIGTERM)
                wait_until(lambda: not _takes_connections(url))
                os.kill(java, signal.SIGCONT)
                answers = [answer.result() for answer in asked]
            assert [answer.status_code for answer in answers] == [200] * in_flight
            assert all(answer.json()["rows"] == [[88]] for answer in answers)
        assert process.wait(120) == 0
    finally:
        if java:
            os.kill(java, signal.SIGCONT)
        process.kill()
        process.wait()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_an_interrupt_while_it_loads_ends_it_at_once(graph_home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # a graph that never says a word
        silent.settimeout(240)
        graph = f"bolt://127.0.0.1:{silent.getsockname()[1]}"
        command = [sys.executable, "-m", "polycypher", "serve", "--port", "0", "--graph", graph]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            with silent.accept()[0]:
                process.send_signal(signal.SIGINT)
                _, errors = process.communicate(timeout=120)
        finally:
            process.kill()
    assert process.returncode == 130
    assert "Traceback" not in errors


def _takes_connections(url: str) -> bool:
    try:
        httpx.get(f"{url}healthz", timeout=60)
    except httpx.TransportError:
        return False
    return True
