/** The lines between circles: parallel ones fan out, loops stand outside. Knows nothing of the page. */

import { RADIUS, type Edge, type Point } from "./layout";
import { pairs } from "./pairs";

export interface Curve {
  edge: Edge;
  /** SVG path data from one circle's rim to the other's, the arrow's tip at its end. */
  path: string;
  /** Middle of the line, where the caption stands. */
  middle: Point;
  /** Degrees by which the caption is turned; never upside down. */
  angle: number;
}

const FAN = 34;
const TIP = 7;

/** A curve for every edge whose ends have a place. */
export function curves(edges: readonly Edge[], places: ReadonlyMap<string, Point>): Curve[] {
  return pairs(edges).flatMap((parallel) =>
    parallel.flatMap((edge, index) => {
      const [from, to] = [places.get(edge.source), places.get(edge.target)];
      if (!from || !to) return [];
      if (edge.source === edge.target) return [loop(edge, from, index, awayFrom(edge.source, edges, places))];
      // Measured from the same side for both directions, so that opposite edges do not share a line.
      const side = edge.source < edge.target ? 1 : -1;
      return [arc(edge, from, to, side * FAN * (index - (parallel.length - 1) / 2))];
    }),
  );
}

function arc(edge: Edge, from: Point, to: Point, bend: number): Curve {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const length = Math.hypot(dx, dy) || 1;
  // A quadratic curve passes its middle at half the control point's distance from the straight line.
  const control = {
    x: (from.x + to.x) / 2 - (dy / length) * bend * 2,
    y: (from.y + to.y) / 2 + (dx / length) * bend * 2,
  };
  const [start, end] = [towards(from, control, RADIUS), towards(to, control, RADIUS + TIP)];
  const middle = { x: (start.x + 2 * control.x + end.x) / 4, y: (start.y + 2 * control.y + end.y) / 4 };
  return {
    edge,
    path: `M${at(start)}Q${at(control)} ${at(end)}`,
    middle,
    angle: upright((Math.atan2(dy, dx) * 180) / Math.PI),
  };
}

function loop(edge: Edge, centre: Point, index: number, direction: number): Curve {
  const reach = RADIUS * (2.6 + 0.9 * index);
  const [open, spread] = [0.42, 0.62];
  const on = (angle: number, radius: number) => ({
    x: centre.x + radius * Math.cos(angle),
    y: centre.y + radius * Math.sin(angle),
  });
  const [start, end] = [on(direction - open, RADIUS), on(direction + open, RADIUS + TIP)];
  const [first, second] = [on(direction - spread, reach), on(direction + spread, reach)];
  const middle = {
    x: (start.x + 3 * first.x + 3 * second.x + end.x) / 8,
    y: (start.y + 3 * first.y + 3 * second.y + end.y) / 8,
  };
  return {
    edge,
    path: `M${at(start)}C${at(first)} ${at(second)} ${at(end)}`,
    middle,
    angle: upright((direction * 180) / Math.PI + 90),
  };
}

/** The direction (radians) with most room around a vertex: the middle of the widest gap between its edges. */
function awayFrom(id: string, edges: readonly Edge[], places: ReadonlyMap<string, Point>): number {
  const here = places.get(id);
  const taken = edges
    .filter(({ source, target }) => (source === id) !== (target === id))
    .map(({ source, target }) => places.get(source === id ? target : source))
    .flatMap((there) => (here && there ? [Math.atan2(there.y - here.y, there.x - here.x)] : []))
    .sort((a, b) => a - b);
  if (!taken.length) return -Math.PI / 2;
  const gaps = taken.map((angle, index) => {
    const next = taken[index + 1] ?? taken[0]! + 2 * Math.PI;
    return { width: next - angle, middle: (angle + next) / 2 };
  });
  return gaps.reduce((widest, gap) => (gap.width > widest.width ? gap : widest)).middle;
}

function towards(from: Point, to: Point, distance: number): Point {
  const length = Math.hypot(to.x - from.x, to.y - from.y) || 1;
  return { x: from.x + ((to.x - from.x) * distance) / length, y: from.y + ((to.y - from.y) * distance) / length };
}

function upright(degrees: number): number {
  const turned = ((degrees % 360) + 360) % 360;
  return turned > 90 && turned <= 270 ? turned - 180 : turned;
}

function at({ x, y }: Point): string {
  return `${x.toFixed(1)},${y.toFixed(1)}`;
}
