"""Conditions on properties: each gives the modifier that says it and the part of the query that asks it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from polycypher.synthesis.kinds.scene import DATES, NUMERIC, Node, Scene, literal
from polycypher.synthesis.plan import Modifier, PairSlot, PropertySlot, ValueSlot
from polycypher.synthesis.values import as_scalar

_WORD = re.compile(r"\w+")
_COMPARE = {"gt": ">", "lt": "<", "gte": ">=", "lte": "<="}


def add_condition(
    scene: Scene, node: Node, where: list[str], skip: set[str], values: Mapping[str, Any] | None = None
) -> Modifier | None:
    """Put one condition on a property of `node` (not one of `skip`); None if it has no fit one.

    Equality goes into the pattern (`node.inline`), anything else is appended to `where`.
    """
    names = [n for n in scene.properties(node.label) if n not in skip and n not in node.inline]
    if not names:
        return None
    name = scene.one(names)
    skip.add(name)
    known = scene.values.node(node.label, scene.rng) if values is None else values
    return condition_on(scene, node, name, where, known)


def condition_on(
    scene: Scene, node: Node, name: str, where: list[str], known: Mapping[str, Any]
) -> Modifier | None:
    """A condition on the property `name` that fits its type and, where it can, the node `known`."""
    kind = scene.kind(node.label, name)
    slot = PropertySlot(node.label, name)
    dot = node.dot(name)
    is_main = name == scene.lexicon.main.get(node.label)
    unknown = known.get(name) is None
    if not is_main and scene.chance(0.5 if unknown else 0.08):
        missing = unknown or (scene.values.invented and scene.chance(0.4))
        where.append(f"{dot} IS NULL" if missing else f"{dot} IS NOT NULL")
        return Modifier("null" if missing else "not_null", {"P": slot})
    found = known.get(name)
    if found is None:
        return None
    if kind == "LIST":
        items = [item for item in found if isinstance(item, str) and item]
        if not items:
            return None
        item = scene.one(items)
        where.append(f"{literal(item)} IN {dot}")
        return Modifier("in_list", {"P": slot, "v": ValueSlot(item)})
    value = as_scalar(found)
    if value is None:
        return None
    if isinstance(value, bool):
        node.inline[name] = value
        return Modifier("is_true" if value else "is_false", {"P": slot})
    if kind in DATES:
        return _date(scene, slot, dot, str(value), where, kind)
    if kind in NUMERIC and isinstance(value, int | float):
        return _number(scene, node, slot, dot, value, where)
    if isinstance(value, str):
        return _text(scene, node, slot, dot, value, where)
    return None


def _number(
    scene: Scene, node: Node, slot: PropertySlot, dot: str, value: float, where: list[str]
) -> Modifier:
    turn = scene.rng.random()
    if isinstance(value, int) and 1800 < value < 2100 and scene.chance(0.12):
        start = value // 10 * 10
        where.extend((f"{dot} >= {start}", f"{dot} < {start + 10}"))
        return Modifier("decade", {"P": slot, "v": ValueSlot(start)})
    if turn < 0.2:
        node.inline[slot.name] = value
        return Modifier("eq", {"P": slot, "v": ValueSlot(value)})
    if turn < 0.78:
        name = scene.one(("gt", "gt", "gt", "lt", "lt", "gte", "lte"))
        where.append(f"{dot} {_COMPARE[name]} {literal(value)}")
        return Modifier(name, {"P": slot, "v": ValueSlot(value)})
    year = isinstance(value, int) and 1800 < value < 2100
    step = (4 if year else max(1, abs(int(value)) // 10)) * (1 + int(scene.rng.random() * 3))
    low, high = (
        (value - step, value + step)
        if isinstance(value, int)
        else (round(value / 2, 1), round(value + step, 1))
    )
    if turn < 0.94:
        where.extend((f"{dot} >= {literal(low)}", f"{dot} <= {literal(high)}"))
        return Modifier("between", {"P": slot, "v": ValueSlot(low), "w": ValueSlot(high)})
    where.append(f"({dot} < {literal(low)} OR {dot} > {literal(high)})")
    return Modifier("or_gt_lt", {"P": slot, "v": ValueSlot(low), "w": ValueSlot(high)})


def _date(scene: Scene, slot: PropertySlot, dot: str, value: str, where: list[str], kind: str) -> Modifier:
    day = value[:10]
    if scene.chance(0.4):
        year = int(day[:4])
        where.append(f"{dot}.year = {year}")
        return Modifier("year", {"P": slot, "v": ValueSlot(year)})
    after = scene.chance(0.55)
    function = "date" if kind == "DATE" else "datetime"
    where.append(f"{dot} {'>' if after else '<'} {function}({literal(day)})")
    return Modifier("after" if after else "date_before", {"P": slot, "v": ValueSlot(day)})


def _text(
    scene: Scene, node: Node, slot: PropertySlot, dot: str, value: str, where: list[str]
) -> Modifier | None:
    words = [word for word in _WORD.findall(value) if len(word) > 2]
    # A question by the main property's exact value is a look-up of one node, another kind.
    long = len(value) > 30 or value.count(" ") > 3 or slot.name == scene.lexicon.main.get(slot.owner)
    turn = scene.rng.random()
    if turn < 0.5 and not long:
        node.inline[slot.name] = value
        return Modifier("eq_text", {"P": slot, "v": ValueSlot(value)})
    if turn < 0.57 and not long:
        where.append(f"{dot} <> {literal(value)}")
        return Modifier("neq", {"P": slot, "v": ValueSlot(value)})
    if turn < 0.67 and not long:
        other = as_scalar(scene.values.node(node.label, scene.rng).get(slot.name))
        if isinstance(other, str) and other != value and len(other) <= 30:
            where.append(f"{dot} IN [{literal(value)}, {literal(other)}]")
            return Modifier("one_of", {"P": slot, "vs": PairSlot(ValueSlot(value), ValueSlot(other), "or")})
    if not words:
        return None
    if scene.chance(0.05):
        more = scene.chance(0.7)
        bound = max(2, len(value) + (-3 if more else 3))
        where.append(f"size({dot}) {'>' if more else '<'} {bound}")
        return Modifier("longer" if more else "shorter", {"P": slot, "v": ValueSlot(bound)})
    if turn < 0.77:
        start = value[0] if scene.chance(0.3) and value[0].isalnum() else value.split(" ")[0]
        if start.isalnum():
            where.append(f"{dot} STARTS WITH {literal(start)}")
            return Modifier("starts", {"P": slot, "v": ValueSlot(start)})
    if turn < 0.84:
        end = value.split(" ")[-1]
        if end.isalnum():
            where.append(f"{dot} ENDS WITH {literal(end)}")
            return Modifier("ends", {"P": slot, "v": ValueSlot(end)})
    word = scene.one(words)
    if turn > 0.95:
        where.append(f"toLower({dot}) CONTAINS toLower({literal(word)})")
        return Modifier("contains_lower", {"P": slot, "v": ValueSlot(word)})
    where.append(f"{dot} CONTAINS {literal(word)}")
    return Modifier("contains", {"P": slot, "v": ValueSlot(word)})
