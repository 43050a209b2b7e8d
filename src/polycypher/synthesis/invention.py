"""Invented values: names, titles, codes, texts, numbers and dates that look like stored ones.

Makers are pure functions of a random generator and the word pools of `values.yaml`; the same value serves
every language, because a database holds it once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from random import Random
from typing import Any

from polycypher.synthesis.language import read_data

Pools = Mapping[str, Sequence[str]]


@cache
def read_pools() -> Pools:
    """The word pools of `values.yaml`, read once."""
    return {name: [str(value) for value in values] for name, values in read_data("values.yaml").items()}


def _one(rng: Random, pool: Sequence[str]) -> str:
    return pool[int(rng.random() * len(pool))]


def _between(rng: Random, low: int, high: int) -> int:
    return low + int(rng.random() * (high - low + 1))


def invent_word(rng: Random, pools: Pools, least: int = 2, most: int = 3) -> str:
    """A pronounceable word that no dictionary has."""
    count = _between(rng, least, most)
    return "".join([_one(rng, pools["syllables"]) for _ in range(count)]) + (
        _one(rng, pools["endings"]) if rng.random() < 0.5 else ""
    )


def _name(rng: Random, pools: Pools) -> str:
    turn = rng.random()
    if turn < 0.25:
        return _one(rng, pools["adjectives"]).capitalize() + " " + _one(rng, pools["things"]).capitalize()
    if turn < 0.45:
        return invent_word(rng, pools).capitalize()
    if turn < 0.6:
        return invent_word(rng, pools).capitalize() + " " + _one(rng, pools["things"]).capitalize()
    if turn < 0.72:
        return _code(rng, pools)
    if turn < 0.8:
        return _one(rng, pools["surnames"]) + " " + _one(rng, pools["things"]).capitalize()
    if turn < 0.9:
        return _one(rng, pools["things"])
    return _one(rng, pools["cities"])


def _person(rng: Random, pools: Pools) -> str:
    first = _one(rng, pools["first_names"])
    if rng.random() < 0.2:
        return first + " " + invent_word(rng, pools).capitalize()
    if rng.random() < 0.08:
        return first + " " + chr(65 + int(rng.random() * 26)) + ". " + _one(rng, pools["surnames"])
    return first + " " + _one(rng, pools["surnames"])


def _title(rng: Random, pools: Pools) -> str:
    turn = rng.random()
    if turn < 0.3:
        return (
            "The "
            + _one(rng, pools["adjectives"]).capitalize()
            + " "
            + _one(rng, pools["things"]).capitalize()
        )
    if turn < 0.5:
        return _one(rng, pools["things"]).capitalize() + " of " + _one(rng, pools["cities"])
    if turn < 0.65:
        return _one(rng, pools["titles"])
    if turn < 0.8:
        return invent_word(rng, pools).capitalize() + " " + str(_between(rng, 2, 9))
    return _one(rng, pools["adjectives"]).capitalize() + " " + _one(rng, pools["things"]).capitalize()


def _code(rng: Random, pools: Pools) -> str:
    letters = "".join([chr(65 + int(rng.random() * 26)) for _ in range(_between(rng, 1, 3))])
    turn = rng.random()
    if turn < 0.5:
        return f"{letters}-{_between(rng, 1, 999)}"
    if turn < 0.75:
        return (
            f"{letters}{_between(rng, 1, 99)}-{_one(rng, pools['things'])[:3].upper()}-{_between(rng, 1, 20)}"
        )
    return f"{_one(rng, pools['things'])}{_between(rng, 1, 20)}"


def _text(rng: Random, pools: Pools) -> str:
    return " ".join(
        [_one(rng, pools["adjectives"]), _one(rng, pools["things"]), "and", _one(rng, pools["things"])]
    )


def _date(rng: Random, pools: Pools) -> str:
    return f"{_between(rng, 1990, 2025)}-{_between(rng, 1, 12):02d}-{_between(rng, 1, 28):02d}"


def _round(rng: Random, low: int, high: int) -> int:
    value = _between(rng, low, high)
    if rng.random() < 0.7:
        size = 10 ** max(0, len(str(value)) - 1 - int(rng.random() * 2))
        value = max(size, value // size * size)
    return value


Maker = Callable[[Random, Pools], Any]

MAKERS: dict[str, Maker] = {
    "name": _name,
    "person": _person,
    "title": _title,
    "code": _code,
    "text": _text,
    "address": lambda r, p: f"{_between(r, 1, 400)} {_one(r, p['surnames'])} Street",
    "city": lambda r, p: _one(r, p["cities"]),
    "country": lambda r, p: _one(r, p["countries"]),
    "email": lambda r, p: f"{_one(r, p['first_names']).lower()}@{_one(r, p['things'])}.com",
    "phone": lambda r, p: f"{_between(r, 200, 999)}-{_between(r, 1000, 9999)}",
    "status": lambda r, p: _one(r, p["statuses"]),
    "color": lambda r, p: _one(r, p["colors"]),
    "language": lambda r, p: _one(r, p["languages"]),
    "nationality": lambda r, p: _one(r, p["nationalities"]),
    "kind": lambda r, p: _one(r, p["kinds"]) if r.random() < 0.7 else _name(r, p),
    "version": lambda r, p: f"{_between(r, 1, 12)}.{_between(r, 0, 20)}",
    "year": lambda r, p: _between(r, 1900, 2024),
    "birth_year": lambda r, p: _between(r, 1920, 2005),
    "age": lambda r, p: _between(r, 1, 99),
    "big": lambda r, p: _round(r, 1000, 9000000),
    "money": lambda r, p: _round(r, 1000, 90000000),
    "price": lambda r, p: round(r.random() * 10 ** _between(r, 1, 3) + 1, int(r.random() * 3)) + 0.0,
    "rating": lambda r, p: round(r.random() * (5 if r.random() < 0.5 else 10), 1),
    "score": lambda r, p: _between(r, 0, 100),
    "count": lambda r, p: _round(r, 2, 5000),
    "minutes": lambda r, p: _between(r, 1, 300),
    "small": lambda r, p: _between(r, 1, 60),
    "measure": lambda r, p: round(r.random() * 10 ** _between(r, 1, 4) + 0.1, 1),
    "measure_int": lambda r, p: _round(r, 1, 5000),
    "height": lambda r, p: _between(r, 140, 210),
    "power": lambda r, p: 2 ** _between(r, 1, 12),
    "port": lambda r, p: int(_one(r, ("22", "25", "53", "80", "443", "5432", "7687", "8080", "9092"))),
    "bool": lambda r, p: r.random() < 0.5,
    "date": _date,
    "stars": lambda r, p: _between(r, 1, 5),
    "word": lambda r, p: _one(r, p["words"]),
    "ip": lambda r, p: f"10.{_between(r, 0, 20)}.{_between(r, 0, 9)}.{_between(r, 1, 254)}",
    "url": lambda r, p: f"https://{_one(r, p['things'])}.org/{_one(r, p['things'])}",
    "number_text": lambda r, p: str(_between(r, 10000, 99999)),
}

MAKERS_BY_TYPE: dict[str, Maker] = {
    "STRING": _name,
    "INTEGER": lambda r, p: _round(r, 1, 5000),
    "LONG": lambda r, p: _round(r, 1, 5000),
    "FLOAT": lambda r, p: round(r.random() * 100, 1),
    "DOUBLE": lambda r, p: round(r.random() * 100, 1),
    "BOOLEAN": lambda r, p: r.random() < 0.5,
    "DATE": _date,
    "DATE_TIME": _date,
    "LOCAL_DATE_TIME": _date,
    "LIST": lambda r, p: [_one(r, p["kinds"]), _name(r, p)],
}
