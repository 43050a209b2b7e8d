"""Do the modes give the same answers? Agreement with `logits` and execution accuracy, and the early gate.

    python bench/modes.py --data FOLDER --docs docs

The questions are those of bench/scores.py: held-out synthetic ones on the demo graph, and the real ones of
the development split that its graphs can run (FOLDER holds `parallel/dev.jsonl`; graphs `movies` and
`northwind` must be loaded). Queries are compared as normalised text.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from performance import insert
from scores import LANGUAGES, demo_examples

from polycypher.console import progress_bar
from polycypher.corpus.example import Example
from polycypher.corpus.readers import read_examples
from polycypher.evaluation import Prediction, evaluate
from polycypher.fusion.modes import Mode
from polycypher.graph.connect import connect
from polycypher.graph.store import GraphStore
from polycypher.score import predict
from polycypher.study.files import write_json
from polycypher.study.run import provenance
from polycypher.translator.translator import Translator


def main() -> None:
    """Ask in every mode, compare, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="nano")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--count", type=int, default=150, help="synthetic questions")
    parser.add_argument("--docs", type=Path, required=True)
    options = parser.parse_args()
    result: dict[str, Any] = {"commit": provenance([])["commit"], "model": options.model, "sets": {}}
    with Translator.load(options.model) as translator:
        with connect("demo") as store:
            examples = demo_examples(store, options.count)
            result["sets"]["demo"] = compared(translator, examples, store)
        if options.data:
            dev = read_examples(options.data / "parallel" / "dev.jsonl", languages=LANGUAGES)
            for name in ("northwind", "movies"):
                with connect(name) as store:
                    own = [example for example in dev if example.database == name]
                    result["sets"][f"dev-{name}"] = compared(translator, own, store)
    write_json(options.docs / "performance" / "modes.json", result)
    insert(options.docs / "performance.md", "modes", markdown_of(result), by="modes.py")


def compared(translator: Translator, examples: Sequence[Example], store: GraphStore) -> dict[str, Any]:
    """A set in every mode: shares of the queries and largest weights that are those of `logits`, and EX."""
    schema = store.schema()
    made: dict[Mode, list[Prediction]] = {}
    total = sum(len(example.questions) for example in examples)
    for mode in Mode:
        translator.mode = mode
        with progress_bar(f"{mode}", total) as advance:
            made[mode] = list(predict(examples, translator, lambda _: schema, store=store, progress=advance))
    exact = made[Mode.LOGITS]
    return {
        "questions": total,
        **{
            mode.value: {
                "same_query": _share(
                    one.prediction == other.prediction for one, other in zip(own, exact, strict=True)
                ),
                "same_adapter": _share(
                    one.adapter == other.adapter for one, other in zip(own, exact, strict=True)
                ),
                "right_adapter": _share(one.adapter == one.language for one in own),
                "execution_accuracy": {
                    code: round(summary.execution_accuracy or 0.0, 4)
                    for code, summary in evaluate(own, examples, store).languages.items()
                },
            }
            for mode, own in made.items()
        },
    }


def markdown_of(result: dict[str, Any]) -> str:
    """The table for docs/performance.md."""
    lines = [
        f"`python bench/modes.py --data … --docs docs` at commit {result['commit']}, {result['model']}: "
        "held-out synthetic questions on the demo graph, and real ones of the development split. Shares of "
        "questions for which a mode writes the query that `logits` writes, gives its largest weight to the "
        "same adapter, and to the question's own; execution accuracy by language.",
        "",
        "| questions | mode | same query | same adapter | own adapter | EX " + " / ".join(LANGUAGES) + " |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]
    for name, found in result["sets"].items():
        for mode in Mode:
            one = found[mode.value]
            shares = " | ".join(f"{one[key]:.3f}" for key in ("same_query", "same_adapter", "right_adapter"))
            scores = " / ".join(f"{one['execution_accuracy'].get(code, 0.0):.3f}" for code in LANGUAGES)
            lines.append(f"| {name} ({found['questions']}) | `{mode}` | {shares} | {scores} |")
    return "\n".join([*lines, ""])


def _share(values: Any) -> float:
    found = list(values)
    return round(sum(found) / len(found), 4)


if __name__ == "__main__":
    main()
