/** Edges between the same two vertices, whatever their direction. Knows nothing of places. */

import type { Edge } from "./layout";

/** The edges in groups that join the same two vertices, in the order of each group's first edge. */
export function pairs(edges: readonly Edge[]): Edge[][] {
  const found = new Map<string, Edge[]>();
  for (const edge of edges) {
    const pair = JSON.stringify([edge.source, edge.target].sort());
    const group = found.get(pair);
    if (group) group.push(edge);
    else found.set(pair, [edge]);
  }
  return [...found.values()];
}
