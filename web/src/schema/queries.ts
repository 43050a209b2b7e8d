/** Small queries that show what a part of the schema holds. */

const FEW = 25;

/** A name as Cypher takes it anywhere: plain if it is a plain word, else within backticks. */
export function quoted(name: string): string {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) ? name : `\`${name.replaceAll("`", "``")}\``;
}

/** Some nodes with a label. */
export function someOf(label: string): string {
  return `MATCH (n:${quoted(label)}) RETURN n LIMIT ${FEW}`;
}

/** Some paths of a pattern, so that they are drawn with both ends. */
export function somePaths(start: string, type: string, end: string): string {
  return `MATCH p = (:${quoted(start)})-[:${quoted(type)}]->(:${quoted(end)}) RETURN p LIMIT ${FEW}`;
}
