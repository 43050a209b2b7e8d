"""`synthesise`: parallel questions with one gold query each, from a schema."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from polycypher.corpus.example import Example
from polycypher.errors import SchemaError
from polycypher.schema import GraphSchema
from polycypher.synthesis.kinds import plan
from polycypher.synthesis.kinds.scene import Scene
from polycypher.synthesis.language import load_language
from polycypher.synthesis.lexicon import Lexicon
from polycypher.synthesis.noise import roughen
from polycypher.synthesis.realise import Realiser
from polycypher.synthesis.values import ValueSource

SOURCE = "polycypher.synthesis"
LICENCE = "Apache-2.0"
_TRIES = 40


def synthesise(
    schema: GraphSchema,
    lexicon: Lexicon,
    values: ValueSource,
    *,
    languages: Sequence[str],
    count: int,
    seed: int,
    noise: float = 0.0,
    database: str = "synthetic",
) -> list[Example]:
    """`count` examples with a question in each of `languages`; equal arguments give equal examples.

    Args:
        schema: what may be asked about.
        lexicon: which concept each name stands for.
        values: where stored values come from.
        languages: BCP 47 codes with data files.
        count: number of examples.
        seed: decides everything.
        noise: probability that a question loses its accents, case or question mark, or gains a typo;
            stored values stay as they are.
        database: the examples' `database`.

    Raises:
        UsageError: a language has no data files.
        SchemaError: the schema has nothing to ask about.
    """
    rng = Random(seed)
    scene = Scene(schema, lexicon, values, rng)
    if not scene.labels:
        raise SchemaError("the schema has no label with a property; give one with something to ask about")
    realisers = [(code, Realiser(load_language(code), lexicon, rng)) for code in languages]
    examples: list[Example] = []
    failures = 0
    while len(examples) < count:
        made = plan(scene)
        if made is None:
            failures += 1
            if failures > _TRIES * (count + 1):
                raise SchemaError(
                    "the values fit no question kind; give nodes with properties and relationships"
                )
            continue
        questions = {code: realiser.question(made) for code, realiser in realisers}
        if noise:
            questions = {code: roughen(text, made.cypher, rng, noise) for code, text in questions.items()}
        examples.append(
            Example(
                f"synthetic-{seed}-{len(examples)}",
                database,
                questions,
                made.cypher,
                source=f"{SOURCE}:{made.kind}",
                licence=LICENCE,
            )
        )
    return examples
