/** The nodes and relationships of a result as a drawing, and what the chosen node holds. */

import { useMemo, useState } from "preact/hooks";

import { Drawing } from "../drawing/Drawing";
import { useTexts } from "../parts/language";
import { Properties } from "./Cell";
import type { Elements } from "./elements";
import { captionOf, labelsOf, type GraphNode } from "./values";

interface Props {
  elements: Elements;
  /** The schema's labels in order: each has its colour, whatever the result. */
  labels: string[];
}

export function ResultGraph({ elements, labels }: Props) {
  const texts = useTexts();
  const [chosen, setChosen] = useState<string | null>(null);
  const named = useMemo(() => new Map(elements.nodes.map((node) => [node.id, node])), [elements]);
  const { vertices, edges } = useMemo(
    () => ({
      vertices: elements.nodes.map((node) => ({
        id: node.id,
        caption: captionOf(node),
        group: Math.max(0, labels.indexOf(node.labels[0] ?? "")),
        description: `${labelsOf(node)} ${captionOf(node)}`,
      })),
      edges: elements.relationships.map(({ id, start, end, type }) => ({
        id,
        source: start,
        target: end,
        caption: type,
      })),
    }),
    [elements, labels],
  );
  const node = chosen === null ? undefined : named.get(chosen);
  return (
    <div class="drawn">
      <Drawing label={texts.result.graph} vertices={vertices} edges={edges} chosen={chosen} onChoose={setChosen} />
      <aside class="inspector" aria-live="polite" aria-label={texts.result.details}>
        {node ? (
          <Inspected node={node} elements={elements} named={named} onChoose={setChosen} />
        ) : (
          <p class="hint">{texts.result.pick}</p>
        )}
        {elements.all > elements.nodes.length && (
          <p class="hint">{texts.result.partly(elements.nodes.length, elements.all)}</p>
        )}
      </aside>
    </div>
  );
}

interface InspectedProps {
  node: GraphNode;
  elements: Elements;
  named: ReadonlyMap<string, GraphNode>;
  onChoose(id: string): void;
}

function Inspected({ node, elements, named, onChoose }: InspectedProps) {
  const texts = useTexts();
  const around = elements.relationships.filter(({ start, end }) => start === node.id || end === node.id);
  return (
    <>
      <h3>{captionOf(node)}</h3>
      <p class="entity-label">{labelsOf(node)}</p>
      <Properties properties={node.properties} />
      {around.length > 0 && (
        <>
          <h4>{texts.result.relationships}</h4>
          <ul class="around">
            {around.map((relationship) => {
              const outward = relationship.start === node.id;
              const other = named.get(outward ? relationship.end : relationship.start);
              return (
                <li key={relationship.id}>
                  <span class="entity-label">{outward ? `${relationship.type} →` : `← ${relationship.type}`}</span>{" "}
                  {other && (
                    <button type="button" class="link" onClick={() => onChoose(other.id)}>
                      {captionOf(other)}
                    </button>
                  )}
                  {Object.keys(relationship.properties).length > 0 && <Properties properties={relationship.properties} />}
                </li>
              );
            })}
          </ul>
        </>
      )}
    </>
  );
}
