"""The options that several commands share, as annotated types."""

from __future__ import annotations

from typing import Annotated

import typer

from polycypher.fusion.modes import Mode

GraphOption = Annotated[
    str, typer.Option("--graph", "-g", help="demo, a graph made by `load`, or bolt://… neo4j://… falkor://…")
]
DatabaseOption = Annotated[
    str | None, typer.Option(help="The server's database.", envvar="POLYCYPHER_DATABASE")
]
UserOption = Annotated[str | None, typer.Option(help="The server's user.", envvar="POLYCYPHER_USER")]
PasswordOption = Annotated[
    str | None, typer.Option(help="The user's password.", envvar="POLYCYPHER_PASSWORD")
]
ModelOption = Annotated[
    str, typer.Option("--model", "-m", help="nano, a bundle's folder, or a hub id owner/name.")
]
LanguageOption = Annotated[str, typer.Option(help="auto asks the gate; a language uses its adapter alone.")]
ConstrainOption = Annotated[
    bool, typer.Option("--constrain/--no-constrain", help="Decode only valid queries.")
]
ModeOption = Annotated[
    Mode, typer.Option(help="How adapters are combined: one row of the model, or one an adapter (logits).")
]
TopOption = Annotated[int, typer.Option(min=1, help="Rows at most.")]
TimeoutOption = Annotated[float, typer.Option(min=0.1, max=3600, help="Seconds that a query may run.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
