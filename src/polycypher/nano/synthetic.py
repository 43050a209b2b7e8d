"""Groups from the synthesiser for nano's mixture: random worlds, and worlds of known shape.

Seeds of training worlds are below `HELD_OUT`; worlds for measuring have seeds from there on. Knows
nothing of training.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

from polycypher.nano.data import Group
from polycypher.synthesis import demo_world, domain_world, domain_worlds, random_world, synthesise

HELD_OUT = 1_000_000_000
"""Seeds from here on never train."""


def group_maker(
    languages: Mapping[str, float], *, demo_share: float, known_share: float
) -> Callable[[random.Random, int], Group]:
    """A function that makes one group: `demo_share` films, `known_share` other known worlds, the rest random.

    Values are invented, so that the values of a graph that is measured on are never seen.
    """
    codes = list(languages)
    known = domain_worlds()

    def make(chooser: random.Random, most: int) -> Group:
        seed = chooser.randrange(HELD_OUT)
        kind = chooser.random()
        if kind < demo_share:
            schema, lexicon, values = demo_world()
        elif kind < demo_share + known_share:
            schema, lexicon, values = domain_world(chooser.choice(known))
        else:
            schema, lexicon, values = random_world(seed, codes)
        made = synthesise(schema, lexicon, values, languages=codes, count=most, seed=seed, noise=0.1)
        drawn = chooser.choices(codes, [languages[code] for code in codes], k=len(made))
        return schema, [(example.questions[code], example.cypher) for example, code in zip(made, drawn, strict=True)]

    return make
