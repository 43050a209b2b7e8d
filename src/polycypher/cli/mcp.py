"""The command `mcp`: the graph as tools for agents."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from polycypher import console
from polycypher.cli.app import app
from polycypher.cli.options import (
    DatabaseOption,
    GraphOption,
    ModelOption,
    PasswordOption,
    TimeoutOption,
    TopOption,
    UserOption,
)
from polycypher.errors import UsageError
from polycypher.graph.access import access_to


@app.command()
def mcp(
    graph: GraphOption = "demo",
    database: DatabaseOption = None,
    user: UserOption = None,
    password: PasswordOption = None,
    model: ModelOption = "nano",
    top: TopOption = 50,
    timeout: TimeoutOption = 10.0,
    http: Annotated[bool, typer.Option("--http", help="Serve HTTP instead of stdin and stdout.")] = False,
    host: Annotated[str | None, typer.Option(help="With --http; 127.0.0.1 if not given.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="With --http; 8766 if not given, 0: any free one.")
    ] = None,
    token_file: Annotated[
        Path | None, typer.Option(help="With --http; holds the token that clients must send.")
    ] = None,
    allow_host: Annotated[
        list[str] | None, typer.Option(help="With --http; a name by which clients call the server.")
    ] = None,
    allow_origin: Annotated[
        list[str] | None, typer.Option(help="With --http; an origin whose pages may call.")
    ] = None,
) -> None:
    """Serve a graph to agents by MCP: tools ask, translate and get_schema, all read-only."""
    given = {
        "host": host,
        "port": port,
        "token_file": token_file,
        "hosts": allow_host,
        "origins": allow_origin,
    }
    named: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    if named and not http:
        raise UsageError("--host, --port, --token-file, --allow-host and --allow-origin belong to --http")
    from polycypher.serving.mcp import agent_settings

    settings = agent_settings(rows=top, seconds=timeout, **named)
    access = access_to(graph, database, user, password)
    if http:
        from polycypher.serving.mcp_http import serve_http

        serve_http(
            settings,
            model=model,
            graph=graph,
            access=access,
            started=lambda url: console.print_notice(f"agents may connect to {url}; Ctrl-C ends"),
        )
    else:
        from polycypher.serving.mcp_stdio import serve_stdio

        serve_stdio(settings, model=model, graph=graph, access=access)
