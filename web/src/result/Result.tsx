/** The result of a query: table or graph, its size, its times, and ways to take it along. */

import { useEffect, useMemo, useState } from "preact/hooks";

import type { Answer } from "../api/types";
import { CopyButton } from "../parts/CopyButton";
import { useLanguage, useTexts } from "../parts/language";
import { Tabs } from "../parts/Tabs";
import { toCsv, toTabs } from "./csv";
import { elementsOf } from "./elements";
import { ResultGraph } from "./ResultGraph";
import { Table } from "./Table";

/** More circles than these are no picture any more. */
const MOST_NODES = 150;

interface Props {
  answer: Answer;
  labels: string[];
}

export function Result({ answer, labels }: Props) {
  const texts = useTexts();
  const elements = useMemo(() => elementsOf(answer.rows, MOST_NODES), [answer]);
  const drawable = elements.nodes.length > 0;
  const [view, setView] = useState<"table" | "graph">(drawable ? "graph" : "table");
  useEffect(() => setView(drawable ? "graph" : "table"), [answer]);
  const { columns, rows } = answer;
  return (
    <section class="card result" aria-labelledby="result-heading">
      <header class="card-head">
        <h2 id="result-heading">{texts.result.heading}</h2>
        <span class="count">{texts.result.rows(rows.length)}</span>
        {drawable && (
          <Tabs<"graph" | "table">
            label={texts.result.views}
            panel="result-panel"
            chosen={view}
            onChoose={setView}
            tabs={[
              ["graph", texts.result.graph],
              ["table", texts.result.table],
            ]}
          />
        )}
        {rows.length > 0 && (
          <div class="row end">
            <CopyButton text={() => toTabs(columns, rows)} label={texts.copy.table} />
            <button type="button" class="quiet" title={texts.csvHint} aria-label={texts.csvHint} onClick={() => save(toCsv(columns, rows))}>
              {texts.csv}
            </button>
          </div>
        )}
      </header>
      {answer.truncated && <p class="note in-card">{texts.result.truncated}</p>}
      {rows.length === 0 ? (
        <p class="nothing">{texts.result.none}</p>
      ) : (
        <div
          id="result-panel"
          role={drawable ? "tabpanel" : undefined}
          aria-labelledby={drawable ? `result-panel-${view}` : undefined}
        >
          {view === "graph" && drawable ? (
            <ResultGraph elements={elements} labels={labels} />
          ) : (
            <Table columns={columns} rows={rows} />
          )}
        </div>
      )}
      <Times spent={answer.elapsed_ms} />
    </section>
  );
}

/** What each stage took, those that took anything. */
function Times({ spent }: { spent: Record<string, number> }) {
  const texts = useTexts();
  const page = useLanguage();
  const digits = new Intl.NumberFormat(page, { maximumFractionDigits: 0 });
  const told = Object.entries(spent).filter(([stage, ms]) => ms >= 0.5 && texts.times[stage]);
  if (!told.length) return null;
  return (
    <p class="times" aria-label={texts.times["label"]}>
      {told.map(([stage, ms]) => (
        <span key={stage}>
          {texts.times[stage]} {digits.format(ms)} ms
        </span>
      ))}
    </p>
  );
}

function save(text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = "polycypher.csv";
  link.click();
  URL.revokeObjectURL(url);
}
