/** The query: shown as it is written, edited, run again. */

import type { Schema } from "../api/types";
import { CopyButton } from "./CopyButton";
import { Editor } from "./Editor";
import { useTexts } from "./language";

interface Props {
  /** The query as the model made it, or as it was run last. */
  made: string;
  /** It is a query of the user's own. */
  own: boolean;
  query: string;
  working: boolean;
  schema: Schema | null;
  onQuery(text: string): void;
  onRun(): void;
}

export function CypherCard({ made, own, query, working, schema, onQuery, onRun }: Props) {
  const texts = useTexts();
  const edited = !working && query !== made;
  return (
    <section class="card cypher" aria-labelledby="cypher-heading">
      <header class="card-head">
        <h2 id="cypher-heading">{texts.cypher.heading}</h2>
        {(edited || own) && <span class="count">{edited ? texts.cypher.edited : texts.cypher.own}</span>}
        <div class="row end">
          {edited && (
            <button type="button" class="quiet" onClick={() => onQuery(made)}>
              {texts.cypher.restore}
            </button>
          )}
          <CopyButton text={() => query} label={texts.copy.cypher} short={texts.copy.table} />
          <button
            type="button"
            class={edited ? "primary small" : "quiet"}
            title={texts.cypher.runHint}
            disabled={working || !query.trim()}
            onClick={onRun}
          >
            {texts.cypher.run}
          </button>
        </div>
      </header>
      <Editor
        label={texts.cypher.label}
        value={query}
        readOnly={working}
        schema={schema}
        onChange={onQuery}
        onRun={() => {
          if (!working && query.trim()) onRun();
        }}
      />
      <p class="hint in-card">{texts.cypher.hint}</p>
    </section>
  );
}
