/** The first view: ask, see the query, see the result. */

import { useEffect, useState } from "preact/hooks";

import type { Example, Schema } from "../api/types";
import type { Asking } from "../asking";
import { Alert } from "../parts/Alert";
import { CypherCard } from "../parts/CypherCard";
import { useTexts } from "../parts/language";
import { Stages } from "../parts/Stages";
import { WeightBars } from "../parts/WeightBars";
import { Result } from "../result/Result";
import { AskForm } from "./AskForm";
import { CONTENT } from "./names";

interface Props {
  /** Another view is shown; what was typed here stays. */
  hidden: boolean;
  asking: Asking;
  schema: Schema | null;
  languages: string[];
  examples: Example[];
  question: string;
  language: string;
  onQuestion(text: string): void;
  onLanguage(code: string): void;
}

export function AskView({ hidden, asking, schema, examples, ...form }: Props) {
  const texts = useTexts();
  const { run } = asking;
  const [query, setQuery] = useState("");
  useEffect(() => setQuery(run?.cypher ?? ""), [run?.cypher]);
  const labels = Object.keys(schema?.node_properties ?? {});
  const status = run?.answer && !run.working ? texts.result.rows(run.answer.rows.length) : "";
  return (
    <main id={hidden ? undefined : CONTENT} class="ask-view" hidden={hidden}>
      <AskForm
        {...form}
        graph={schema?.graph ?? null}
        examples={examples}
        working={run?.working ?? false}
        fresh={run === null}
        onAsk={asking.ask}
        onStop={asking.stop}
      />
      <p class="visually-hidden" role="status">
        {status}
      </p>
      {run && (
        <div class="answer" aria-busy={run.working}>
          {run.working && run.question !== null && <Stages stage={run.stage} />}
          {run.failure && <Alert failure={run.failure} />}
          {run.answer?.notices.map((notice) => (
            <p key={notice} class="note">
              {notice}
            </p>
          ))}
          {(run.cypher !== "" || run.weights) && (
            <div class={run.weights ? "made" : "made alone"}>
              <CypherCard
                made={run.cypher}
                own={run.question === null}
                query={query}
                working={run.working}
                schema={schema}
                onQuery={setQuery}
                onRun={() => asking.execute(query)}
              />
              {run.weights && <WeightBars weights={run.weights} />}
            </div>
          )}
          {run.answer && <Result answer={run.answer} labels={labels} />}
        </div>
      )}
    </main>
  );
}
