"""Kinds that count relationships, or ask whether there is one, or sum up what is at their end."""

from __future__ import annotations

from polycypher.synthesis.kinds.conditions import add_condition
from polycypher.synthesis.kinds.paths import about, pick_pattern
from polycypher.synthesis.kinds.scene import NUMERIC, Draft, Scene, arrow, quoted
from polycypher.synthesis.kinds.single import small
from polycypher.synthesis.plan import (
    LabelSlot,
    MentionSlot,
    Modifier,
    NameSlot,
    NounPhrase,
    NumberSlot,
    Plan,
    PropertySlot,
    QuantitySlot,
    Slot,
    TheirSlot,
)
from polycypher.synthesis.values import Step, as_scalar


def top_degree(scene: Scene) -> Plan | None:
    """The k nodes, or the one, with the most related nodes; the count is the second column."""
    found = pick_pattern(scene)
    if found is None:
        return None
    pattern, start_asked = found
    asked, other = (pattern.start, pattern.end) if start_asked else (pattern.end, pattern.start)
    draft = Draft()
    left, right = draft.node(pattern.start), draft.node(pattern.end)
    node, counted = (left, right) if start_asked else (right, left)
    single = scene.chance(0.35)
    modifiers: tuple[Modifier, ...] = ()
    if not single and scene.chance(0.2):
        own = add_condition(scene, node, draft.where, {scene.main(asked)})
        modifiers = (own,) if own is not None else ()
    draft.parts.append(left.text() + arrow(pattern, True) + right.text())
    count = 1 if single else small(scene, 2)
    count_text = f"count({counted.var})"
    query = draft.query(
        f"{node.dot(scene.main(asked))}, {count_text}", f" ORDER BY {count_text} DESC LIMIT {count}"
    )
    slots: dict[str, Slot] = {"np": NounPhrase(asked, modifiers), "F": LabelSlot(other)}
    role = "start" if start_asked else "end"
    if single:
        return Plan("top1_degree", query, f"top1_{role}", slots, pattern)
    slots["k"] = NumberSlot(count)
    return Plan("top_degree", query, f"top_{role}", slots, pattern)


def each(scene: Scene) -> Plan | None:
    """For each node, how many related nodes it has."""
    found = pick_pattern(scene)
    if found is None:
        return None
    pattern, start_asked = found
    asked, other = (pattern.start, pattern.end) if start_asked else (pattern.end, pattern.start)
    if asked == other:
        return None
    draft = Draft()
    left, right = draft.node(pattern.start), draft.node(pattern.end)
    node, counted = (left, right) if start_asked else (right, left)
    draft.parts.append(left.text() + arrow(pattern, True) + right.text())
    query = draft.query(f"{node.dot(scene.main(asked))}, count({counted.var})")
    slots: dict[str, Slot] = {"np": NounPhrase(asked), "F": LabelSlot(other)}
    return Plan("each", query, f"each_{'start' if start_asked else 'end'}", slots, pattern)


def threshold(scene: Scene) -> Plan | None:
    """Nodes with more than, at least, fewer than or exactly n related nodes."""
    found = pick_pattern(scene)
    if found is None:
        return None
    pattern, start_asked = found
    asked, other = (pattern.start, pattern.end) if start_asked else (pattern.end, pattern.start)
    kind, sign = scene.one((("gt", ">"), ("gt", ">"), ("gt", ">"), ("gte", ">="), ("eq", "="), ("lt", "<")))
    count = 2 if scene.chance(0.4) else 2 + int(scene.rng.random() * 3)
    if scene.values.invented:
        if scene.chance(0.3):
            count = small(scene, 2)
    elif count > 2:
        # In a small real graph few nodes have more than two.
        count, kind, sign = (3, "lt", "<") if scene.chance(0.3) else (2, "gte", ">=")
    draft = Draft()
    left, right = draft.node(pattern.start), draft.node(pattern.end)
    node, counted = (left, right) if start_asked else (right, left)
    text = left.text() + arrow(pattern, True) + right.text()
    query = draft.finish(
        f"MATCH {text} WITH {node.var}, count({counted.var}) AS count WHERE count {sign} {count} "
        f"RETURN {node.dot(scene.main(asked))}"
    )
    slot: dict[str, Slot] = {"o" if start_asked else "s": QuantitySlot(other, kind, count)}
    phrase = NounPhrase(asked, (Modifier("start" if start_asked else "end_many", slot, pattern),))
    return Plan("threshold", query, "list", {"np": phrase})


