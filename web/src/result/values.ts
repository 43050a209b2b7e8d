/** What a value of a result is, and how it reads as text. Knows nothing of the page. */

import { writeJson } from "../api/json";
import type { Value } from "../api/types";

export interface GraphNode {
  id: string;
  labels: string[];
  properties: Record<string, Value>;
}

export interface GraphRelationship {
  id: string;
  type: string;
  start: string;
  end: string;
  properties: Record<string, Value>;
}

export interface GraphPath {
  nodes: GraphNode[];
  relationships: GraphRelationship[];
}

function has(value: Value, keys: readonly string[]): boolean {
  return (
    value !== null &&
    typeof value === "object" &&
    !Array.isArray(value) &&
    Object.keys(value).length === keys.length &&
    keys.every((key) => Object.hasOwn(value, key))
  );
}

function isObject(value: Value | undefined): boolean {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

/** The value as a node, null if it is none. */
export function asNode(value: Value): GraphNode | null {
  if (!has(value, ["id", "labels", "properties"])) return null;
  const node = value as unknown as GraphNode;
  return Array.isArray(node.labels) && isObject(node.properties as Value) ? node : null;
}

/** The value as a relationship, null if it is none. */
export function asRelationship(value: Value): GraphRelationship | null {
  if (!has(value, ["id", "type", "start", "end", "properties"])) return null;
  const relationship = value as unknown as GraphRelationship;
  return typeof relationship.type === "string" && isObject(relationship.properties as Value) ? relationship : null;
}

/** The value as a path, null if it is none. */
export function asPath(value: Value): GraphPath | null {
  if (!has(value, ["nodes", "relationships"])) return null;
  const { nodes, relationships } = value as { nodes: Value; relationships: Value };
  const whole =
    Array.isArray(nodes) &&
    Array.isArray(relationships) &&
    nodes.every((node) => asNode(node)) &&
    relationships.every((relationship) => asRelationship(relationship));
  return whole ? (value as unknown as GraphPath) : null;
}

const NAMING = ["name", "title", "label", "caption", "code", "id"];

/** What a person would call the node: a naming property, else its first text, else its label. */
export function captionOf(node: GraphNode): string {
  const known = Object.keys(node.properties);
  const naming =
    NAMING.map((word) => known.find((key) => key.toLowerCase() === word)).find((key) => key !== undefined) ??
    known.find((key) => /(name|title)$/i.test(key)) ??
    known.find((key) => typeof node.properties[key] === "string");
  const value = naming === undefined ? null : node.properties[naming];
  return value === null || value === undefined || value === "" ? (node.labels[0] ?? node.id) : textOf(value);
}

/** The value as one line of text; nothing for null. */
export function textOf(value: Value): string {
  if (value === null) return "";
  if (typeof value === "string") return value;
  if (typeof value !== "object") return String(value);
  const node = asNode(value);
  if (node) return `(${labelsOf(node)} ${writeJson(node.properties)})`;
  const relationship = asRelationship(value);
  if (relationship) return `[:${relationship.type} ${writeJson(relationship.properties)}]`;
  const path = asPath(value);
  if (path) return pathText(path);
  if (Array.isArray(value)) return value.map((item) => (item === null ? "null" : textOf(item))).join(", ");
  return writeJson(value);
}

/** `:Person:Actor`, as Cypher writes labels. */
export function labelsOf(node: GraphNode): string {
  return node.labels.map((label) => `:${label}`).join("");
}

/** `Hugo ←ACTED_IN– Film`: a path's captions and the direction of each step. */
export function pathText(path: GraphPath): string {
  const [first, ...rest] = path.nodes;
  if (!first) return "";
  let here = first.id;
  const steps = rest.map((node, index) => {
    const step = path.relationships[index];
    const forward = step?.start === here;
    here = node.id;
    return forward ? ` –${step?.type ?? ""}→ ${captionOf(node)}` : ` ←${step?.type ?? ""}– ${captionOf(node)}`;
  });
  return captionOf(first) + steps.join("");
}
