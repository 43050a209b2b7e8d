"""Commands that train: `train nano`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from polycypher.cli.app import train_app


@train_app.command("nano")
def train_nano(
    recipe: Annotated[Path, typer.Argument(help="The recipe (YAML).")],
    stage: Annotated[
        str, typer.Option(help="base, adapters, gate or all; finished stages are kept.")
    ] = "all",
) -> None:
    """Train the default bundle: base, one adapter a language, gate."""
    from polycypher.nano.bundle import train_bundle
    from polycypher.nano.recipe import NanoRecipe

    folder = train_bundle(NanoRecipe.from_file(recipe), stage=stage, report=print_record)
    typer.echo(str(folder))


def print_record(record: Mapping[str, Any]) -> None:
    """A line of a training run's log, for people, on stderr."""
    shown = (
        f"{key} {value:.4g}" if isinstance(value, float) else f"{key} {value}"
        for key, value in record.items()
    )
    typer.echo("  ".join(shown), err=True)
