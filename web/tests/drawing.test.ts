import { expect, test } from "vitest";

import { linesOf } from "../src/drawing/caption";
import { curves } from "../src/drawing/curves";
import { frame, layout, neighbour, RADIUS, type Edge } from "../src/drawing/layout";

const edge = (id: string, source: string, target: string): Edge => ({ id, source, target, caption: "TYPE" });
const vertex = (id: string) => ({ id, caption: id, group: 0, description: id });
const distance = (a: { x: number; y: number }, b: { x: number; y: number }) => Math.hypot(a.x - b.x, a.y - b.y);

test("no circle lies over another, and the same drawing looks the same", () => {
  const vertices = Array.from({ length: 40 }, (_, index) => vertex(`${index}`));
  const edges = vertices.slice(1).map(({ id }) => edge(`e${id}`, "0", id));
  const places = layout(vertices, edges);
  const points = [...places.values()];
  for (const [index, point] of points.entries())
    for (const other of points.slice(index + 1)) expect(distance(point, other)).toBeGreaterThan(2 * RADIUS);
  expect(layout(vertices, edges)).toEqual(places);
});

test("a narrow screen gets a tall drawing", () => {
  const vertices = Array.from({ length: 12 }, (_, index) => vertex(`${index}`));
  const edges = vertices.slice(1).map(({ id }) => edge(`e${id}`, `${Math.floor(Number(id) / 3)}`, id));
  const wide = frame(layout(vertices, edges).values());
  const tall = frame(layout(vertices, edges, true).values());
  expect(tall.height / tall.width).toBeGreaterThan(1.2 * (wide.height / wide.width));
});

test("parallel and opposite lines do not lie on each other", () => {
  const places = new Map([
    ["a", { x: 0, y: 0 }],
    ["b", { x: 300, y: 0 }],
  ]);
  const drawn = curves([edge("1", "a", "b"), edge("2", "a", "b"), edge("3", "b", "a")], places);
  expect(new Set(drawn.map(({ middle }) => Math.round(middle.y))).size).toBe(3);
});

test("a single line is straight and ends at the rims", () => {
  const places = new Map([
    ["a", { x: 0, y: 0 }],
    ["b", { x: 0, y: 300 }],
  ]);
  const [drawn] = curves([edge("1", "a", "b")], places);
  const [x1, y1, , , x2, y2] = drawn!.path.match(/-?[\d.]+/g)!.map(Number);
  expect([x1, x2]).toEqual([0, 0]);
  expect(y1).toBe(RADIUS);
  expect(y2).toBeLessThanOrEqual(300 - RADIUS);
});

test("a loop stands outside its circle and away from the neighbour", () => {
  const places = new Map([
    ["a", { x: 0, y: 0 }],
    ["b", { x: 300, y: 0 }],
  ]);
  const [loop] = curves([edge("1", "a", "a"), edge("2", "a", "b")], places);
  expect(loop!.middle.x).toBeLessThan(-RADIUS);
});

test("captions are never upside down", () => {
  for (let angle = 0; angle < 360; angle += 15) {
    const to = { x: 300 * Math.cos((angle * Math.PI) / 180), y: 300 * Math.sin((angle * Math.PI) / 180) };
    const [drawn] = curves([edge("1", "a", "b")], new Map([["a", { x: 0, y: 0 }], ["b", to]]));
    expect(Math.cos((drawn!.angle * Math.PI) / 180)).toBeGreaterThan(-1e-9);
  }
});

test.each([
  ["Sully", ["Sully"]],
  ["Clint Eastwood", ["Clint", "Eastwood"]],
  ["Letters from Iwo Jima", ["Letters", "from Iwo", "Jima"]],
  ["Donaudampfschifffahrtsgesellschaft", ["Donaudam", "pfschifffa", "hrtsges…"]],
])("a caption breaks into lines: %s", (caption, lines) => expect(linesOf(caption)).toEqual(lines));

test("arrow keys find the vertex that lies that way", () => {
  const places = new Map([
    ["here", { x: 0, y: 0 }],
    ["right", { x: 100, y: 10 }],
    ["far", { x: 400, y: 0 }],
    ["up", { x: 5, y: -90 }],
  ]);
  expect(neighbour(places, "here", 1, 0)).toBe("right");
  expect(neighbour(places, "here", 0, -1)).toBe("up");
  expect(neighbour(places, "here", 0, 1)).toBe("right");
  expect(neighbour(places, "up", 0, -1)).toBeUndefined();
});
