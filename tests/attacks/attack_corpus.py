"""The attack corpus: hostile questions and queries as data, and seeded samples of them.

Knows nothing of how an attack is met. The data is `questions.yaml` and `queries.yaml` beside this file.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml

SEED = 20_260
"""Of every sample, so that the fast run is the same each time."""

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Attack:
    """One hostile text. `effect`: what a query would do; `asks` for a question."""

    kind: str
    note: str
    effect: str
    text: str

    @property
    def name(self) -> str:
        """Kind and note, which name it in a test's output."""
        return f"{self.kind}: {self.note}"


@dataclass(frozen=True, slots=True)
class Target:
    """What the placeholders in a text stand for: two files that nobody may read, a port nobody may open."""

    outside: str = "/srv/canary/outside.csv"
    inside: str = "/srv/graph/canary.csv"
    port: int = 9

    def aimed(self, attack: Attack) -> Attack:
        """The attack with its placeholders filled."""
        text = attack.text.replace("@URL@", f"http://127.0.0.1:{self.port}").replace("@PORT@", str(self.port))
        return replace(attack, text=text.replace("@FILE@", self.outside).replace("@INSIDE@", self.inside))


NOWHERE = Target()


def questions(target: Target = NOWHERE) -> list[Attack]:
    """Every hostile question, in the order of the file."""
    return [target.aimed(attack) for attack in _read("questions.yaml")]


def queries(target: Target = NOWHERE, *effects: str) -> list[Attack]:
    """Every hostile query, or those of some effects, in the order of the file."""
    return [
        target.aimed(attack) for attack in _read("queries.yaml") if not effects or attack.effect in effects
    ]


def sample(attacks: Sequence[Attack], count: int) -> list[Attack]:
    """About `count` attacks, some of every kind, always the same; in their order."""
    kinds: defaultdict[str, list[Attack]] = defaultdict(list)
    for attack in attacks:
        kinds[attack.kind].append(attack)
    choose = random.Random(SEED)
    share = max(1, count // len(kinds))
    taken = {attack for found in kinds.values() for attack in choose.sample(found, min(share, len(found)))}
    return [attack for attack in attacks if attack in taken]


@cache
def _read(name: str) -> tuple[Attack, ...]:
    entries = yaml.safe_load((_HERE / name).read_text(encoding="utf-8"))
    return tuple(
        Attack(entry["kind"], note, entry.get("effect", "asks"), _joined(text))
        for entry in entries
        for note, text in entry["attacks"].items()
    )


def _joined(text: Any) -> str:
    """A text, or its parts joined, `[part, times]` being a repeated one."""
    if isinstance(text, str):
        return text
    return "".join(part if isinstance(part, str) else part[0] * part[1] for part in text)
