"""Execution accuracy on schemas that training never saw, each as a small graph with invented values.

    python bench/unseen.py --worlds 12 --questions 12 --out docs/nano-unseen.json

A random world's schema (seeds that training never draws) becomes an embedded graph of its own, made in a
temporary home; questions are synthesised from what it stores, in three languages, so that gold returns rows.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from polycypher.console import progress_bar
from polycypher.corpus.example import Example
from polycypher.cypher.lexer import quote_name, quote_string
from polycypher.evaluation import evaluate
from polycypher.evaluation.intervals import bootstrap
from polycypher.graph.connect import connect
from polycypher.graph.load import load_script
from polycypher.nano.synthetic import HELD_OUT
from polycypher.schema import GraphSchema
from polycypher.score import predict
from polycypher.synthesis import GraphValues, ValueSource, random_world, synthesise
from polycypher.synthesis.values import Step
from polycypher.translator.translator import Translator

LANGUAGES = ("en", "es", "tr")
NODES, RELATIONSHIPS = 15, 30
"""Of each label and of each pattern."""


def main() -> None:
    """Parse arguments, make the graphs, score, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="nano")
    parser.add_argument("--worlds", type=int, default=12)
    parser.add_argument("--questions", type=int, default=12, help="of each world, in three languages")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True
    ).stdout.strip()
    predictions: list[Any] = []
    examples: list[Example] = []
    reports = []
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home,
        Translator.load(options.model) as translator,
    ):
        os.environ["POLYCYPHER_HOME"] = home
        with progress_bar("worlds", options.worlds) as advance:
            for number in range(options.worlds):
                own, made, report = score_world(translator, number, options.questions, Path(home))
                examples += own
                predictions += made
                reports.append(report)
                advance(1)
    whole: dict[str, list[float]] = {language: [] for language in LANGUAGES}
    for report in reports:
        for language in LANGUAGES:
            whole[language] += report.values("execution_accuracy", language).values()
    scored = {}
    for language, values in whole.items():
        found = bootstrap(values)
        scored[language] = {
            "count": len(values),
            "execution_accuracy": found.value,
            "low": found.low,
            "high": found.high,
        }
    record = {
        "command": f"python bench/unseen.py --worlds {options.worlds} --questions {options.questions}",
        "commit": commit,
        "model": options.model,
        "languages": scored,
    }
    options.out.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(record["languages"]))


def score_world(
    translator: Translator, number: int, count: int, home: Path
) -> tuple[list[Example], list[Any], Any]:
    """Questions, predictions and report of one unseen world."""
    seed = HELD_OUT + 10_000 + number
    schema, lexicon, values = random_world(seed, LANGUAGES)
    name = f"unseen{number}"
    script = home / f"{name}.cypher"
    script.write_text("\n".join(statements(schema, values, Random(seed))), encoding="utf-8")
    load_script(name, script)
    with connect(name) as store:
        stored = GraphValues.read(store, schema)
        made = synthesise(schema, lexicon, stored, languages=LANGUAGES, count=count, seed=seed, database=name)
        examples = [
            Example(f"{name}-{index}", name, one.questions, one.cypher) for index, one in enumerate(made)
        ]
        live = store.schema()
        predictions = list(predict(examples, translator, lambda example: live, store=store))
        return examples, predictions, evaluate(predictions, examples, store)


def statements(schema: GraphSchema, values: ValueSource, rng: Random) -> Iterator[str]:
    """One CREATE of every node and relationship."""
    parts = []
    names: dict[str, list[str]] = {}
    for place, label in enumerate(schema.labels):
        for index in range(NODES):
            made = values.node(label, rng)
            held = {name: made.get(name) for name in schema.node_properties.get(label, {})}
            node = f"n{place}_{index}"
            names.setdefault(label, []).append(node)
            parts.append(f"({node}:{quote_name(label)}{_map(held, schema.node_properties.get(label, {}))})")
    for pattern in schema.relationships:
        kinds = schema.relationship_properties.get(pattern.type, {})
        pairs = {
            (rng.choice(names[pattern.start]), rng.choice(names[pattern.end])) for _ in range(RELATIONSHIPS)
        }
        for start, end in sorted(pairs):
            own: dict[str, Any] = {}
            if kinds:
                walk = values.walk([Step(pattern, True)], rng)
                own = {name: walk.relationships[0].get(name) for name in kinds} if walk else {}
            parts.append(f"({start})-[:{quote_name(pattern.type)}{_map(own, kinds)}]->({end})")
    yield "CREATE " + ",\n".join(parts) + ";"


def _map(values: dict[str, Any], kinds: Any) -> str:
    held = [
        f"{quote_name(name)}: {_literal(value, kinds.get(name, ''))}"
        for name, value in values.items()
        if value is not None
    ]
    return " {" + ", ".join(held) + "}" if held else ""


def _literal(value: Any, kind: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list):
        return "[" + ", ".join(_literal(one, "") for one in value) + "]"
    text = quote_string(str(value))
    return f"{kind.lower()}({text})" if kind in ("DATE", "DATETIME") else text


if __name__ == "__main__":
    main()
