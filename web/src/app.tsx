/** The page: its views, and the state that they share. */

import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";

import { Client, Failure } from "./api/client";
import type { Answer, Example, Schema } from "./api/types";
import { useAsking } from "./asking";
import { keepHistory, readHistory, withEntry, type Entry } from "./history";
import { Header } from "./parts/Header";
import { Language } from "./parts/language";
import { TokenDialog } from "./parts/TokenDialog";
import { firstLanguage, keepLanguage, textsOf } from "./texts";
import { AskView } from "./views/AskView";
import { HistoryView } from "./views/HistoryView";
import { VIEWS, type View } from "./views/names";
import { SchemaView } from "./views/SchemaView";

interface Prompt {
  rejected: boolean;
  done(token: string | null): void;
}

export function App() {
  const [page, setPage] = useState(firstLanguage);
  const [view, setView] = useView();
  const [prompt, setPrompt] = useState<Prompt | null>(null);
  const [entries, setEntries] = useState<Entry[]>(readHistory);
  const [question, setQuestion] = useState("");
  const [language, setLanguage] = useState("auto");
  // The client is made once and outlives a change of language.
  const reads = useRef(page);
  reads.current = page;
  const client = useMemo(
    () =>
      new Client(
        (rejected) => new Promise((done) => setPrompt({ rejected, done })),
        () => reads.current,
      ),
    [],
  );
  const server = useServer(client);
  const asking = useAsking(client, remember);

  useEffect(() => {
    document.documentElement.lang = page;
    document.title = `polycypher – ${textsOf(page).title}`;
  }, [page]);
  // Before the page shows it: what it calls cleared is gone then, also if the tab is closed at once.
  useLayoutEffect(() => keepHistory(entries), [entries]);

  function remember(answer: Answer, asked: string): void {
    const { cypher, rows } = answer;
    const entry: Entry = { at: Date.now(), language: asked, cypher, rows: rows.length };
    if (answer.question !== undefined) entry.question = answer.question;
    setEntries((old) => withEntry(old, entry));
  }

  function execute(cypher: string): void {
    setView("ask");
    setQuestion("");
    asking.execute(cypher);
  }

  function askAgain(entry: Entry): void {
    if (entry.question === undefined) return;
    setView("ask");
    setQuestion(entry.question);
    setLanguage(entry.language);
    asking.ask(entry.question, entry.language);
  }

  return (
    <Language.Provider value={page}>
      <Header
        view={view}
        page={page}
        onPage={(code) => {
          keepLanguage(code);
          setPage(code);
        }}
      />
      <AskView
        hidden={view !== "ask"}
        asking={asking}
        schema={server.schema}
        languages={server.languages}
        examples={server.examples}
        question={question}
        language={language}
        onQuestion={setQuestion}
        onLanguage={setLanguage}
      />
      {view === "schema" && <SchemaView schema={server.schema} failure={server.failure} onRun={execute} />}
      {view === "history" && (
        <HistoryView
          entries={entries}
          onAsk={askAgain}
          onRun={(entry) => execute(entry.cypher)}
          onRemove={(entry) => setEntries((old) => old.filter((each) => each !== entry))}
          onClear={() => setEntries([])}
        />
      )}
      {prompt && (
        <TokenDialog
          key={String(prompt.rejected)}
          rejected={prompt.rejected}
          onDone={(token) => {
            setPrompt(null);
            prompt.done(token);
          }}
        />
      )}
    </Language.Provider>
  );
}

/** The view that the address names after its #. */
function useView(): [View, (view: View) => void] {
  const read = () => VIEWS.find((view) => `#${view}` === location.hash) ?? "ask";
  const [view, setView] = useState<View>(read);
  useEffect(() => {
    const follow = () => setView(read());
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);
  return [view, (wanted) => (location.hash = wanted)];
}

/** What the server tells of itself once. Asking works without languages and examples; a missing schema is told. */
function useServer(client: Client) {
  const [schema, setSchema] = useState<Schema | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const [languages, setLanguages] = useState<string[]>([]);
  const [examples, setExamples] = useState<Example[]>([]);
  useEffect(() => {
    client
      .schema()
      .then(setSchema)
      .catch((error: unknown) => setFailure(error instanceof Failure ? error : new Failure("broken")));
    client
      .languages()
      .then(setLanguages)
      .catch(() => setLanguages([]));
    client
      .examples()
      .then(setExamples)
      .catch(() => setExamples([]));
  }, [client]);
  return { schema, failure, languages, examples };
}
