/** One cell of a result. Everything from the graph is text here, never markup. */

import type { Value } from "../api/types";
import { useTexts } from "../parts/language";
import { asNode, asPath, asRelationship, captionOf, labelsOf, pathText, textOf } from "./values";

export function Cell({ value }: { value: Value }) {
  if (value === null) return <span class="missing">null</span>;
  const node = asNode(value);
  if (node) return <Opened head={labelsOf(node)} text={captionOf(node)} properties={node.properties} />;
  const relationship = asRelationship(value);
  if (relationship) return <Opened head={`:${relationship.type}`} text="" properties={relationship.properties} />;
  const path = asPath(value);
  if (path) return <>{pathText(path)}</>;
  if (Array.isArray(value))
    return (
      <ul class="list">
        {value.map((item, index) => (
          <li key={index}>
            <Cell value={item} />
          </li>
        ))}
      </ul>
    );
  return <>{textOf(value)}</>;
}

/** A node or relationship: its name, and its properties on request. */
function Opened({ head, text, properties }: { head: string; text: string; properties: Record<string, Value> }) {
  if (!Object.keys(properties).length) return <Name head={head} text={text} />;
  return (
    <details class="entity">
      <summary>
        <Name head={head} text={text} />
      </summary>
      <Properties properties={properties} />
    </details>
  );
}

function Name({ head, text }: { head: string; text: string }) {
  return (
    <>
      <span class="entity-label">{head}</span>
      {text && ` ${text}`}
    </>
  );
}

/** Properties and their values, one a line. */
export function Properties({ properties }: { properties: Record<string, Value> }) {
  const texts = useTexts();
  const entries = Object.entries(properties);
  if (!entries.length) return <p class="hint">{texts.result.unnamed}</p>;
  return (
    <dl class="properties">
      {entries.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>
            <Cell value={value} />
          </dd>
        </div>
      ))}
    </dl>
  );
}
