/** Cypher's words as an editor colours them: which is a keyword, a label, a property, a text. Knows no editor. */

import type { StreamParser, StringStream } from "@codemirror/language";

/** Words of Cypher that stand where a name could stand. */
export const KEYWORDS = (
  "ALL AND ANY AS ASC ASCENDING BY CALL CASE COLLECT CONTAINS COUNT CREATE DELETE DESC DESCENDING DETACH DISTINCT " +
  "ELSE END ENDS EXISTS FALSE FOREACH IN IS LIMIT MATCH MERGE NONE NOT NULL OFFSET ON OPTIONAL OR ORDER REDUCE " +
  "REMOVE RETURN SET SHORTESTPATH SINGLE SKIP STARTS THEN TRUE UNION UNWIND WHEN WHERE WITH XOR YIELD"
).split(" ");

const KNOWN = new Set(KEYWORDS);
/** Of these, the ones that are functions where a parenthesis follows. */
const CALLED = new Set(["ALL", "ANY", "COLLECT", "COUNT", "EXISTS", "NONE", "REDUCE", "SHORTESTPATH", "SINGLE"]);
const CONSTANTS = new Set(["TRUE", "FALSE", "NULL"]);

interface State {
  /** What ends the text or comment that an earlier line began. */
  open: string | null;
  /** Open brackets, innermost last; `map` for the braces of a map, `block` for those of a subquery. */
  brackets: ("(" | "[" | "map" | "block")[];
  /** The token before was a keyword. */
  keyword: boolean;
  /** What a name that comes next is; null if that depends on the name. */
  next: "typeName" | "propertyName" | null;
}

export const cypherLanguage: StreamParser<State> = {
  name: "cypher",
  startState: () => ({ open: null, brackets: [], keyword: false, next: null }),
  copyState: (state) => ({ ...state, brackets: [...state.brackets] }),
  languageData: { commentTokens: { line: "//", block: { open: "/*", close: "*/" } } },
  token(stream, state) {
    if (state.open !== null) return closing(stream, state, state.open);
    if (stream.eatSpace()) return null;
    if (stream.match("//")) {
      stream.skipToEnd();
      return "comment";
    }
    if (stream.match("/*")) return closing(stream, state, "*/");
    const token = word(stream, state);
    state.keyword = token === "keyword";
    return token;
  },
};

/** The rest of a text or comment, up to what ends it or to the end of the line. */
function closing(stream: StringStream, state: State, end: string): string {
  const kind = end === "*/" ? "comment" : "string";
  state.open = end;
  while (!stream.eol()) {
    if (kind === "string" && stream.eat("\\")) stream.next();
    else if (stream.match(end)) {
      state.open = null;
      break;
    } else stream.next();
  }
  return kind;
}

function word(stream: StringStream, state: State): string | null {
  const expected = state.next;
  state.next = null;
  const quote = stream.eat(/['"]/);
  if (quote) return closing(stream, state, quote);
  if (stream.match(/^\d+(\.\d+)?([eE][+-]?\d+)?/)) return "number";
  if (stream.match(/^\$[\w]+/)) return "atom";
  if (stream.match(/^(`(?:[^`]|``)*`|[\p{L}_][\p{L}\p{N}_]*)/u)) return named(stream, state, expected);
  return sign(stream, state, expected);
}

function named(stream: StringStream, state: State, expected: State["next"]): string {
  const upper = stream.current().toUpperCase();
  if (expected === "typeName" && stream.match(/^\s*[|&]\s*!?:?/, false)) state.next = "typeName";
  if (expected) return expected;
  const inMap = state.brackets.at(-1) === "map";
  if (inMap && stream.match(/^\s*:/, false)) return "propertyName";
  const called = Boolean(stream.match(/^\s*\(/, false));
  if (called && (CALLED.has(upper) || !KNOWN.has(upper))) return "variableName.function";
  if (CONSTANTS.has(upper)) return "bool";
  return KNOWN.has(upper) ? "keyword" : "variableName";
}

function sign(stream: StringStream, state: State, expected: State["next"]): string | null {
  const letter = stream.next();
  if (letter === "." && !stream.eat(".")) state.next = "propertyName";
  if (letter === ":" && state.brackets.at(-1) !== "map") state.next = "typeName";
  // Between the parts of a label expression: `A|B`, `A&!B`.
  if (expected === "typeName" && /[|&!]/.test(letter ?? "")) state.next = expected;
  if (letter === "(" || letter === "[") state.brackets.push(letter);
  // `EXISTS {` begins a subquery, `n {` and `= {` a map.
  if (letter === "{") state.brackets.push(state.keyword ? "block" : "map");
  if (letter === ")" || letter === "]" || letter === "}") state.brackets.pop();
  return null;
}
