"""The kinds with their weights, and drawing one of them."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable
from itertools import accumulate

from polycypher.synthesis.kinds import ends, groups, paths, relationships, single
from polycypher.synthesis.kinds.scene import Scene
from polycypher.synthesis.plan import Plan

KINDS: dict[Callable[[Scene], Plan | None], float] = {
    single.list_nodes: 12,
    single.property_of_node: 8,
    single.property_of_nodes: 6,
    single.count_nodes: 5,
    single.any_node: 1,
    single.aggregate: 5,
    single.top: 8,
    single.ordered: 3,
    single.first: 3,
    single.distinct: 3,
    single.group_by_property: 3,
    paths.hop: 18,
    paths.count_hop: 4,
    paths.chain: 9,
    paths.filtered_neighbours: 6,
    ends.both: 4,
    ends.same: 2,
    ends.two_relations: 2.5,
    ends.pair: 5,
    relationships.relationship_property: 5,
    groups.top_degree: 7,
    groups.each: 4,
    groups.threshold: 5,
    groups.negation: 4,
    groups.existence: 5,
    groups.neighbours_value: 4,
    groups.reach: 1.5,
}
_MAKERS = list(KINDS)
_BOUNDS = list(accumulate(KINDS.values()))


def plan(scene: Scene) -> Plan | None:
    """A plan of a random kind, or None if the scene has no place for that kind."""
    return _MAKERS[bisect(_BOUNDS, scene.rng.random() * _BOUNDS[-1])](scene)
