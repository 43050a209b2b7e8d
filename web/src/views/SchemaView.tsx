/** What the graph holds: labels and relationship types as a diagram and as text. */

import { useMemo, useState } from "preact/hooks";

import type { Failure } from "../api/client";
import type { Schema } from "../api/types";
import { Drawing } from "../drawing/Drawing";
import { Alert } from "../parts/Alert";
import { useTexts } from "../parts/language";
import { someOf, somePaths } from "../schema/queries";
import { CONTENT } from "./names";

interface Props {
  schema: Schema | null;
  failure: Failure | null;
  onRun(cypher: string): void;
}

export function SchemaView({ schema, failure, onRun }: Props) {
  const texts = useTexts();
  return (
    <main id={CONTENT} class="schema-view">
      <h1>{texts.schema.heading}</h1>
      <p class="lead">{texts.schema.lead}</p>
      {failure ? (
        <Alert failure={failure} />
      ) : schema === null ? (
        <p class="nothing" role="status">
          {texts.schema.loading}
        </p>
      ) : Object.keys(schema.node_properties).length === 0 ? (
        <p class="nothing">{texts.schema.empty}</p>
      ) : (
        <Diagram schema={schema} onRun={onRun} />
      )}
    </main>
  );
}

function Diagram({ schema, onRun }: { schema: Schema; onRun(cypher: string): void }) {
  const texts = useTexts();
  const labels = useMemo(() => Object.keys(schema.node_properties), [schema]);
  const types = useMemo(() => [...new Set(schema.relationships.map(([, type]) => type))], [schema]);
  const [chosen, setChosen] = useState<string | null>(() => busiest(labels, schema));
  const vertices = useMemo(
    () => labels.map((label, group) => ({ id: label, caption: label, group, description: label })),
    [labels],
  );
  const edges = useMemo(
    () =>
      schema.relationships.map(([source, type, target]) => ({
        id: JSON.stringify([source, type, target]),
        source,
        target,
        caption: type,
      })),
    [schema],
  );
  return (
    <>
      <section class="card" aria-label={texts.schema.diagram}>
        <header class="card-head">
          <h2 translate={false}>{schema.graph}</h2>
          <span class="count">{texts.schema.labels(labels.length)}</span>
          <span class="count">{texts.schema.types(types.length)}</span>
        </header>
        <div class="drawn tall">
          <Drawing label={texts.schema.diagram} vertices={vertices} edges={edges} chosen={chosen} onChoose={setChosen} />
          <aside class="inspector" aria-live="polite" aria-label={texts.result.details}>
            {chosen !== null && <Label label={chosen} schema={schema} onChoose={setChosen} onRun={onRun} />}
          </aside>
        </div>
      </section>
      <section class="listing" aria-labelledby="labels-heading">
        <h2 id="labels-heading">{texts.schema.labelsHeading}</h2>
        <ul class="tiles">
          {labels.map((label) => (
            <li key={label} class="card tile">
              <h3>{label}</h3>
              <Types named={schema.node_properties[label] ?? {}} />
            </li>
          ))}
        </ul>
      </section>
      <section class="listing" aria-labelledby="types-heading">
        <h2 id="types-heading">{texts.schema.typesHeading}</h2>
        <ul class="tiles">
          {types.map((type) => (
            <li key={type} class="card tile">
              <h3>{type}</h3>
              <p class="pairs">
                {schema.relationships
                  .filter(([, name]) => name === type)
                  .map(([start, , end]) => `${start} → ${end}`)
                  .join(", ")}
              </p>
              {schema.relationship_properties[type] && <Types named={schema.relationship_properties[type]} />}
            </li>
          ))}
        </ul>
      </section>
    </>
  );
}

/** The label with most patterns: what a newcomer wants to see first. */
function busiest(labels: string[], schema: Schema): string | null {
  const patterns = (label: string) =>
    schema.relationships.filter(([start, , end]) => start === label || end === label).length;
  return labels.toSorted((a, b) => patterns(b) - patterns(a))[0] ?? null;
}

interface LabelProps {
  label: string;
  schema: Schema;
  onChoose(label: string): void;
  onRun(cypher: string): void;
}

function Label({ label, schema, onChoose, onRun }: LabelProps) {
  const texts = useTexts();
  const patterns = schema.relationships.filter(([start, , end]) => start === label || end === label);
  return (
    <>
      <h3>{label}</h3>
      <button type="button" class="quiet" onClick={() => onRun(someOf(label))}>
        {texts.schema.show}
      </button>
      <h4>{texts.schema.properties}</h4>
      <Types named={schema.node_properties[label] ?? {}} />
      {patterns.length > 0 && (
        <>
          <h4>{texts.result.relationships}</h4>
          <ul class="around">
            {patterns.map(([start, type, end]) => {
              const other = start === label ? end : start;
              return (
                <li key={`${start} ${type} ${end}`}>
                  <button
                    type="button"
                    class="link entity-label"
                    title={texts.schema.show}
                    onClick={() => onRun(somePaths(start, type, end))}
                  >
                    {start === label ? `${type} →` : `← ${type}`}
                  </button>{" "}
                  <button type="button" class="link" onClick={() => onChoose(other)}>
                    {other}
                  </button>
                </li>
              );
            })}
          </ul>
        </>
      )}
    </>
  );
}

/** Property names with their types. */
function Types({ named }: { named: Record<string, string> }) {
  const texts = useTexts();
  const entries = Object.entries(named);
  if (!entries.length) return <p class="hint">{texts.schema.noProperties}</p>;
  return (
    <dl class="properties">
      {entries.map(([name, type]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd class="type">{type}</dd>
        </div>
      ))}
    </dl>
  );
}
