"""The whole of a nano recipe: base, one adapter a language, gate, and the bundle that holds them.

A finished stage leaves its folder behind and is not done again; a killed run goes on where it was.
Knows nothing of databases.
"""

from __future__ import annotations

import math
import random
import shutil
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from polycypher import __version__
from polycypher.adapters.lora import CONFIG, RECORD, WEIGHTS, LoraAdapter
from polycypher.corpus.prompt import COMPACT
from polycypher.cypher.normalise import normalise
from polycypher.errors import QueryError, RecipeError
from polycypher.fusion.early import agreement, distil
from polycypher.fusion.gate import Gate, GateConfig
from polycypher.fusion.gate_training import GateItem, collect, train_gate
from polycypher.fusion.previews import size_of
from polycypher.fusion.runner import Runner
from polycypher.fusion.stacked import StackedAdapter
from polycypher.fusion.storage import save_gate
from polycypher.nano.data import Mixture
from polycypher.nano.forward import Shape
from polycypher.nano.pretrain import Report, probe_batches, probe_scores, sources, train_base
from polycypher.nano.recipe import NanoRecipe
from polycypher.nano.synthetic import GroupMaker
from polycypher.nano.train import Plan, Trainable, train
from polycypher.schema import GraphSchema
from polycypher.translator.bundle import Manifest, fingerprint
from polycypher.translator.loading import load_base
from polycypher.translator.prompts import PromptMaker

STAGES = ("base", "adapters", "gate", "all")
SCHEMA_TOKENS = 448
TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj")


def train_bundle(recipe: NanoRecipe, *, stage: str = "all", report: Report = lambda record: None) -> Path:
    """Train what a stage names and is not finished; returns the bundle's folder.

    Raises:
        RecipeError: an unknown stage, or one whose base is not trained yet.
    """
    if stage not in STAGES:
        raise RecipeError(f"no stage is named '{stage}'; there are {', '.join(STAGES)}")
    base = recipe.folder / "base"
    if stage in ("base", "all") and not (base / "model.safetensors").exists():
        train_base(recipe, report=report)
    if stage == "base":
        return base
    if not (base / "model.safetensors").exists():
        raise RecipeError(f"the base in {base} is not trained yet; run the stage `base` first")
    for language in recipe.adapters.languages:
        if not (recipe.folder / "adapters" / language / WEIGHTS).exists():
            train_adapter(recipe, language, report=report)
    if stage in ("gate", "all"):
        train_bundle_gate(recipe, report=report)
        return assemble(recipe)
    return recipe.folder / "adapters"


def train_adapter(recipe: NanoRecipe, language: str, *, report: Report = lambda record: None) -> Path:
    """One LoRA on one language's questions (arXiv 2601.16097, Appendix B); returns its PEFT folder."""
    torch.manual_seed(recipe.seed)
    base = recipe.folder / "base"
    model, tokenizer = load_base(base)
    part = recipe.adapters
    factors = {}
    for name, module in model.named_modules():
        if name.rsplit(".", 1)[-1] in TARGETS:
            a = torch.empty(part.rank, module.in_features)
            torch.nn.init.kaiming_uniform_(a, a=math.sqrt(5))
            factors[name + ".weight"] = (a, torch.zeros(module.out_features, part.rank))
    trainable = Trainable(dict(model.named_parameters()), factors, part.alpha / part.rank)
    examples, schemas, held_out = recipe.read_corpora()
    mixture = Mixture(
        sources(recipe, examples, schemas, only=language),
        schemas,
        tokenizer,
        COMPACT,
        seed=recipe.seed,
        question_weight=0.0,
    )
    shape = Shape.of(model.config)
    probes = {language: probe_batches(held_out, schemas, tokenizer, language, most=400)}

    def probe(weights: dict[str, Tensor]) -> dict[str, float]:
        return probe_scores(weights, shape, probes)

    with torch.no_grad():
        report({"adapter": language, "step": 0, **probe(trainable.weights()[0])})
    folder = recipe.folder / "adapters" / language
    plan = Plan(part.steps, part.rate, part.groups, part.warm_up, part.fall)
    train(trainable, shape, mixture, plan, folder=folder, probe=probe, probe_every=210, report=report)
    LoraAdapter(
        factors={
            name.removesuffix(".weight"): (
                trainable.master[name + "|A"].detach(),
                trainable.master[name + "|B"].detach(),
            )
            for name in factors
        },
        rank=part.rank,
        alpha=part.alpha,
        base="nano",
        language=language,
        prompt_hash=COMPACT.hash,
        base_fingerprint=fingerprint(base),
        record={"steps": part.steps, "rate": part.rate, "seed": recipe.seed},
    ).save(folder)
    return folder


def load_runner(recipe: NanoRecipe) -> tuple[Runner, Any]:
    """(runner, tokenizer) of a recipe's base and adapters."""
    model, tokenizer = load_base(recipe.folder / "base")
    adapters = [LoraAdapter.load(recipe.folder / "adapters" / code) for code in recipe.adapters.languages]
    return Runner(model, StackedAdapter(model, adapters), end=int(tokenizer.eos_token_id)), tokenizer


