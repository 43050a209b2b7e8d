"""What constrained decoding costs beside free decoding: the same questions, both ways, interleaved."""

from __future__ import annotations

from typing import Any

from polycypher.ask import examples_of_questions, open_both
from polycypher.benchmark.timing import Spread
from polycypher.fusion.modes import Mode
from polycypher.graph.watch import Watch, unwatched


def constrained_cost(model: str, rounds: int, *, watch: Watch = unwatched) -> dict[str, Any]:
    """Ask the demo's questions of the demo graph's schema.

    The time is that of the model: from words to query, with the making of the grammar. Both ways
    are given the same words, others each round, so that no grammar is found ready.

    Raises:
        Everything that `open_both` raises.
    """
    questions = [question for _, question in examples_of_questions()]
    translator, store, _ = open_both(model, "demo", mode=Mode.PRUNED)
    found: dict[str, list[float]] = {"constrained": [], "free": []}
    with translator, store, watch("constrained and free", (rounds + 1) * 2) as advance:
        schema = store.schema()
        for number in range(rounds + 1):
            for name in sorted(found, reverse=bool(number % 2)):
                total = 0.0
                for question in questions:
                    made = translator.translate(
                        f"{question} ({number})", schema, constrain=name == "constrained"
                    )
                    total += made.gate_ms + made.decode_ms
                if number:  # the first is to warm up
                    found[name].append(total / len(questions))
                advance()
    pairs = zip(found["constrained"], found["free"], strict=True)
    return {
        "ratio": Spread.of([one / other for one, other in pairs]).to_list(),
        "constrained_ms": Spread.of(found["constrained"]).to_list(2),
        "free_ms": Spread.of(found["free"]).to_list(2),
    }
