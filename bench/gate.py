"""Routing of the default gate beside the paper's literal form, on the same adapters and questions.

    python bench/gate.py recipes/nano-bundle.yaml --questions 300 --out docs/nano-gates.json

Trains both gates on the same items and measures, on held-out questions of the recipe, the share of questions
of each language whose own adapter has the largest weight (rows: language, columns: adapter).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch

from polycypher.corpus.prompt import COMPACT
from polycypher.fusion.gate import Gate, GateConfig, GateKind
from polycypher.fusion.gate_training import GateItem, collect, train_gate
from polycypher.nano.bundle import SCHEMA_TOKENS, gate_items, load_runner
from polycypher.nano.recipe import NanoRecipe
from polycypher.translator.prompts import PromptMaker


def main() -> None:
    """Train and compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--questions", type=int, default=300)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    recipe = NanoRecipe.from_file(options.recipe)
    recipe = recipe.model_copy(
        update={"gate": recipe.gate.model_copy(update={"questions": options.questions})}
    )
    runner, tokenizer = load_runner(recipe)
    languages = recipe.adapters.languages
    size = runner.model.config.hidden_size
    ours = GateConfig(adapters=len(languages), embedding_size=size)
    contenders = {
        "mlp, question window": (ours, 0.3),
        "shared-scorer, question window": (
            GateConfig(kind=GateKind.SHARED_SCORER, adapters=len(languages), embedding_size=size),
            0.3,
        ),
        "mlp, question window, answer loss alone": (ours, 0.0),
        "paper: last 200 tokens, answer loss alone": (GateConfig.paper(len(languages), 256, size), 0.0),
        "paper's features, with identification loss": (GateConfig.paper(len(languages), 256, size), 0.3),
    }
    train = gate_items(recipe, tokenizer)
    test = held_out_items(recipe, tokenizer, options.questions)
    results: dict[str, Any] = {}
    configs = [config for config, _ in contenders.values()]
    known, unseen_ones = collect(runner, train, configs), collect(runner, test, configs)
    for (name, (config, identification)), features, unseen in zip(
        contenders.items(), known, unseen_ones, strict=True
    ):
        torch.manual_seed(recipe.seed)
        gate = Gate(config)
        train_gate(gate, runner.model.lm_head, features, identification=identification, seed=recipe.seed)
        with torch.no_grad():
            weights = gate(unseen.previews.clone(), unseen.embeddings.clone())
        shares = {}
        for index, language in enumerate(languages):
            top = weights[unseen.adapters == index].argmax(1)
            shares[language] = {code: float((top == i).float().mean()) for i, code in enumerate(languages)}
        mean = {
            language: [round(float(w), 3) for w in weights[unseen.adapters == index].mean(0)]
            for index, language in enumerate(languages)
        }
        results[name] = {"routing": shares, "mean_weights": mean}
        print(name, json.dumps(results[name]), flush=True)
    options.out.write_text(
        json.dumps({"questions_a_language": options.questions, "gates": results}, indent=1) + "\n"
    )


def held_out_items(recipe: NanoRecipe, tokenizer: Any, count: int) -> list[GateItem]:
    """Held-out questions as gate items, by database."""
    _, schemas, held_out = recipe.read_corpora()
    maker = PromptMaker(tokenizer, COMPACT, SCHEMA_TOKENS)
    return [
        GateItem(
            maker.prompt(schemas[example.database], example.questions[code]), [tokenizer.eos_token_id], index
        )
        for example in sorted(held_out[:count], key=lambda e: e.database)
        if example.database in schemas
        for index, code in enumerate(recipe.adapters.languages)
    ]


if __name__ == "__main__":
    main()
