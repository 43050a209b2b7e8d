/** Circles and arrows as SVG: dragged, zoomed, and walked through with the keyboard. Knows nothing of graphs' values. */

import { select } from "d3-selection";
import { zoom, zoomIdentity, type ZoomBehavior } from "d3-zoom";
import { useEffect, useId, useMemo, useRef, useState } from "preact/hooks";

import { useTexts } from "../parts/language";
import { linesOf } from "./caption";
import { curves } from "./curves";
import { frame, layout, neighbour, RADIUS, type Edge, type Point, type Vertex } from "./layout";

const GROUPS = 8;
/** With more edges than these, captions would hide the lines. */
const MOST_CAPTIONS = 90;
const LINE = 12.5;
/** A small drawing is enlarged to this at most. */
const CLOSEST = 1.35;
/** Screens on which a drawing is better tall than wide. */
const NARROW = "(max-width: 40rem)";
/** Pixels at the lower end that the buttons take. */
const TOOLS = 36;
const ARROWS: Record<string, [dx: number, dy: number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

interface Props {
  label: string;
  vertices: Vertex[];
  edges: Edge[];
  chosen: string | null;
  onChoose(id: string): void;
}

export function Drawing({ label, vertices, edges, chosen, onChoose }: Props) {
  const texts = useTexts();
  const ids = useId();
  const initial = useMemo(() => layout(vertices, edges, matchMedia(NARROW).matches), [vertices, edges]);
  const [places, setPlaces] = useState(initial);
  const [current, setCurrent] = useState<string | null>(null);
  const svg = useRef<SVGSVGElement>(null);
  const layer = useRef<SVGGElement>(null);
  const view = useZoom(svg, layer, initial);
  useEffect(() => setPlaces(initial), [initial]);

  const shown = places.size === initial.size && [...initial.keys()].every((id) => places.has(id)) ? places : initial;
  const isNear = (edge: Edge) => edge.source === chosen || edge.target === chosen;
  // The chosen vertex's own come last and so lie above the others.
  const lines = useMemo(
    () => curves(edges, shown).sort((a, b) => Number(isNear(a.edge)) - Number(isNear(b.edge))),
    [edges, shown, chosen],
  );
  const entry = current !== null && shown.has(current) ? current : (chosen ?? vertices[0]?.id);

  function walk(event: KeyboardEvent, id: string): void {
    const arrow = ARROWS[event.key];
    if (event.key === "Enter" || event.key === " ") onChoose(id);
    else if (!arrow) return;
    else {
      const next = neighbour(shown, id, ...arrow);
      if (next !== undefined) svg.current?.querySelector<SVGGElement>(`[data-vertex="${CSS.escape(next)}"]`)?.focus();
    }
    event.preventDefault();
  }

  return (
    <div class="drawing">
      <svg ref={svg} role="group" aria-label={label} aria-describedby={`${ids}-help`}>
        <defs>
          <marker id={`${ids}-tip`} viewBox="0 0 10 10" refX="2" refY="5" markerWidth="7" markerHeight="7" orient="auto">
            <path class="tip" d="M0 0 10 5 0 10z" />
          </marker>
        </defs>
        <g ref={layer}>
          <g class="edges" aria-hidden="true">
            {lines.map(({ edge, path }) => (
              <path
                key={edge.id}
                class={isNear(edge) ? "edge near" : "edge"}
                d={path}
                marker-end={`url(#${ids}-tip)`}
              />
            ))}
            {lines.length <= MOST_CAPTIONS &&
              lines.map(({ edge, middle, angle }) => (
                <text
                  key={edge.id}
                  class={isNear(edge) ? "edge-caption near" : "edge-caption"}
                  transform={`translate(${middle.x},${middle.y}) rotate(${angle})`}
                  dy="0.32em"
                >
                  {edge.caption}
                </text>
              ))}
          </g>
          {vertices.map((vertex) => {
            const place = shown.get(vertex.id) ?? { x: 0, y: 0 };
            const rows = linesOf(vertex.caption);
            const longest = Math.max(...rows.map((row) => row.length));
            const size = longest > 9 ? "caption longest" : longest > 7 ? "caption long" : "caption";
            return (
              <g
                key={vertex.id}
                class={`vertex group-${vertex.group % GROUPS}${vertex.id === chosen ? " chosen" : ""}`}
                transform={`translate(${place.x},${place.y})`}
                data-vertex={vertex.id}
                role="button"
                tabindex={vertex.id === entry ? 0 : -1}
                aria-pressed={vertex.id === chosen}
                aria-label={vertex.description}
                onFocus={() => setCurrent(vertex.id)}
                onKeyDown={(event) => walk(event, vertex.id)}
                onClick={() => onChoose(vertex.id)}
                onPointerDown={(event) =>
                  drag(event, layer.current, place, (to) => setPlaces(new Map(shown).set(vertex.id, to)))
                }
              >
                <circle class="ring" r={RADIUS + 5} />
                <circle class="disc" r={RADIUS} />
                {rows.map((row, index) => (
                  <g key={index}>
                    {" " /* keeps the lines apart for those who hear them */}
                    <text class={size} y={(index - (rows.length - 1) / 2) * LINE} dy="0.34em">
                      {row}
                    </text>
                  </g>
                ))}
                <title>{vertex.caption}</title>
              </g>
            );
          })}
        </g>
      </svg>
      <div class="drawing-tools">
        <button type="button" class="tool" onClick={() => view.scale(1.3)} aria-label={texts.drawing.zoomIn} title={texts.drawing.zoomIn}>
          +
        </button>
        <button type="button" class="tool" onClick={() => view.scale(1 / 1.3)} aria-label={texts.drawing.zoomOut} title={texts.drawing.zoomOut}>
          −
        </button>
        <button type="button" class="tool wide" onClick={view.fit}>
          {texts.drawing.fit}
        </button>
      </div>
      <p id={`${ids}-help`} class="visually-hidden">
        {texts.drawing.help}
      </p>
    </div>
  );
}

/** Zoom and shift of a layer: pinch, Ctrl and wheel, or dragging the ground with a mouse. The bare wheel scrolls the page. */
function useZoom(
  svg: { current: SVGSVGElement | null },
  layer: { current: SVGGElement | null },
  places: ReadonlyMap<string, Point>,
) {
  const behaviour = useRef<ZoomBehavior<SVGSVGElement, unknown> | null>(null);

  function fit(): void {
    const [ground, zooming] = [svg.current, behaviour.current];
    if (!ground || !zooming || !ground.clientWidth) return;
    const { clientWidth, clientHeight } = ground;
    const box = frame(places.values());
    const height = clientHeight - TOOLS;
    const scale = Math.min(CLOSEST, clientWidth / box.width, height / box.height);
    const at = zoomIdentity
      .translate(clientWidth / 2, height / 2)
      .scale(scale)
      .translate(-box.x - box.width / 2, -box.y - box.height / 2);
    zooming.transform(select(ground), at);
  }

  useEffect(() => {
    const ground = svg.current;
    if (!ground) return;
    const zooming = zoom<SVGSVGElement, unknown>()
      .scaleExtent([0.1, 4])
      .filter((event: MouseEvent | WheelEvent | TouchEvent) => {
        if (event.type === "wheel") return event.ctrlKey || event.metaKey;
        if ("touches" in event) return event.touches.length > 1;
        return !event.button && event.target instanceof Element && !event.target.closest(".vertex");
      })
      .on("zoom", (event: { transform: { toString(): string } }) =>
        layer.current?.setAttribute("transform", event.transform.toString()),
      );
    behaviour.current = zooming;
    select(ground).call(zooming).on("dblclick.zoom", null);
    const sizes = new ResizeObserver(fit);
    sizes.observe(ground);
    return () => {
      sizes.disconnect();
      select(ground).on(".zoom", null);
    };
  }, [places]);

  return {
    fit,
    scale: (by: number) => svg.current && behaviour.current?.scaleBy(select(svg.current), by),
  };
}

/** Let a vertex follow the pointer until it is let go. */
function drag(down: PointerEvent, layer: SVGGElement | null, from: Point, move: (to: Point) => void): void {
  const matrix = layer?.getScreenCTM();
  const target = down.currentTarget;
  if (!matrix || down.button || !(target instanceof SVGGElement)) return;
  const follow = (event: PointerEvent) =>
    move({ x: from.x + (event.clientX - down.clientX) / matrix.a, y: from.y + (event.clientY - down.clientY) / matrix.d });
  target.setPointerCapture(down.pointerId);
  target.addEventListener("pointermove", follow);
  for (const end of ["pointerup", "pointercancel"])
    target.addEventListener(end, () => target.removeEventListener("pointermove", follow), { once: true });
}