def existence(scene: Scene) -> Plan | None:
    """Nodes with at least one such relationship: a plain pattern, as people write it."""
    found = pick_pattern(scene)
    if found is None:
        return None
    pattern, start_asked = found
    asked, other = (pattern.start, pattern.end) if start_asked else (pattern.end, pattern.start)
    draft = Draft()
    node = draft.node(asked)
    modifiers: list[Modifier] = []
    if scene.chance(0.5):
        own = add_condition(scene, node, draft.where, {scene.main(asked)})
        if own is not None:
            modifiers.append(own)
    empty = f"(:{quoted(other)})"
    near, far = (node.text(), empty) if start_asked else (empty, node.text())
    draft.parts.append(near + arrow(pattern, True) + far)
    relation = Modifier("some_start" if start_asked else "some_end", {"F": LabelSlot(other)}, pattern)
    phrase = NounPhrase(asked, (relation, *modifiers) if scene.chance(0.5) else (*modifiers, relation))
    if scene.chance(0.2):
        return Plan("existence_count", draft.query(f"count(DISTINCT {node.var})"), "count", {"np": phrase})
    return about(scene, draft, node, phrase, "existence", node.dot(scene.main(asked)), counting=False)


def negation(scene: Scene) -> Plan | None:
    """Nodes with no such relationship."""
    found = pick_pattern(scene)
    if found is None:
        return None
    pattern, start_asked = found
    asked, other = (pattern.start, pattern.end) if start_asked else (pattern.end, pattern.start)
    draft = Draft()
    node = draft.node(asked)
    modifiers: list[Modifier] = []
    if scene.chance(0.2):
        own = add_condition(scene, node, draft.where, {scene.main(asked)})
        if own is not None:
            modifiers.append(own)
    draft.parts.append(node.text())
    inside = f"({node.var}){arrow(pattern, start_asked)}(:{quoted(other)})"
    draft.where.append(f"NOT EXISTS {{ {inside} }}")
    role = "no_start" if start_asked else "no_end"
    phrase = NounPhrase(asked, (*modifiers, Modifier(role, {"F": LabelSlot(other)}, pattern)))
    if scene.chance(0.3):
        return Plan("negation_count", draft.query(f"count({node.var})"), "count", {"np": phrase})
    return Plan("negation", draft.query(node.dot(scene.main(asked))), "list", {"np": phrase})


def neighbours_value(scene: Scene) -> Plan | None:
    """For each node, or the k best, the average or sum of a number over its related nodes."""
    found = pick_pattern(scene)
    if found is None:
        return None
    pattern, start_asked = found
    asked, other = (pattern.start, pattern.end) if start_asked else (pattern.end, pattern.start)
    numbers = [n for n in scene.properties(other, NUMERIC) if n != scene.main(other)]
    if not numbers or asked == other:
        return None
    name = scene.one(numbers)
    function = "avg" if scene.chance(0.6) else "sum"
    draft = Draft()
    left, right = draft.node(pattern.start), draft.node(pattern.end)
    node, counted = (left, right) if start_asked else (right, left)
    draft.parts.append(left.text() + arrow(pattern, True) + right.text())
    value = f"{function}({counted.dot(name)})"
    returned = f"{node.dot(scene.main(asked))}, {value}"
    slots: dict[str, Slot] = {
        "np": NounPhrase(asked),
        "P": PropertySlot(other, name),
    }
    best = scene.chance(0.5)
    end = "start" if start_asked else "end"
    slots["X"] = TheirSlot(other, pattern, f"own_{end}" if best else f"their_{end}")
    if best:
        count = small(scene, 2)
        slots["k"] = NumberSlot(count)
        query = draft.query(returned, f" ORDER BY {value} DESC LIMIT {count}")
        return Plan(f"top_{function}", query, f"top_{function}", slots)
    return Plan(f"each_{function}", draft.query(returned), f"agg_{function}", slots)


def reach(scene: Scene) -> Plan | None:
    """Nodes within a few steps of a named one, over a relationship between nodes of one label."""
    loops = [pattern for pattern in scene.patterns if pattern.start == pattern.end]
    if not loops:
        return None
    pattern = scene.one(loops)
    walk = scene.values.walk([Step(pattern, True)], scene.rng)
    value = as_scalar(walk.nodes[0].get(scene.main(pattern.start))) if walk else None
    if value is None:
        return None
    steps = 2 + int(scene.rng.random() * 2)
    draft = Draft()
    near = draft.node(pattern.start)
    near.inline[scene.main(pattern.start)] = value
    far = draft.node(pattern.end)
    draft.parts.append(f"{near.text()}-[:{quoted(pattern.type)}*1..{steps}]->{far.text()}")
    slots: dict[str, Slot] = {
        "s": MentionSlot(pattern.start, value),
        "k": NumberSlot(steps),
        "T": NameSlot(pattern.type),
    }
    phrase = NounPhrase(pattern.end, (Modifier("reach", slots),))
    query = draft.query(far.dot(scene.main(pattern.end)))
    return Plan("reach", query, "list", {"np": phrase})
