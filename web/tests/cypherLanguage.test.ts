import { StringStream } from "@codemirror/language";
import { expect, test } from "vitest";

import { cypherLanguage } from "../src/parts/cypherLanguage";

/** The words of a query with what each is coloured as; uncoloured signs and blanks are left out. */
function coloured(query: string): string {
  const state = cypherLanguage.startState!(2);
  const found: string[] = [];
  for (const line of query.split("\n")) {
    const stream = new StringStream(line, 2, 2);
    while (!stream.eol()) {
      stream.start = stream.pos;
      const token = cypherLanguage.token(stream, state);
      if (stream.pos === stream.start) throw new Error(`stands still at ${line.slice(stream.pos)}`);
      if (token) found.push(`${stream.current()}/${token}`);
    }
  }
  return found.join(" ");
}

test("clauses, labels, types, properties and texts are told apart", () => {
  expect(coloured("MATCH (p:Person {name: 'Ana'})-[:ACTED_IN|DIRECTED]->(m) RETURN m.title LIMIT 5")).toBe(
    "MATCH/keyword p/variableName Person/typeName name/propertyName 'Ana'/string ACTED_IN/typeName " +
      "DIRECTED/typeName m/variableName RETURN/keyword m/variableName title/propertyName LIMIT/keyword 5/number",
  );
});

test("a word is a function where it is called, and a keyword where it is none", () => {
  expect(coloured("RETURN count(*) , COUNT { MATCH (a:B) }")).toBe(
    "RETURN/keyword count/variableName.function COUNT/keyword MATCH/keyword a/variableName B/typeName",
  );
});

test("a variable-length pattern keeps its type and its numbers", () => {
  expect(coloured("-[:KNOWS*1..3]-")).toBe("KNOWS/typeName 1/number 3/number");
});

test("texts with escapes and comments over lines end where they end", () => {
  expect(coloured("RETURN 'it\\'s' /* one\ntwo */ AS `my name` // rest")).toBe(
    "RETURN/keyword 'it\\'s'/string /* one/comment two */ /comment AS/keyword `my name`/variableName // rest/comment"
      .replace("*/ /", "*//"),
  );
});

test("anything at all is read to its end", () => {
  for (const odd of ["'", "`", "$", "}{)(", ":::", "\\", "😀 ::|", "/*", "..", "1.", "1..2"]) coloured(odd);
});
