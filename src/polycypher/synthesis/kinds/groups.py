"""Kinds that count relationships, or ask whether there is one, or sum up what is at their end."""

from __future__ import annotations

from polycypher.synthesis.kinds.hops import Hop, about_a_hop, maybe_condition
from polycypher.synthesis.kinds.paths import about
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


@about_a_hop
def top_degree(scene: Scene, hop: Hop) -> Plan | None:
    """The k nodes, or the one, with the most related nodes; the count is the second column."""
    draft = Draft()
    node, counted = draft.node(hop.asked), draft.node(hop.other)
    single = scene.chance(0.35)
    modifiers = () if single else maybe_condition(scene, 0.2, node, draft.where)
    draft.parts.append(hop.text(node.text(), counted.text()))
    count = 1 if single else small(scene, 2)
    count_text = f"count({counted.var})"
    query = draft.query(
        f"{node.dot(scene.main(hop.asked))}, {count_text}", f" ORDER BY {count_text} DESC LIMIT {count}"
    )
    slots: dict[str, Slot] = {"np": NounPhrase(hop.asked, modifiers), "F": LabelSlot(hop.other)}
    if single:
        return Plan("top1_degree", query, f"top1_{hop.role}", slots, hop.pattern)
    slots["k"] = NumberSlot(count)
    return Plan("top_degree", query, f"top_{hop.role}", slots, hop.pattern)


@about_a_hop
def each(scene: Scene, hop: Hop) -> Plan | None:
    """For each node, how many related nodes it has."""
    if hop.asked == hop.other:
        return None
    draft = Draft()
    node, counted = draft.node(hop.asked), draft.node(hop.other)
    draft.parts.append(hop.text(node.text(), counted.text()))
    query = draft.query(f"{node.dot(scene.main(hop.asked))}, count({counted.var})")
    slots: dict[str, Slot] = {"np": NounPhrase(hop.asked), "F": LabelSlot(hop.other)}
    return Plan("each", query, f"each_{hop.role}", slots, hop.pattern)


@about_a_hop
def threshold(scene: Scene, hop: Hop) -> Plan | None:
    """Nodes with more than, at least, fewer than or exactly n related nodes."""
    kind, sign = scene.one((("gt", ">"), ("gt", ">"), ("gt", ">"), ("gte", ">="), ("eq", "="), ("lt", "<")))
    count = 2 if scene.chance(0.4) else 2 + int(scene.rng.random() * 3)
    if scene.values.invented:
        if scene.chance(0.3):
            count = small(scene, 2)
    elif count > 2:
        # In a small real graph few nodes have more than two.
        count, kind, sign = (3, "lt", "<") if scene.chance(0.3) else (2, "gte", ">=")
    draft = Draft()
    node, counted = draft.node(hop.asked), draft.node(hop.other)
    text = hop.text(node.text(), counted.text())
    query = draft.finish(
        f"MATCH {text} WITH {node.var}, count({counted.var}) AS count WHERE count {sign} {count} "
        f"RETURN {node.dot(scene.main(hop.asked))}"
    )
    slot: dict[str, Slot] = {hop.slot: QuantitySlot(hop.other, kind, count)}
    phrase = NounPhrase(hop.asked, (Modifier(hop.role_of_many, slot, hop.pattern),))
    return Plan("threshold", query, "list", {"np": phrase})


@about_a_hop
def existence(scene: Scene, hop: Hop) -> Plan | None:
    """Nodes with at least one such relationship: a plain pattern, as people write it."""
    draft = Draft()
    node = draft.node(hop.asked)
    modifiers = maybe_condition(scene, 0.5, node, draft.where)
    draft.parts.append(hop.text(node.text(), f"(:{quoted(hop.other)})"))
    relation = Modifier(f"some_{hop.role}", {"F": LabelSlot(hop.other)}, hop.pattern)
    phrase = NounPhrase(hop.asked, (relation, *modifiers) if scene.chance(0.5) else (*modifiers, relation))
    if scene.chance(0.2):
        return Plan("existence_count", draft.query(f"count(DISTINCT {node.var})"), "count", {"np": phrase})
    return about(scene, draft, node, phrase, "existence", node.dot(scene.main(hop.asked)), counting=False)


@about_a_hop
def negation(scene: Scene, hop: Hop) -> Plan | None:
    """Nodes with no such relationship."""
    draft = Draft()
    node = draft.node(hop.asked)
    modifiers = maybe_condition(scene, 0.2, node, draft.where)
    draft.parts.append(node.text())
    inside = f"({node.var}){arrow(hop.pattern, hop.start_asked)}(:{quoted(hop.other)})"
    draft.where.append(f"NOT EXISTS {{ {inside} }}")
    relation = Modifier(f"no_{hop.role}", {"F": LabelSlot(hop.other)}, hop.pattern)
    phrase = NounPhrase(hop.asked, (*modifiers, relation))
    if scene.chance(0.3):
        return Plan("negation_count", draft.query(f"count({node.var})"), "count", {"np": phrase})
    return Plan("negation", draft.query(node.dot(scene.main(hop.asked))), "list", {"np": phrase})


@about_a_hop
def neighbours_value(scene: Scene, hop: Hop) -> Plan | None:
    """For each node, or the k best, the average or sum of a number over its related nodes."""
    numbers = [n for n in scene.properties(hop.other, NUMERIC) if n != scene.main(hop.other)]
    if not numbers or hop.asked == hop.other:
        return None
    name = scene.one(numbers)
    function = "avg" if scene.chance(0.6) else "sum"
    draft = Draft()
    node, counted = draft.node(hop.asked), draft.node(hop.other)
    draft.parts.append(hop.text(node.text(), counted.text()))
    value = f"{function}({counted.dot(name)})"
    returned = f"{node.dot(scene.main(hop.asked))}, {value}"
    best = scene.chance(0.5)
    slots: dict[str, Slot] = {
        "np": NounPhrase(hop.asked),
        "P": PropertySlot(hop.other, name),
        "X": TheirSlot(hop.other, hop.pattern, f"{'own' if best else 'their'}_{hop.role}"),
    }
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
