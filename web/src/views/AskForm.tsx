/** The ask box, with the language to ask in and examples to begin with. */

import { useEffect, useRef } from "preact/hooks";

import type { Example } from "../api/types";
import { useLanguage, useTexts } from "../parts/language";
import { languageName } from "../texts";

const LONGEST = 2000;

interface Props {
  /** What the graph is called; null until it is known. */
  graph: string | null;
  languages: string[];
  examples: Example[];
  question: string;
  language: string;
  working: boolean;
  /** Nothing was asked yet: the page introduces itself. */
  fresh: boolean;
  onQuestion(text: string): void;
  onLanguage(code: string): void;
  onAsk(question: string, language: string): void;
  onStop(): void;
}

export function AskForm(props: Props) {
  const { graph, languages, question, language, working, fresh } = props;
  const texts = useTexts();
  const page = useLanguage();
  const box = useRef<HTMLTextAreaElement>(null);
  // The page's language first; a graph without examples in it shows what it has.
  const own = props.examples.filter((example) => example.language === page);
  const examples = own.length ? own : props.examples;

  useEffect(() => {
    // On a touch screen focus would bring up the keyboard before anyone asked for it.
    if (matchMedia("(pointer: fine)").matches) box.current?.focus();
  }, []);

  function ask(text: string): void {
    if (text.trim()) props.onAsk(text.trim(), language);
    else box.current?.focus();
  }

  return (
    <section class={fresh ? "asking fresh" : "asking"} aria-labelledby="ask-heading">
      <h1 id="ask-heading">{texts.ask.heading}</h1>
      <p class="lead">{texts.ask.lead}</p>
      <form
        class="card ask"
        onSubmit={(event) => {
          event.preventDefault();
          ask(question);
        }}
      >
        <label class="visually-hidden" for="question">
          {texts.ask.question}
        </label>
        <textarea
          id="question"
          ref={box}
          rows={1}
          maxLength={LONGEST}
          placeholder={texts.ask.placeholder}
          value={question}
          enterkeyhint="send"
          onInput={(event) => props.onQuestion(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
            event.preventDefault();
            ask(question);
          }}
        />
        <div class="row">
          <label class="choice">
            <span>{texts.ask.language}</span>
            <select value={language} onChange={(event) => props.onLanguage(event.currentTarget.value)}>
              <option value="auto">{texts.ask.auto}</option>
              {languages.map((code) => (
                <option key={code} value={code}>
                  {languageName(code, page)}
                </option>
              ))}
            </select>
          </label>
          {graph !== null && (
            <p class="hint graph-name">
              {texts.ask.graph} <span translate={false}>{graph}</span>
            </p>
          )}
          <div class="row end">
            {working && (
              <button type="button" class="quiet" onClick={props.onStop}>
                {texts.ask.stop}
              </button>
            )}
            <button type="submit" class="primary" disabled={working}>
              {texts.ask.submit}
            </button>
          </div>
        </div>
      </form>
      {examples.length > 0 && (
        <div class="examples">
          <h2>{texts.ask.examples}</h2>
          <ul>
            {examples.map((example) => (
              <li key={example.language + example.question}>
                <button
                  type="button"
                  lang={example.language}
                  onClick={() => {
                    props.onQuestion(example.question);
                    ask(example.question);
                  }}
                >
                  {example.question}
                </button>
              </li>
            ))}
          </ul>
        </div>
      )}
    </section>
  );
}
