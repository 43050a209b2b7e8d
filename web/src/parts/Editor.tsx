/** Cypher with colours, edited in place; names of the schema complete themselves. */

import {
  autocompletion,
  completeFromList,
  completionKeymap,
  type Completion,
} from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { bracketMatching, HighlightStyle, StreamLanguage, syntaxHighlighting } from "@codemirror/language";
import { Annotation, Compartment, EditorState, Prec } from "@codemirror/state";
import { EditorView, keymap } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { useEffect, useRef } from "preact/hooks";

import type { Schema } from "../api/types";
import { cypherLanguage, KEYWORDS } from "./cypherLanguage";

interface Props {
  label: string;
  value: string;
  readOnly: boolean;
  schema: Schema | null;
  onChange(text: string): void;
  onRun(): void;
}

/** Colours are the page's own, so that light and dark need one theme. */
const colours = HighlightStyle.define([
  { tag: tags.keyword, color: "var(--code-keyword)", fontWeight: "600" },
  { tag: tags.string, color: "var(--code-text)" },
  { tag: [tags.number, tags.bool, tags.atom], color: "var(--code-number)" },
  { tag: tags.typeName, color: "var(--code-type)" },
  { tag: tags.function(tags.variableName), color: "var(--code-function)" },
  { tag: tags.comment, color: "var(--muted)", fontStyle: "italic" },
]);

const theme = EditorView.theme({
  "&": { color: "var(--text)", backgroundColor: "transparent", fontSize: "0.9375rem" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.6", maxHeight: "16rem", overflow: "auto" },
  ".cm-content": { padding: "0.75rem 0", caretColor: "var(--accent)" },
  ".cm-line": { padding: "0 1rem" },
  ".cm-cursor": { borderLeftColor: "var(--accent)", borderLeftWidth: "2px" },
  "&.cm-focused .cm-matchingBracket": { backgroundColor: "var(--accent-soft)" },
  ".cm-tooltip": {
    backgroundColor: "var(--surface)",
    border: "1px solid var(--line)",
    borderRadius: "8px",
    overflow: "hidden",
    boxShadow: "var(--shadow)",
  },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": { fontFamily: "var(--mono)", fontSize: "0.8125rem" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li": { padding: "0.2rem 0.6rem" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { backgroundColor: "var(--accent)", color: "var(--on-accent)" },
});

/** Marks a change that came from outside, of which the outside need not be told. */
const given = Annotation.define<true>();

/** Cypher's words and the names of a schema, as an editor offers them. */
function namesOf(schema: Schema | null): Completion[] {
  const words = KEYWORDS.map((label) => ({ label, type: "keyword" }));
  if (!schema) return words;
  const labels = Object.keys(schema.node_properties);
  const types = new Set(schema.relationships.map(([, type]) => type));
  const maps = [...Object.values(schema.node_properties), ...Object.values(schema.relationship_properties)];
  const properties = new Set(maps.flatMap((map) => Object.keys(map)));
  return [
    ...words,
    ...labels.map((label) => ({ label, type: "class" })),
    ...[...types].map((label) => ({ label, type: "type" })),
    ...[...properties].map((label) => ({ label, type: "property" })),
  ];
}

export function Editor({ label, value, readOnly, schema, onChange, onRun }: Props) {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const settings = useRef(new Compartment());
  const calls = useRef({ onChange, onRun });
  calls.current = { onChange, onRun };

  function changing() {
    return [
      EditorState.readOnly.of(readOnly),
      EditorView.contentAttributes.of({ "aria-label": label, "aria-readonly": String(readOnly), translate: "no" }),
      autocompletion({ override: [completeFromList(namesOf(schema))], icons: false }),
    ];
  }

  useEffect(() => {
    if (!host.current) return;
    // Within a shadow root the editor's styles are adopted sheets, which a strict content security policy allows.
    const root = host.current.shadowRoot ?? host.current.attachShadow({ mode: "open" });
    const run = { key: "Mod-Enter", run: () => (calls.current.onRun(), true) };
    view.current = new EditorView({
      root,
      parent: root,
      doc: value,
      extensions: [
        Prec.highest(keymap.of([run])),
        keymap.of([...completionKeymap, ...historyKeymap, ...defaultKeymap]),
        history(),
        bracketMatching(),
        EditorView.lineWrapping,
        StreamLanguage.define(cypherLanguage),
        syntaxHighlighting(colours),
        theme,
        settings.current.of(changing()),
        EditorView.updateListener.of((update) => {
          const typed = update.docChanged && !update.transactions.some((change) => change.annotation(given));
          if (typed) calls.current.onChange(update.state.doc.toString());
        }),
      ],
    });
    return () => {
      view.current?.destroy();
      view.current = null;
    };
  }, []);

  useEffect(() => {
    view.current?.dispatch({ effects: settings.current.reconfigure(changing()) });
  }, [label, readOnly, schema]);

  useEffect(() => {
    const shown = view.current?.state.doc.toString();
    if (view.current && shown !== value)
      view.current.dispatch({
        changes: { from: 0, to: shown?.length ?? 0, insert: value },
        annotations: given.of(true),
      });
  }, [value]);

  return <div class="editor" ref={host} />;
}
