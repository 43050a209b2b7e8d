"""The typer applications that commands register with. Knows no command."""

from __future__ import annotations

from typing import Annotated

import typer

from polycypher import __version__

app = typer.Typer(
    name="polycypher",
    help="Ask a property graph in any language.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
train_app = typer.Typer(help="Train models and adapters.", no_args_is_help=True)
app.add_typer(train_app, name="train")


@app.callback(invoke_without_command=True)
def _root(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        typer.echo(f"polycypher {__version__}")
        raise typer.Exit