def train_bundle_gate(recipe: NanoRecipe, *, report: Report = lambda record: None) -> Path:
    """The gate over a recipe's adapters, and the early one distilled from it; returns the gate's folder."""
    torch.manual_seed(recipe.seed)
    languages = recipe.adapters.languages
    runner, tokenizer = load_runner(recipe)
    config = runner.model.config
    defaults = GateConfig()
    gate = Gate(
        GateConfig(
            adapters=len(languages),
            preview=size_of(defaults.reduction, config.vocab_size, config.hidden_size),
            embedding_size=config.hidden_size,
        )
    )
    items = gate_items(recipe, tokenizer)
    done = 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        report({"gate": "features", "done": done, "of": len(items)})

    (features,) = collect(runner, items, [gate.config], progress=advance)
    part = recipe.gate
    losses = train_gate(
        gate,
        runner.model.lm_head,
        features,
        epochs=part.epochs,
        rate=part.rate,
        identification=part.identification,
        seed=recipe.seed,
    )
    with torch.no_grad():
        top = gate(features.previews.clone(), features.embeddings.clone()).argmax(1)
    right = {
        code: float((top == i)[features.adapters == i].float().mean()) for i, code in enumerate(languages)
    }
    report(
        {"gate": "trained", "loss": losses[-1], **{f"right_{code}": share for code, share in right.items()}}
    )
    folder = recipe.folder / "gate"
    save_gate(gate, folder)
    with torch.no_grad():
        taught = gate(features.previews.clone(), features.embeddings.clone())
    early = distil(features.embeddings, taught, seed=recipe.seed)
    save_gate(early, recipe.folder / "early")
    report({"gate": "early", "agreement": agreement(early, features.embeddings.clone(), taught)})
    return folder


def gate_items(recipe: NanoRecipe, tokenizer: Any) -> list[GateItem]:
    """Training items of the gate: shared parallel questions and synthetic ones, in every language.

    `gate.questions` a language, of which `gate.synthetic` is the synthesiser's share.
    """
    languages = recipe.adapters.languages
    chooser = random.Random(recipe.seed)
    examples, schemas, _ = recipe.read_corpora()
    pairs: list[tuple[GraphSchema, Mapping[str, str], str]] = []
    shared = [
        example
        for part in recipe.corpora
        if part.adapters
        for example in examples.get(part.name, [])
        if example.database in schemas and all(code in example.questions for code in languages)
    ]
    made = (
        0
        if recipe.synthetic is None
        else int(recipe.gate.questions * (recipe.gate.synthetic if shared else 1.0))
    )
    real = chooser.sample(shared, min(len(shared), recipe.gate.questions - made))
    pairs.extend((schemas[e.database], e.questions, e.cypher) for e in sorted(real, key=lambda e: e.database))
    if recipe.synthetic is not None:
        part = recipe.synthetic
        groups = GroupMaker(
            dict.fromkeys(languages, 1.0), demo_share=part.demo_share, known_share=part.known_share
        )
        while made > 0:
            schema, examples_made = groups.parallel(chooser, min(16, made))
            pairs.extend((schema, e.questions, e.cypher) for e in examples_made)
            made -= len(examples_made)
    maker = PromptMaker(tokenizer, COMPACT, SCHEMA_TOKENS)
    items: list[GateItem] = []
    for schema, questions, cypher in pairs:
        try:
            answer = maker.answer(normalise(cypher))
        except QueryError:
            continue
        items.extend(
            GateItem(maker.prompt(schema, questions[code]), answer, index)
            for index, code in enumerate(languages)
        )
    return items


def assemble(recipe: NanoRecipe) -> Path:
    """Copy the parts into `bundle/` and write its manifest last."""
    bundle = recipe.folder / "bundle"
    shutil.rmtree(bundle, ignore_errors=True)
    base = recipe.folder / "base"
    (bundle / "base").mkdir(parents=True)
    for path in base.iterdir():
        if path.suffix in (".json", ".safetensors"):
            shutil.copy2(path, bundle / "base" / path.name)
    for code in recipe.adapters.languages:
        source = recipe.folder / "adapters" / code
        (bundle / "adapters" / code).mkdir(parents=True)
        for name in (WEIGHTS, CONFIG, RECORD):
            shutil.copy2(source / name, bundle / "adapters" / code / name)
    for name in ("gate", "early"):
        shutil.copytree(recipe.folder / name, bundle / name)
    Manifest(
        name="nano",
        base="base",
        base_fingerprint=fingerprint(bundle / "base"),
        languages={code: f"adapters/{code}" for code in recipe.adapters.languages},
        prompt=COMPACT.name,
        prompt_hash=COMPACT.hash,
        early="early",
        schema_tokens=SCHEMA_TOKENS,
        versions={
            "polycypher": __version__,
            **{name: version(name) for name in ("torch", "transformers", "peft")},
        },
    ).save(bundle)
    return bundle
