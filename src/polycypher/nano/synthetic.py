"""Groups from the synthesiser for nano's mixture: random worlds, and worlds of known shape.

Seeds of training worlds are below `HELD_OUT`; worlds for measuring have seeds from there on. Knows
nothing of training.
"""

from __future__ import annotations

import random
from collections.abc import Mapping

from polycypher.corpus.example import Example
from polycypher.nano.data import Group
from polycypher.schema import GraphSchema
from polycypher.synthesis import demo_world, domain_world, domain_worlds, random_world, synthesise

HELD_OUT = 1_000_000_000
"""Seeds from here on never train."""


class GroupMaker:
    """Makes groups: `demo_share` of them films, `known_share` other known worlds, the rest random ones.

    Values come from the synthesiser's own pools, never from a graph that is measured on.
    """

    def __init__(self, languages: Mapping[str, float], *, demo_share: float, known_share: float) -> None:
        """`languages` maps a language to its share of the questions."""
        self.languages = dict(languages)
        self.demo_share = demo_share
        self.known_share = known_share

    def parallel(self, chooser: random.Random, most: int) -> tuple[GraphSchema, list[Example]]:
        """A schema and `most` examples, each with a question in every language."""
        codes = list(self.languages)
        seed = chooser.randrange(HELD_OUT)
        kind = chooser.random()
        if kind < self.demo_share:
            schema, lexicon, values = demo_world()
        elif kind < self.demo_share + self.known_share:
            schema, lexicon, values = domain_world(chooser.choice(domain_worlds()))
        else:
            schema, lexicon, values = random_world(seed, codes)
        return schema, synthesise(schema, lexicon, values, languages=codes, count=most, seed=seed, noise=0.1)

    def pairs(self, chooser: random.Random, most: int) -> Group:
        """A schema and `most` questions, each in one language drawn by its share."""
        schema, made = self.parallel(chooser, most)
        codes, shares = list(self.languages), list(self.languages.values())
        drawn = chooser.choices(codes, shares, k=len(made))
        return schema, [
            (example.questions[code], example.cypher) for example, code in zip(made, drawn, strict=True)
        ]
