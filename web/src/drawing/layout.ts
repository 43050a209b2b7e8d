/** Where the vertices of a drawing stand. Knows nothing of the page; the same drawing always looks the same. */

import {
  forceCollide,
  forceLink,
  forceManyBody,
  forceSimulation,
  forceX,
  forceY,
  type SimulationLinkDatum,
  type SimulationNodeDatum,
} from "d3-force";

import { pairs } from "./pairs";

export interface Vertex {
  id: string;
  caption: string;
  /** Vertices of one group have one colour. */
  group: number;
  /** What a screen reader says. */
  description: string;
}

export interface Edge {
  id: string;
  source: string;
  target: string;
  caption: string;
}

export interface Point {
  x: number;
  y: number;
}

/** Radius of a vertex, in the drawing's own units. */
export const RADIUS = 36;
const STEPS = 300;
/** How strongly the shorter and the longer side of a drawing are drawn to its middle. */
const [STRONG, WEAK] = [0.07, 0.03];
const LETTER = 6.4;

type Body = SimulationNodeDatum & { id: string };

/** A place for every vertex: linked ones near, none over another, the whole wider than high unless it is `tall`. */
export function layout(vertices: readonly Vertex[], edges: readonly Edge[], tall = false): Map<string, Point> {
  const bodies: Body[] = vertices.map(({ id }) => ({ id }));
  const apart = edges.filter(({ source, target }) => source !== target);
  const links: (SimulationLinkDatum<Body> & { length: number })[] = pairs(apart).flatMap((pair) => {
    const [first] = pair;
    if (!first) return [];
    // Room for the longest caption between the two circles, and for parallel lines to fan out.
    const letters = Math.max(4, ...pair.map(({ caption }) => caption.length));
    const length = 2 * RADIUS + 36 + LETTER * letters + 16 * (pair.length - 1);
    return [{ source: first.source, target: first.target, length }];
  });
  forceSimulation(bodies)
    .force(
      "link",
      forceLink<Body, (typeof links)[number]>(links)
        .id((body) => body.id)
        .distance((link) => link.length)
        .strength(0.3),
    )
    .force("charge", forceManyBody().strength(-1800).distanceMax(1200))
    .force("collide", forceCollide(RADIUS + 18).strength(1))
    .force("x", forceX(0).strength(tall ? STRONG : WEAK))
    .force("y", forceY(0).strength(tall ? WEAK : STRONG))
    .stop()
    .tick(STEPS);
  return new Map(bodies.map(({ id, x = 0, y = 0 }) => [id, { x, y }]));
}

/** The rectangle that holds every point, with room for the circles and for loops above them. */
export function frame(points: Iterable<Point>): { x: number; y: number; width: number; height: number } {
  const all = [...points];
  const margin = 2 * RADIUS;
  const [xs, ys] = [all.map(({ x }) => x), all.map(({ y }) => y)];
  const [left, top] = [Math.min(0, ...xs), Math.min(0, ...ys)];
  const [right, bottom] = [Math.max(0, ...xs), Math.max(0, ...ys)];
  return { x: left - margin, y: top - margin, width: right - left + 2 * margin, height: bottom - top + 2 * margin };
}

/** The vertex nearest to `from` in the direction `(dx, dy)`; undefined if none lies that way. */
export function neighbour(places: ReadonlyMap<string, Point>, from: string, dx: number, dy: number): string | undefined {
  const here = places.get(from);
  if (!here) return undefined;
  const reached = [...places]
    .filter(([id]) => id !== from)
    .map(([id, { x, y }]) => {
      const along = (x - here.x) * dx + (y - here.y) * dy;
      const aside = Math.abs((x - here.x) * dy) + Math.abs((y - here.y) * dx);
      return { id, along, cost: along + 2 * aside };
    })
    .filter(({ along }) => along > 0);
  return reached.sort((a, b) => a.cost - b.cost)[0]?.id;
}
