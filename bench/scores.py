"""Scores of a bundle for its card: held-out synthetic questions, the real dev split, unseen schemas.

    python bench/scores.py --data FOLDER --out docs/nano-scores.json

FOLDER holds `parallel/dev.jsonl` and `schemas.jsonl`; graphs named as the corpus' databases must have been
made with `polycypher load`. Without --data only the synthetic sets are scored. Each set is scored with and
without constrained decoding on the same questions; intervals are 95 % bootstrap.
"""

from __future__ import annotations

import argparse
import itertools
import json
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from polycypher.console import progress_bar
from polycypher.corpus.example import Example
from polycypher.corpus.readers import read_examples, read_schemas
from polycypher.cypher.lexer import Kind, tokenize
from polycypher.cypher.normalise import normalise
from polycypher.errors import QueryError
from polycypher.evaluation import Prediction, Report, evaluate
from polycypher.graph.connect import connect
from polycypher.nano.synthetic import HELD_OUT
from polycypher.schema import GraphSchema
from polycypher.score import predict
from polycypher.synthesis import demo_world, random_world, synthesise
from polycypher.translator.translator import Translator

LANGUAGES = ("en", "es", "tr")


def main() -> None:
    """Parse arguments, score, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="nano")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--count", type=int, default=150, help="synthetic questions a set")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--modes", nargs="*", default=["constrained", "free"])
    parser.add_argument("--sets", nargs="*", default=["demo", "movies", "northwind", "dev", "unseen"])
    options = parser.parse_args()
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True
    ).stdout.strip()
    results: dict[str, Any] = {"commit": commit, "model": options.model, "sets": {}}
    with Translator.load(options.model) as translator:
        if "demo" in options.sets:
            with connect("demo") as store:
                results["sets"]["demo"] = both(
                    translator, demo_examples(store, options.count), store, modes=options.modes
                )
        if options.data:
            dev = read_examples(options.data / "parallel" / "dev.jsonl", languages=LANGUAGES)
            for name in {"movies", "northwind"} & set(options.sets):
                with connect(name) as store:
                    results["sets"][f"dev-{name}"] = both(
                        translator,
                        [e for e in dev if e.database == name],
                        store,
                        modes=options.modes,
                    )
            if "dev" in options.sets:
                known = read_schemas(options.data / "schemas.jsonl")
                rest = [e for e in dev if e.database in known and e.database not in ("movies", "northwind")]
                results["sets"]["dev-others"] = both(translator, rest, None, known, modes=options.modes)
        if "unseen" in options.sets:
            examples, worlds = unseen_examples(options.count)
            results["sets"]["unseen"] = both(translator, examples, None, worlds, modes=options.modes)
    options.out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def demo_examples(store: Any, count: int) -> list[Example]:
    """Synthetic questions about the demo graph, its stored values, and a seed that training never draws."""
    schema, lexicon, values = demo_world(store)
    return synthesise(
        schema, lexicon, values, languages=LANGUAGES, count=count, seed=HELD_OUT, database="demo"
    )


def unseen_examples(count: int) -> tuple[list[Example], dict[str, GraphSchema]]:
    """Synthetic questions about random schemas whose seeds training never used, six a schema."""
    examples: list[Example] = []
    worlds: dict[str, GraphSchema] = {}
    for number in range(count // 6):
        name = f"unseen-{number}"
        schema, lexicon, values = random_world(HELD_OUT + number, LANGUAGES)
        worlds[name] = schema
        made = synthesise(
            schema, lexicon, values, languages=LANGUAGES, count=6, seed=HELD_OUT + number, database=name
        )
        examples += [
            Example(f"{name}-{index}", name, example.questions, example.cypher)
            for index, example in enumerate(made)
        ]
    return examples, worlds


def both(
    translator: Translator,
    examples: Sequence[Example],
    store: Any,
    schemas: dict[str, GraphSchema] | None = None,
    *,
    modes: Sequence[str],
) -> dict[str, Any]:
    """Scores with and without constrained decoding."""
    scored: dict[str, Any] = {}
    live = store.schema() if store is not None else None
    for mode in modes:
        constrain = mode == "constrained"
        began = time.perf_counter()
        with progress_bar(mode, sum(len(e.questions) for e in examples)) as advance:
            predictions = list(
                predict(
                    examples,
                    translator,
                    lambda example: live if live is not None else (schemas or {})[example.database],
                    store=store,
                    constrain=constrain,
                    progress=advance,
                )
            )
        seconds = time.perf_counter() - began
        report: Report = evaluate(predictions, examples, store)
        scored[mode] = {
            **report.to_json(),
            "details": report.details(),
            "exact_query": exact_queries(predictions, examples),
            "copied": copied(predictions, examples),
            "seconds_a_question": seconds / max(1, len(predictions)),
        }
        print(mode, json.dumps({k: v for k, v in scored[mode].items() if k != "details"}), flush=True)
    return scored


def copied(predictions: Sequence[Prediction], examples: Sequence[Example]) -> dict[str, dict[str, float]]:
    """Share of the gold queries' names (labels, types, properties) and literals that the predictions hold."""
    gold = {example.id: parts(example.cypher) for example in examples}
    found: dict[str, dict[str, list[bool]]] = {}
    for prediction in predictions:
        own = parts(prediction.prediction)
        for kind, texts in gold[prediction.example_id].items():
            hits = found.setdefault(prediction.language, {}).setdefault(kind, [])
            hits.extend(text in own[kind] for text in texts)
    return {
        language: {kind: sum(hits) / len(hits) for kind, hits in kinds.items() if hits}
        for language, kinds in sorted(found.items())
    }


def parts(cypher: str) -> dict[str, set[str]]:
    """Names after `:`, `.`, `|` and in maps, and string literals, of a query; none if it cannot be read."""
    made: dict[str, set[str]] = {"names": set(), "literals": set()}
    try:
        tokens = tokenize(normalise(cypher))
    except QueryError:
        return made
    for before, token in itertools.pairwise(tokens):
        if token.kind is Kind.STRING:
            made["literals"].add(token.text)
        elif token.kind in (Kind.NAME, Kind.QUOTED_NAME) and before.text in (":", ".", "|", "{"):
            made["names"].add(token.text)
    return made


def exact_queries(predictions: Sequence[Prediction], examples: Sequence[Example]) -> dict[str, float]:
    """Share of predictions whose canonical text is the gold query's, a language."""
    gold = {example.id: normalise(example.cypher) for example in examples}
    hits: dict[str, list[bool]] = {}
    for prediction in predictions:
        try:
            same = normalise(prediction.prediction) == gold[prediction.example_id]
        except QueryError:
            same = False
        hits.setdefault(prediction.language, []).append(same)
    return {language: sum(found) / len(found) for language, found in hits.items()}


if __name__ == "__main__":
    main()
