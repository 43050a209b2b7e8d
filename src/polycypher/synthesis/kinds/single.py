"""Kinds about the nodes of one label: look-ups, filters, counts, aggregates, orders, groups."""

from __future__ import annotations

from polycypher.synthesis.kinds.conditions import add_condition
from polycypher.synthesis.kinds.scene import DATES, NUMERIC, Draft, Node, Scene
from polycypher.synthesis.plan import MentionSlot, Modifier, NounPhrase, NumberSlot, Plan, PropertySlot, Slot
from polycypher.synthesis.values import as_scalar

GROUPING = frozenset({"STRING", "INTEGER"})


def filtered(
    scene: Scene, label: str, least: int, most: int, avoid: str = ""
) -> tuple[Draft, Node, NounPhrase]:
    """A draft that matches nodes of the label under `least` to `most` conditions, and the phrase for them.

    Where no property has a value to ask for there are fewer. `avoid` is a property that the question asks
    about, and so sets no condition on.
    """
    draft = Draft()
    node = draft.node(label)
    wanted = least + int(scene.rng.random() * (most - least + 1))
    skip: set[str] = {avoid}
    modifiers: list[Modifier] = []
    for _ in range(wanted):
        modifier = add_condition(scene, node, draft.where, skip)
        if modifier is not None:
            modifiers.append(modifier)
    draft.parts.append(node.text())
    return draft, node, NounPhrase(label, tuple(modifiers))


def small(scene: Scene, low: int = 1, high: int = 10) -> int:
    """A small number, most often 3 or 5."""
    return scene.one((3, 5)) if scene.chance(0.5) else low + int(scene.rng.random() * (high - low + 1))


def list_nodes(scene: Scene) -> Plan | None:
    """The nodes under one or two conditions (now and then none): their main property."""
    label = scene.label()
    least = 0 if scene.chance(0.1) else 1
    draft, node, phrase = filtered(scene, label, least, 2 if scene.chance(0.35) else 1)
    if len(phrase.modifiers) < least:
        return None
    return Plan("list", draft.query(node.dot(scene.main(label))), "list", {"np": phrase})


def property_of_node(scene: Scene) -> Plan | None:
    """One or two properties of a node named by its main property."""
    label = scene.label()
    names = scene.properties(label, main=False)
    known = scene.values.node(label, scene.rng)
    value = as_scalar(known.get(scene.main(label)))
    if not names or value is None:
        return None
    draft = Draft()
    node = draft.node(label)
    node.inline[scene.main(label)] = value
    draft.parts.append(node.text())
    first = scene.one(names)
    slots: dict[str, Slot] = {"m": MentionSlot(label, value), "P": PropertySlot(label, first)}
    if len(names) > 1 and scene.chance(0.25):
        second = scene.one([n for n in names if n != first])
        slots["Q"] = PropertySlot(label, second)
        return Plan(
            "properties_of_node",
            draft.query(f"{node.dot(first)}, {node.dot(second)}"),
            "props_of_node",
            slots,
        )
    return Plan("property_of_node", draft.query(node.dot(first)), "prop_of_node", slots)


def property_of_nodes(scene: Scene) -> Plan | None:
    """A property of the nodes under a condition, alone, beside another, or beside their main property."""
    label = scene.label()
    names = scene.properties(label, main=False)
    if not names:
        return None
    first = scene.one(names)
    draft, node, phrase = filtered(scene, label, 0, 1, first)
    slots: dict[str, Slot] = {"np": phrase, "P": PropertySlot(label, first)}
    turn = scene.rng.random()
    if turn < 0.4:
        returned = f"{node.dot(scene.main(label))}, {node.dot(first)}"
        return Plan("name_and_property", draft.query(returned), "name_and_prop", slots)
    if turn < 0.6 and len(names) > 1:
        second = scene.one([n for n in names if n != first])
        slots["Q"] = PropertySlot(label, second)
        return Plan(
            "properties_of_nodes", draft.query(f"{node.dot(first)}, {node.dot(second)}"), "props_of", slots
        )
    return Plan("property_of_nodes", draft.query(node.dot(first)), "prop_of", slots)


def count_nodes(scene: Scene) -> Plan | None:
    """How many nodes there are under a condition."""
    draft, node, phrase = filtered(scene, scene.label(), 0, 2)
    return Plan("count", draft.query(f"count({node.var})"), "count", {"np": phrase})


def any_node(scene: Scene) -> Plan | None:
    """Whether there is a node under a condition."""
    draft, node, phrase = filtered(scene, scene.label(), 1, 1)
    if not phrase.modifiers:
        return None
    return Plan("exists", draft.query(f"count({node.var}) > 0"), "exists", {"np": phrase})


def aggregate(scene: Scene) -> Plan | None:
    """Average, sum, lowest or highest value of a number."""
    label = scene.label()
    names = scene.properties(label, NUMERIC)
    if not names:
        return None
    name = scene.one(names)
    draft, node, phrase = filtered(scene, label, 0, 1, name)
    function = scene.one(("avg", "avg", "sum", "min", "max"))
    slots: dict[str, Slot] = {"np": phrase, "P": PropertySlot(label, name)}
    return Plan(function, draft.query(f"{function}({node.dot(name)})"), function, slots)


