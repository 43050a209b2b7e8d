/** The state of one question or query: asked, on its way, answered or failed. Knows nothing of how it is shown. */

import { useRef, useState } from "preact/hooks";

import { Failure, type Client } from "./api/client";
import type { Answer, Weights } from "./api/types";

export interface Run {
  /** Null for a query of the user's own. */
  question: string | null;
  working: boolean;
  /** The stage that the server is at; null before the first. */
  stage: string | null;
  weights: Weights | null;
  /** The query as the model wrote it, so far; or as the user ran it. */
  cypher: string;
  answer: Answer | null;
  /** What went wrong; "stopped" if the user stopped it. */
  failure: Failure | "stopped" | null;
}

const NEW: Run = {
  question: null,
  working: true,
  stage: null,
  weights: null,
  cypher: "",
  answer: null,
  failure: null,
};

export interface Asking {
  run: Run | null;
  ask(question: string, language: string): void;
  execute(cypher: string): void;
  stop(): void;
}

/** One run at a time: a new one stops the one before. `answered` hears of each that succeeds. */
export function useAsking(client: Client, answered: (answer: Answer, language: string) => void): Asking {
  const [run, setRun] = useState<Run | null>(null);
  const current = useRef<AbortController | null>(null);

  async function go(first: Run, language: string, work: (update: Update, signal: AbortSignal) => Promise<Answer>) {
    current.current?.abort();
    const control = new AbortController();
    current.current = control;
    setRun(first);
    const update: Update = (part) => {
      if (current.current === control) setRun((old) => (old ? { ...old, ...part } : old));
    };
    try {
      const answer = await work(update, control.signal);
      update({ working: false, answer, cypher: answer.cypher, weights: answer.weights ?? null });
      if (current.current === control) answered(answer, language);
    } catch (error) {
      const failure = control.signal.aborted ? "stopped" : error instanceof Failure ? error : new Failure("broken");
      update({ working: false, failure });
    }
  }

  return {
    run,
    ask: (question, language) =>
      void go({ ...NEW, question }, language, (update, signal) =>
        client.ask(
          question,
          language,
          {
            stage: (stage) => update({ stage }),
            cypher: (cypher) => update({ cypher }),
            weights: (weights) => update({ weights }),
          },
          signal,
        ),
      ),
    execute: (cypher) =>
      void go({ ...NEW, cypher, stage: "execute" }, "auto", (_, signal) => client.run(cypher, signal)),
    stop: () => current.current?.abort(),
  };
}

type Update = (part: Partial<Run>) => void;
