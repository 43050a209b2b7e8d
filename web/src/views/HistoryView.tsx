/** What was asked before in this browser. */

import { useState } from "preact/hooks";

import type { Entry } from "../history";
import { useLanguage, useTexts } from "../parts/language";
import { CONTENT } from "./names";

interface Props {
  entries: Entry[];
  onAsk(entry: Entry): void;
  onRun(entry: Entry): void;
  onRemove(entry: Entry): void;
  onClear(): void;
}

export function HistoryView({ entries, onAsk, onRun, onRemove, onClear }: Props) {
  const texts = useTexts();
  const page = useLanguage();
  const [sure, setSure] = useState(false);
  const time = new Intl.DateTimeFormat(page, { dateStyle: "medium", timeStyle: "short" });
  return (
    <main id={CONTENT} class="history-view">
      <div class="row top">
        <h1>{texts.history.heading}</h1>
        {entries.length > 0 &&
          (sure ? (
            <div class="row end" role="group" aria-label={texts.history.sure}>
              <span class="hint">{texts.history.sure}</span>
              <button type="button" class="quiet" onClick={() => setSure(false)}>
                {texts.history.no}
              </button>
              <button
                type="button"
                class="primary small"
                autoFocus
                onClick={() => {
                  onClear();
                  setSure(false);
                }}
              >
                {texts.history.yes}
              </button>
            </div>
          ) : (
            <button type="button" class="quiet" onClick={() => setSure(true)}>
              {texts.history.clear}
            </button>
          ))}
      </div>
      <p class="lead">{texts.history.lead}</p>
      {entries.length === 0 && <p class="nothing">{texts.history.empty}</p>}
      <ol class="entries">
        {entries.map((entry) => (
          <li key={entry.at} class="card entry">
            <div class="entry-text">
              {entry.question !== undefined && <p class="entry-question">{entry.question}</p>}
              <code translate={false}>{entry.cypher}</code>
              <p class="hint">
                {time.format(entry.at)} · {texts.result.rows(entry.rows)}
              </p>
            </div>
            <div class="row end">
              {entry.question !== undefined && (
                <button type="button" class="quiet" onClick={() => onAsk(entry)}>
                  {texts.history.again}
                </button>
              )}
              <button type="button" class="quiet" onClick={() => onRun(entry)}>
                {texts.history.run}
              </button>
              <button type="button" class="quiet" onClick={() => onRemove(entry)}>
                {texts.history.remove}
              </button>
            </div>
          </li>
        ))}
      </ol>
    </main>
  );
}
