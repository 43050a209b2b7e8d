"""`polycypher mcp` as a process: stdin and stdout, HTTP, interrupts, and what cannot be started."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

from polycypher import cli
from polycypher.graph.store import GraphStore
from processes import eventually, java_of

MCP = (sys.executable, "-m", "polycypher", "mcp")


async def answers(client: Client) -> tuple[Any, Any]:
    """What the tools `ask` and `get_schema` give."""
    asked = await client.call_tool("ask", {"question": "¿Qué películas dirigió Clint Eastwood?"})
    told = await client.call_tool("get_schema", {})
    return asked, told


@pytest.mark.slow
def test_over_stdin_and_stdout(tmp_path: Path) -> None:
    home = tmp_path / "home"  # a data folder of its own: the demo graph is made meanwhile
    parameters = StdioServerParameters(
        command=MCP[0], args=list(MCP[1:]), env={**os.environ, "POLYCYPHER_HOME": str(home)}
    )
    log = tmp_path / "log"

    async def session() -> tuple[Any, Any]:
        with log.open("w", encoding="utf-8") as errors:
            async with Client(stdio_client(parameters, errlog=errors)) as client:
                return await answers(client)

    asked, told = asyncio.run(session())
    assert ["Unforgiven"] in asked.structured_content["rows"]
    assert "Movie" in told.structured_content["node_properties"]
    assert log.read_text(encoding="utf-8") == ""
    assert eventually(lambda: not java_of(home), 60)


@pytest.mark.slow
def test_over_http(demo_store: GraphStore) -> None:
    process = subprocess.Popen([*MCP, "--http", "--port", "0"], stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        said = process.stderr.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+/mcp", said)
        assert found, said

        async def session() -> tuple[Any, Any]:
            async with Client(found[0]) as client:
                return await answers(client)

        asked, _ = asyncio.run(session())
        assert ["Unforgiven"] in asked.structured_content["rows"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(120) == 0
        assert process.stderr.read() == ""
    finally:
        process.kill()
        process.wait()


def started() -> subprocess.Popen[str]:
    """A server over stdin and stdout whose model cannot be opened, and that has said so."""
    process = subprocess.Popen(
        [*MCP, "--model", "nowhere"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert "nowhere" in process.stderr.readline()
    return process


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_it_while_its_client_is_silent(number: signal.Signals) -> None:
    process = started()
    process.send_signal(number)
    assert process.wait(120) == 130
    assert process.stderr is not None
    assert process.stderr.read() == "error: interrupted\n"


@pytest.mark.slow
def test_what_could_not_be_opened_is_the_exit_code_when_the_client_has_gone() -> None:
    process = started()
    out, err = process.communicate(timeout=120)
    assert process.returncode == 5
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--host", "0.0.0.0"), "belong to --http"),
        (("--http", "--host", "0.0.0.0"), "a token is required"),
        (("--http", "--token-file", "nowhere"), "cannot read the token file"),
        (("--http", "--allow-origin", "evil"), "is no origin"),
        (("--top", "0"), "--top"),
    ],
)
def test_what_cannot_be_served_is_refused_before_anything_loads(
    words: tuple[str, ...],
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["polycypher", "mcp", *words])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    shown = capsys.readouterr()
    assert stop.value.code == 2
    assert shown.out == ""
    assert shown.err.count("\n") == 1
    assert reason in shown.err
