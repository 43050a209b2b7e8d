/** The nodes and relationships in a result's cells, for drawing. Knows nothing of the page. */

import type { Value } from "../api/types";
import { asNode, asPath, asRelationship, type GraphNode, type GraphRelationship } from "./values";

export interface Elements {
  nodes: GraphNode[];
  relationships: GraphRelationship[];
  /** How many nodes the result holds; more than `nodes` if some are left out. */
  all: number;
}

/** Every node and relationship of `rows`, each once, however deep in lists and maps; at most `most` nodes. */
export function elementsOf(rows: readonly Value[][], most = Infinity): Elements {
  const nodes = new Map<string, GraphNode>();
  const relationships = new Map<string, GraphRelationship>();
  const pending: Value[] = rows.flat().reverse();
  for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
    const node = asNode(value);
    const relationship = asRelationship(value);
    const path = asPath(value);
    if (node) nodes.set(node.id, node);
    else if (relationship) relationships.set(relationship.id, relationship);
    else if (path) {
      path.nodes.forEach((each) => nodes.set(each.id, each));
      path.relationships.forEach((each) => relationships.set(each.id, each));
    } else if (Array.isArray(value)) pending.push(...value.toReversed());
    else if (value !== null && typeof value === "object") pending.push(...Object.values(value));
  }
  for (const { start, end } of relationships.values())
    for (const id of [start, end])
      // A query may return relationships without their ends: the ends are drawn, unnamed.
      if (id && !nodes.has(id)) nodes.set(id, { id, labels: [], properties: {} });
  const drawn = [...nodes.values()].slice(0, most);
  const kept = new Set(drawn.map((node) => node.id));
  const between = [...relationships.values()].filter(({ start, end }) => kept.has(start) && kept.has(end));
  return { nodes: drawn, relationships: between, all: nodes.size };
}
