import { expect, test } from "vitest";

import type { Value } from "../src/api/types";
import { elementsOf } from "../src/result/elements";
import { nextOrder, sorted } from "../src/result/sorting";
import { asNode, captionOf, pathText, textOf } from "../src/result/values";

const person = { id: "1", labels: ["Person"], properties: { born: 1930, name: "Ana" } };
const film = { id: "2", labels: ["Movie"], properties: { title: "Vera" } };
const acted = { id: "9", type: "ACTED_IN", start: "1", end: "2", properties: { roles: ["Zoe"] } };

test("a node is known by its shape, a map with other keys is none", () => {
  expect(asNode(person)).toEqual(person);
  expect(asNode({ ...person, more: 1 })).toBeNull();
  expect(asNode({ id: "1", labels: "Person", properties: {} })).toBeNull();
});

test("a node is called by its name, else its first text, else its label", () => {
  expect(captionOf(person)).toBe("Ana");
  expect(captionOf({ id: "1", labels: ["A"], properties: { size: 3, colour: "red" } })).toBe("red");
  expect(captionOf({ id: "1", labels: ["A"], properties: { size: 3 } })).toBe("A");
  expect(captionOf({ id: "1", labels: [], properties: {} })).toBe("1");
});

test("a path reads in its own order, with the direction of each step", () => {
  expect(pathText({ nodes: [film, person], relationships: [acted] })).toBe("Vera ←ACTED_IN– Ana");
  expect(pathText({ nodes: [person, film], relationships: [acted] })).toBe("Ana –ACTED_IN→ Vera");
});

test("lists and maps are readable text", () => {
  expect(textOf([1, null, "x"])).toBe("1, null, x");
  expect(textOf({ a: [1, "b"] })).toBe('{"a": [1, "b"]}');
});

test("nodes and relationships are found once each, however deep", () => {
  const rows: Value[][] = [[person, { list: [acted, film] }], [{ nodes: [person, film], relationships: [acted] }]];
  const found = elementsOf(rows);
  expect(found.nodes.map(({ id }) => id)).toEqual(["1", "2"]);
  expect(found.relationships.map(({ id }) => id)).toEqual(["9"]);
});

test("a relationship without its ends is drawn between unnamed nodes", () => {
  expect(elementsOf([[acted]]).nodes).toEqual([
    { id: "1", labels: [], properties: {} },
    { id: "2", labels: [], properties: {} },
  ]);
});

test("of many nodes the first are drawn, with the relationships between them", () => {
  const found = elementsOf([[person], [film], [acted]], 1);
  expect([found.nodes.length, found.relationships.length, found.all]).toEqual([1, 0, 2]);
});

test("rows sort by number and by the language's alphabet, missing values last", () => {
  const rows: Value[][] = [["ılık"], ["zor"], [null], ["iyi"], ["çok"], ["cam"], [10], [9]];
  const names = (order: Parameters<typeof sorted>[1]) => sorted(rows, order, "tr").map((place) => rows[place]?.[0]);
  expect(names({ column: 0, descending: false })).toEqual([9, 10, "cam", "çok", "ılık", "iyi", "zor", null]);
  expect(names({ column: 0, descending: true })).toEqual(["zor", "iyi", "ılık", "çok", "cam", 10, 9, null]);
  expect(names(null)).toEqual(rows.map(([cell]) => cell));
});

test("a column's head goes from ascending to descending to the server's order", () => {
  const first = nextOrder(null, 2);
  const second = nextOrder(first, 2);
  expect([first?.descending, second?.descending, nextOrder(second, 2)]).toEqual([false, true, null]);
  expect(nextOrder(second, 1)).toEqual({ column: 1, descending: false });
});
