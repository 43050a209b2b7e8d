"""The command that serves others: `serve`."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from polycypher import console
from polycypher.cli.app import app
from polycypher.cli.options import (
    DatabaseOption,
    GraphOption,
    ModelOption,
    ModeOption,
    PasswordOption,
    UserOption,
)
from polycypher.fusion.modes import Mode
from polycypher.graph.access import access_to


@app.command()
def serve(
    graph: GraphOption = "demo",
    database: DatabaseOption = None,
    user: UserOption = None,
    password: PasswordOption = None,
    model: ModelOption = "nano",
    mode: ModeOption = Mode.PRUNED,
    host: Annotated[
        str | None, typer.Option(help="The address to listen on.", show_default="127.0.0.1")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="0 lets the system choose.", show_default="8765"),
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(help="A file with the token that requests must bring; required beyond loopback."),
    ] = None,
    allow_host: Annotated[
        list[str] | None, typer.Option(help="A further name by which clients call the server; repeat it.")
    ] = None,
    allow_origin: Annotated[
        list[str] | None, typer.Option(help="A further origin whose pages may call it; repeat it.")
    ] = None,
    settings: Annotated[
        Path | None, typer.Option(help="A YAML file with limits; see docs/operations.md.")
    ] = None,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
) -> None:
    """Serve a graph and a model: a page, a REST API, and an OpenAI-compatible one."""
    from polycypher.serving.settings import Settings

    given = {
        "host": host,
        "port": port,
        "token_file": token_file,
        "hosts": allow_host or None,
        "origins": allow_origin or None,
    }
    chosen = Settings.read(settings, **{key: value for key, value in given.items() if value is not None})
    from polycypher.serving.run import serve as run

    with ExitStack() as loading:
        loading.enter_context(console.waiting("loading"))

        def started(url: str) -> None:
            loading.close()
            typer.echo(url)
            console.print_notice(f"serving the graph '{graph.split('?')[0]}'; Ctrl+C ends it")
            if open_page:
                typer.launch(url)

        run(
            chosen,
            model=model,
            mode=mode,
            graph=graph,
            access=access_to(graph, database, user, password),
            started=started,
        )
