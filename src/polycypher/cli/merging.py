"""The command that merges adapters: `merge`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from polycypher import console
from polycypher.cli.app import app
from polycypher.cli.options import JsonOption
from polycypher.errors import UsageError


@app.command()
def merge(
    recipe: Annotated[
        Path | None, typer.Argument(help="A recipe (YAML); or use --method and --adapter.")
    ] = None,
    method: Annotated[
        str | None, typer.Option(help="factor, exact, ties, dare-linear, svd, adamergex-lora, …")
    ] = None,
    adapter: Annotated[
        list[Path] | None, typer.Option(help="A PEFT folder; once for each adapter, in order.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The folder to write.")] = None,
    weights: Annotated[
        str | None, typer.Option(help="One an adapter, between commas: 0.5,0.3,0.2; default alike.")
    ] = None,
    density: Annotated[float | None, typer.Option(help="The share of entries to keep: 0 to 1.")] = None,
    rank: Annotated[int | None, typer.Option(help="The merged adapter's rank.")] = None,
    scale: Annotated[float | None, typer.Option(help="AdaMergeX's λ.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of DARE's random masks.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an adapter that is there.")] = False,
    json: JsonOption = False,
) -> None:
    """Merge adapters into one: a plain PEFT folder, with a record of what went in."""
    from polycypher.adapters.merge.folder import merge_folders
    from polycypher.adapters.merge.recipe import MergeRecipe

    values = (method, adapter or None, weights, density, rank, scale, seed)
    if recipe is not None:
        if any(value is not None for value in values):
            raise UsageError(
                "give a recipe, or --method and --adapter; beside a recipe only --out and --force"
            )
        read = MergeRecipe.from_file(recipe)
        told = read if out is None else read.model_copy(update={"folder": out})
    elif method is None or not adapter or out is None:
        raise UsageError("name a recipe, or --method, --adapter (once for each) and --out")
    else:
        told = MergeRecipe.from_values(
            {
                "method": method,
                "adapters": _sources(adapter, weights),
                "density": density,
                "rank": rank,
                "scale": scale,
                "seed": seed,
                "folder": out,
            }
        )
    made = merge_folders(told, force=force)
    if json:
        console.print_json(made)
        return
    size = f"rank {made['rank']}, " if "rank" in made else ""
    console.print_text(
        f"{made['folder']}: {made['method']} of {len(made['adapters'])} adapters, "
        f"{size}{made['parameters']:,} parameters"
    )
    if "relative_error" in made:
        console.print_notice(f"the cut to rank {made['rank']} loses {made['relative_error']:.1%} of the norm")


def _sources(folders: list[Path], weights: str | None) -> list[dict[str, object]]:
    """A recipe's `adapters` of the folders and `--weights`."""
    if weights is None:
        return [{"folder": folder} for folder in folders]
    words = weights.split(",")
    if len(words) != len(folders):
        raise UsageError(f"--weights: {len(words)} weights for {len(folders)} adapters; give one an adapter")
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        raise UsageError(f"--weights: '{weights}' are no numbers between commas") from None
    return [{"folder": folder, "weight": number} for folder, number in zip(folders, numbers, strict=True)]
