import { expect, test } from "vitest";

import { keepHistory, readHistory, withEntry, type Entry } from "../src/history";
import { quoted, someOf, somePaths } from "../src/schema/queries";
import { pick, TEXTS } from "../src/texts";

test.each([
  [["es-MX", "en"], "es"],
  [["de-DE", "tr"], "tr"],
  [["", "TR"], "tr"],
  [["constructor", "fr"], "en"],
  [[], "en"],
])("of %j the page speaks %s", (wanted, spoken) => expect(pick(wanted)).toBe(spoken));

/** The paths of every text, and whether it is a text or a function. */
function shape(value: object, path = ""): string[] {
  return Object.entries(value).flatMap(([key, text]: [string, unknown]) =>
    typeof text === "object" && text !== null ? shape(text, `${path}${key}.`) : [`${path}${key}: ${typeof text}`],
  );
}

test.each(Object.keys(TEXTS))("%s has every text, and none is empty", (code) => {
  expect(shape(TEXTS[code]!)).toEqual(shape(TEXTS["en"]!));
  expect(JSON.stringify(TEXTS[code])).not.toContain('""');
});

function memory(): Storage {
  const kept = new Map<string, string>();
  return {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
    removeItem: (key: string) => void kept.delete(key),
    get length() {
      return kept.size;
    },
  } as Storage;
}

const entry = (at: number, question: string): Entry => ({ at, question, language: "auto", cypher: "RETURN 1", rows: 1 });

test("history is kept newest first, each question once, fifty at most", () => {
  let entries: Entry[] = [];
  for (let at = 0; at < 60; at++) entries = withEntry(entries, entry(at, `question ${at}`));
  entries = withEntry(entries, entry(99, "question 30"));
  expect(entries.length).toBe(50);
  expect(entries[0]).toEqual(entry(99, "question 30"));
  expect(entries.filter(({ question }) => question === "question 30").length).toBe(1);
});

test("history comes back as it was kept, and clearing leaves no trace", () => {
  const store = memory();
  keepHistory([entry(1, "one")], store);
  expect(readHistory(store)).toEqual([entry(1, "one")]);
  keepHistory([], store);
  expect(store.length).toBe(0);
});

test.each(["no JSON", '{"a": 1}', '[1, null, {"at": "x"}]'])("a damaged history is empty: %s", (text) => {
  const store = memory();
  store.setItem("polycypher.history", text);
  expect(readHistory(store)).toEqual([]);
});

test("names of the schema are quoted where Cypher needs it", () => {
  expect(["Movie", "Two Words", "a`b", "1st", "Şehir"].map(quoted)).toEqual([
    "Movie",
    "`Two Words`",
    "`a``b`",
    "`1st`",
    "`Şehir`",
  ]);
  expect(someOf("A B")).toBe("MATCH (n:`A B`) RETURN n LIMIT 25");
  expect(somePaths("A", "B", "C")).toBe("MATCH p = (:A)-[:B]->(:C) RETURN p LIMIT 25");
});
