"""Kinds about what two ends share: both, either, the same, two relationships, pairs."""

from __future__ import annotations

from polycypher.synthesis.kinds.hops import Hop, about_a_hop, maybe_condition
from polycypher.synthesis.kinds.scene import Draft, Scene, arrow, literal
from polycypher.synthesis.plan import (
    LabelSlot,
    MentionSlot,
    Modifier,
    NounPhrase,
    PairSlot,
    Plan,
    QuantitySlot,
    Slot,
    TheirSlot,
)
from polycypher.synthesis.values import Step, as_scalar


@about_a_hop
def both(scene: Scene, hop: Hop) -> Plan | None:
    """Related to A and to B, or to A or B, by one relationship."""
    pattern, start_asked = hop.pattern, hop.start_asked
    walk = scene.values.walk([Step(pattern, not start_asked), Step(pattern, start_asked)], scene.rng)
    if walk is None:
        return None
    main = scene.main(hop.other)
    one, two = as_scalar(walk.nodes[0].get(main)), as_scalar(walk.nodes[2].get(main))
    if one is None or two is None or one == two:
        return None
    draft = Draft()
    near = draft.node(hop.other)
    far = draft.node(hop.asked)
    joint = scene.chance(0.55)
    mention = PairSlot(MentionSlot(hop.other, one), MentionSlot(hop.other, two), "and" if joint else "or")
    if joint:
        near.inline[main] = one
        third = draft.node(hop.other)
        third.inline[main] = two
        draft.parts.append(
            near.text()
            + arrow(pattern, not start_asked)
            + far.text()
            + arrow(pattern, start_asked)
            + third.text()
        )
    else:
        draft.where.append(f"{near.dot(main)} IN [{literal(one)}, {literal(two)}]")
        draft.parts.append(hop.text(far.text(), near.text()))
    phrase = NounPhrase(hop.asked, (Modifier(hop.role_of_many, {hop.slot: mention}, pattern),))
    query = draft.query(far.dot(scene.main(hop.asked)))
    return Plan("both" if joint else "either", query, "list", {"np": phrase})


@about_a_hop
def same(scene: Scene, hop: Hop) -> Plan | None:
    """Nodes that share a neighbour with a named one: "who acted in the same movies as X"."""
    pattern = hop.pattern
    walk = scene.values.walk([Step(pattern, True), Step(pattern, False)], scene.rng)
    if walk is None:
        return None
    value = as_scalar(walk.nodes[0].get(scene.main(pattern.start)))
    if value is None:
        return None
    draft = Draft()
    near = draft.node(pattern.start)
    near.inline[scene.main(pattern.start)] = value
    middle = draft.node(pattern.end)
    far = draft.node(pattern.start)
    draft.parts.append(
        near.text() + arrow(pattern, True) + middle.text() + arrow(pattern, False) + far.text()
    )
    slots: dict[str, Slot] = {"s": MentionSlot(pattern.start, value), "F": LabelSlot(pattern.end)}
    phrase = NounPhrase(pattern.start, (Modifier("same_start", slots, pattern),))
    return Plan("same", draft.query(far.dot(scene.main(pattern.start))), "list", {"np": phrase})


def two_relations(scene: Scene) -> Plan | None:
    """Two relationships to one node, named or not: "who acted in X and directed X", "… the same movie"."""
    pairs = [
        (one, two)
        for one in scene.patterns
        for two in scene.patterns
        if one != two and one.start == two.start and one.end == two.end
    ]
    if not pairs:
        return None
    one, two = scene.one(pairs)
    walk = scene.values.walk([Step(one, True), Step(two, False)], scene.rng)
    if walk is None or not (scene.values.invented or walk.nodes[0] is walk.nodes[2]):
        return None
    draft = Draft()
    far = draft.node(one.start)
    near = draft.node(one.end)
    first: Slot = QuantitySlot(one.end, "one", 1)
    second: Slot = QuantitySlot(one.end, "same", 1)
    if scene.chance(0.5):
        value = as_scalar(walk.nodes[1].get(scene.main(one.end)))
        if value is None:
            return None
        near.inline[scene.main(one.end)] = value
        first = second = MentionSlot(one.end, value)
    draft.parts.append(far.text() + arrow(one, True) + near.text() + arrow(two, False) + far.text(bare=True))
    phrase = NounPhrase(
        one.start, (Modifier("start", {"o": first}, one), Modifier("start", {"o": second}, two))
    )
    return Plan("two_relations", draft.query(far.dot(scene.main(one.start))), "list", {"np": phrase})


@about_a_hop
def pair(scene: Scene, hop: Hop) -> Plan | None:
    """Nodes beside their related nodes: "the movies and the people who directed them"."""
    if hop.asked == hop.other:
        return None
    draft = Draft()
    node, beside = draft.node(hop.asked), draft.node(hop.other)
    modifiers = maybe_condition(scene, 0.6, node, draft.where)
    draft.parts.append(hop.text(node.text(), beside.text()))
    query = draft.query(f"{node.dot(scene.main(hop.asked))}, {beside.dot(scene.main(hop.other))}")
    their = TheirSlot(hop.other, hop.pattern, f"their_{hop.role}")
    return Plan("pair", query, "pair", {"np": NounPhrase(hop.asked, modifiers), "X": their})
