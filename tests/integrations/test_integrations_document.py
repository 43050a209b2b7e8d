"""What `docs/integrations.md` shows is what runs: its code is the examples', its commands are run here."""

from __future__ import annotations

import ast
import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from integration_helpers import EXAMPLES, UNFORGIVEN
from mcp import Client, StdioServerParameters

from polycypher.chat.conversation import COMMANDS
from polycypher.graph.store import GraphStore

DOCUMENT = (EXAMPLES.parent / "docs" / "integrations.md").read_text(encoding="utf-8")
COMMAND_LINES = [
    line.removeprefix("$ ")
    for block in re.findall(r"```console\n(.*?)```", DOCUMENT, re.DOTALL)
    for line in block.splitlines()
    if line.startswith("$ ")
]
SERVERS = [line for line in COMMAND_LINES if "mcp --http" in line]
ENVIRONMENT = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"}


def blocks(language: str) -> list[str]:
    """The document's code blocks in one language."""
    return re.findall(rf"```{language}\n(.*?)```", DOCUMENT, re.DOTALL)


def code_of(example: Path) -> str:
    """An example without its docstring."""
    text = example.read_text(encoding="utf-8")
    docstring = ast.parse(text).body[0]
    return "\n".join(text.splitlines()[docstring.end_lineno :]).strip()


def environment() -> dict[str, str]:
    """This process's, where the command is found and graphs are the test session's."""
    return {**ENVIRONMENT, "POLYCYPHER_HOME": os.environ["POLYCYPHER_HOME"]}


def test_the_code_shown_is_the_examples() -> None:
    examples = {code_of(path) for path in EXAMPLES.glob("*.py")}
    shown = [block.strip() for block in blocks("python")]
    assert len(shown) >= 4
    assert all(block in examples for block in shown)


def test_every_command_of_a_session_is_told() -> None:
    assert all(f"`{written.replace('|', chr(92) + '|')}`" in DOCUMENT for written in COMMANDS)


def test_there_are_commands() -> None:
    assert len(COMMAND_LINES) >= 5
    assert len(SERVERS) == 2


@pytest.mark.slow
def test_a_host_starts_the_server_as_it_is_told(demo_store: GraphStore) -> None:
    (block,) = blocks("json")
    parameters = StdioServerParameters(**json.loads(block)["mcpServers"]["polycypher"], env=environment())

    async def session() -> list[str]:
        async with Client(parameters) as client:
            return [tool.name for tool in (await client.list_tools()).tools]

    assert asyncio.run(session()) == ["ask", "translate", "get_schema"]


@pytest.mark.slow
@pytest.mark.parametrize("line", [line for line in COMMAND_LINES if line not in SERVERS])
def test_a_command_runs(line: str, demo_store: GraphStore, tmp_path: Path) -> None:
    done = subprocess.run(
        ["bash", "-euc", line],
        cwd=tmp_path,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr
    if "--json" in line:
        assert [json.loads(found)["rows"] for found in done.stdout.splitlines()] == [[[88]], [[88]]]


@pytest.mark.slow
@pytest.mark.parametrize("line", SERVERS)
def test_a_server_starts(line: str, demo_store: GraphStore, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("a-token-of-the-tests", encoding="utf-8")
    token.chmod(0o600)
    process = subprocess.Popen(
        ["bash", "-euc", f"exec {line} --port 0"],
        cwd=tmp_path,
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        assert "/mcp" in process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(120) == 0
    finally:
        process.kill()
        process.wait()


@pytest.mark.slow
def test_the_example_of_a_client_runs(demo_store: GraphStore) -> None:
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / "mcp_client.py")],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr
    assert "ask · Ask the graph" in done.stdout
    assert UNFORGIVEN in done.stdout
