/** What the server sends and takes, as `polycypher serve` writes it. Knows nothing of the page. */

/** A cell of a result. Integers that a double cannot hold arrive as `bigint`. */
export type Value = null | boolean | number | bigint | string | Value[] | { [name: string]: Value };

export type Weights = Record<string, number>;

export interface Answer {
  question?: string;
  cypher: string;
  weights?: Weights;
  columns: string[];
  rows: Value[][];
  truncated: boolean;
  elapsed_ms: Record<string, number>;
  notices: string[];
}

/** Labels and relationship types with their properties' types, and the patterns start–type–end. */
export interface Schema {
  /** What the graph is called. */
  graph: string;
  node_properties: Record<string, Record<string, string>>;
  relationship_properties: Record<string, Record<string, string>>;
  relationships: [start: string, type: string, end: string][];
}

export interface Example {
  language: string;
  question: string;
}