def top(scene: Scene) -> Plan | None:
    """The k nodes, or the one, with the highest or lowest value; the value is the second column."""
    label = scene.label()
    names = [n for n in scene.properties(label, NUMERIC | DATES) if n != scene.main(label)]
    if not names:
        return None
    name = scene.one(names)
    draft, node, phrase = filtered(scene, label, 0, 1, name)
    down = scene.chance(0.6)
    single = scene.chance(0.35)
    count = 1 if single else small(scene, 2)
    dot = node.dot(name)
    query = draft.query(
        f"{node.dot(scene.main(label))}, {dot}", f" ORDER BY {dot}{' DESC' if down else ''} LIMIT {count}"
    )
    slots: dict[str, Slot] = {"np": phrase, "P": PropertySlot(label, name)}
    frame = "top" if down else "bottom"
    if single:
        # Conditions are worded for many nodes, so one of them is chosen from among those.
        return Plan(f"{frame}1", query, f"{frame}1_of" if phrase.modifiers else f"{frame}1", slots)
    slots["k"] = NumberSlot(count)
    return Plan(frame, query, frame, slots)


def ordered(scene: Scene) -> Plan | None:
    """All nodes in ascending or descending order; the ordering value is the second column."""
    label = scene.label()
    names = scene.properties(label, NUMERIC | DATES, main=False)
    name = scene.one(names) if names and scene.chance(0.75) else ""
    draft, node, phrase = filtered(scene, label, 0, 1, name)
    if not name:
        return _by_text(scene, draft, node, phrase)
    down = scene.chance(0.5)
    dot = node.dot(name)
    query = draft.query(f"{node.dot(scene.main(label))}, {dot}", f" ORDER BY {dot}{' DESC' if down else ''}")
    slots: dict[str, Slot] = {"np": phrase, "P": PropertySlot(label, name)}
    frame = "sort_desc" if down else "sort_asc"
    return Plan(frame, query, frame, slots)


def _by_text(scene: Scene, draft: Draft, node: Node, phrase: NounPhrase) -> Plan:
    """Alphabetical order, or the k longest texts."""
    label = node.label
    main = scene.main(label)
    texts = scene.properties(label, frozenset({"STRING"}))
    if texts and scene.chance(0.35):
        name = scene.one(texts)
        count = small(scene, 2)
        tail = f" ORDER BY size({node.dot(name)}) DESC LIMIT {count}"
        slots: dict[str, Slot] = {"np": phrase, "P": PropertySlot(label, name), "k": NumberSlot(count)}
        return Plan("longest", draft.query(node.dot(main), tail), "longest", slots)
    query = draft.query(node.dot(main), f" ORDER BY {node.dot(main)}")
    return Plan("sort_name", query, "sort_name", {"np": phrase, "P": PropertySlot(label, main)})


def first(scene: Scene) -> Plan | None:
    """The first k nodes, in no order asked for."""
    label = scene.label()
    draft, node, phrase = filtered(scene, label, 0, 1)
    count = small(scene, 2)
    query = draft.query(node.dot(scene.main(label)), f" LIMIT {count}")
    return Plan("first", query, "first", {"np": phrase, "k": NumberSlot(count)})


def distinct(scene: Scene) -> Plan | None:
    """The different values of a property, or how many there are."""
    label = scene.label()
    names = scene.properties(label, GROUPING, main=False)
    if not names:
        return None
    name = scene.one(names)
    draft, node, phrase = filtered(scene, label, 0, 1, name)
    slots: dict[str, Slot] = {"np": phrase, "P": PropertySlot(label, name)}
    if scene.chance(0.4):
        return Plan(
            "count_distinct", draft.query(f"count(DISTINCT {node.dot(name)})"), "count_distinct", slots
        )
    return Plan("distinct", draft.query(f"DISTINCT {node.dot(name)}"), "distinct", slots)


def group_by_property(scene: Scene) -> Plan | None:
    """How many nodes there are for each value of a property, or the average of a number for each."""
    label = scene.label()
    groups = scene.properties(label, GROUPING, main=False)
    draft, node, phrase = filtered(scene, label, 0, 0)
    if not groups:
        return None
    group = scene.one(groups)
    numbers = [n for n in scene.properties(label, NUMERIC) if n != group]
    if numbers and scene.chance(0.4):
        name = scene.one(numbers)
        slots: dict[str, Slot] = {
            "np": phrase,
            "P": PropertySlot(label, name),
            "Q": PropertySlot(label, group),
        }
        return Plan(
            "avg_by_property", draft.query(f"{node.dot(group)}, avg({node.dot(name)})"), "avg_by_prop", slots
        )
    slots = {"np": phrase, "P": PropertySlot(label, group)}
    return Plan(
        "group_by_property", draft.query(f"{node.dot(group)}, count({node.var})"), "group_by_prop", slots
    )
